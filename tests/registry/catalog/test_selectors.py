"""Selectors: how they are read, and which paths a glob means."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.catalog.selectors import (
    FIELDS,
    And,
    Fact,
    Not,
    Or,
    Term,
    parse_selector,
    path_matches,
)
from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.imaging.names import name_key
from tests.house.tracked import ROOT

NAME = st.sampled_from(["a", "b", "C", "é", "spot", "x y"])
PATH = st.lists(NAME, min_size=1, max_size=5)


@given(PATH)
def test_a_path_matches_itself_and_what_double_stars_stand_for(path: list[str]) -> None:
    text = "/".join(path)
    assert path_matches(text, text)
    assert path_matches("**", text)
    assert path_matches(f"**/{path[-1]}", text)
    assert path_matches(f"{path[0]}/**", text)
    assert path_matches("/".join("*" for _ in path), text)
    assert not path_matches("/".join("*" for _ in range(len(path) + 1)), text)


@given(st.lists(st.text(alphabet="ab*?", max_size=3), min_size=1, max_size=4), PATH)
def test_globs_match_as_a_plain_search_says(glob: list[str], path: list[str]) -> None:
    glob = [re.sub(r"\*+", "*", name) or "*" for name in glob]
    keys = [name_key(name) for name in path]
    expected = len(glob) == len(path) and all(map(_plain_match, glob, keys))
    assert path_matches("/".join(glob), "/".join(path)) == expected


def _plain_match(glob: str, name: str) -> bool:
    if not glob:
        return not name
    if glob[0] == "*":
        return _plain_match(glob[1:], name) or bool(name and _plain_match(glob, name[1:]))
    return bool(name) and glob[0] in ("?", name[0]) and _plain_match(glob[1:], name[1:])


@pytest.mark.parametrize("selector", ["(a", "a)", "a OR", "AND a", '"a', "NOT", "()", 'size:""'])
def test_a_selector_of_the_wrong_form_is_refused(selector: str) -> None:
    with pytest.raises(InvalidValue, match="selector is not of the right form"):
        parse_selector(selector)


def test_terms_and_facts_combine_as_logic_says() -> None:
    read = parse_selector(
        'brand:qzy (size:<512 OR NOT caption:"two words") **/spot', levels=["brand"]
    )
    assert read == And(
        (
            Term("qzy", "brand"),
            Or((Fact("size", "<512"), Not(Fact("caption", "two words", is_quoted=True)))),
            Term("**/spot"),
        )
    )


@pytest.mark.parametrize("field", FIELDS)
def test_a_level_goes_before_a_field_of_its_name(field: str) -> None:
    assert parse_selector(f"{field}:1") == Fact(field, "1")
    assert parse_selector(f"{field}:1", levels=[field]) == Term("1", field)


@pytest.mark.parametrize("wrong", ["colour:red", "captions:rim", "sizes:<3"])
def test_a_field_that_does_not_exist_is_refused(wrong: str) -> None:
    with pytest.raises(UnknownName, match="no such field"):
        parse_selector(wrong, levels=["brand"])


def test_the_page_on_tags_explains_every_field() -> None:
    page = (ROOT / "docs/tags.md").read_text("utf-8")
    assert [field for field in FIELDS if f"`{field}:" not in page] == []
