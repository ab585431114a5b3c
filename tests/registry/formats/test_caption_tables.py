"""Tables of captions as other tools write them."""

from pathlib import Path

import pytest

from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.formats.caption_tables import CaptionRow, read_captions

ROWS = [
    CaptionRow(path="a/1.jpg", text="eins, zwei"),
    CaptionRow(path="2.jpg", text="", author="m"),
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", '\ufefffile_name,caption,author\r\na/1.jpg,"eins, zwei",\r\n2.jpg,,m\r\n'),
        (
            "t.jsonl",
            '{"path": "a/1.jpg", "text": "eins, zwei"}\n\n'
            '{"path": "2.jpg", "text": "", "author": "m"}',
        ),
        (
            "t.json",
            '[{"file_name": "a/1.jpg", "text": "eins, zwei"}, '
            '{"path": "2.jpg", "caption": "", "author": "m"}]',
        ),
    ],
)
def test_a_table_is_read(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert read_captions(path) == ROWS


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        '{"path": "a.jpg"}',
        '{"text": "x"}',
        '{"path": "a.jpg", "sha256": "00", "text": "x"}',
        '{"path": "a.jpg", "text": "x", "caption": "y"}',
        '{"member": "one", "text": "x"}',
        "\x00\xff",
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidValue):
        read_captions(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_captions(tmp_path / "nothing.csv")
