"""Rows about pictures, ours and those of others."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.formats.picture_rows import PictureRow, level_columns, read_row, row_document

_words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1).filter(
    lambda word: "/" not in word and word.strip() == word
)


@given(st.text().map(str.strip), st.lists(_words, max_size=4), st.lists(_words, max_size=3))
def test_what_is_written_is_read(caption: str, tags: list[str], more: list[str]) -> None:
    levels = ("brand", "state", "text", "level4")
    row = PictureRow(
        caption=caption, tags=tuple(tags), more_tags=tuple(more), repeats=3, source="a", sha256="b"
    )
    document = json.loads(json.dumps(row_document(row, level_columns(levels))))
    found = read_row(document)
    assert found.levels == levels
    assert (found.caption, found.tags, found.more_tags) == (caption, row.tags, row.more_tags)
    assert (found.repeats, found.source, found.sha256) == (3, "a", "b")


def test_every_level_has_a_column_even_where_it_is_empty() -> None:
    document = row_document(PictureRow(tags=("qzy",)), ("brand", "state"))
    assert list(document)[:4] == ["text", "brand", "state", "tags"]
    assert (document["brand"], document["state"]) == ("qzy", "")


def test_rows_of_others_give_what_they_have() -> None:
    assert read_row({"caption": " a cat ", "label": "cat"}) == PictureRow(
        caption="a cat", tags=("cat",), levels=("label",)
    )
    assert read_row({"text": "", "prompt": "x", "tags": "1girl, solo", "label": None}) == (
        PictureRow(caption="x")
    )
    assert read_row({"brand": "qzy", "defect": " ", "repeats": "many"}).tags == ("qzy",)
    assert read_row({"a": 7, "b": "x"}, ["b", "a", "c"]) == PictureRow(
        tags=("x", "7"), levels=("b", "a", "c")
    )
