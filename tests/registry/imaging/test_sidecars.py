"""Captions beside pictures."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.imaging.problems import Code
from sdxl_reg.imaging.scan import scan
from sdxl_reg.imaging.sidecars import SidecarReader, Sidecars, caption_of_lines, decode_text


def _read(folder: Path, files: Mapping[str, bytes | str]) -> Sidecars:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = scan(folder)
    return SidecarReader().read(found.pictures, found.captions)


def test_txt_wins_over_caption_over_json_over_metadata(tmp_path: Path) -> None:
    sources = {
        "a.txt": "from txt",
        "a.caption": "from caption",
        "a.json": json.dumps({"caption": "from json"}),
        "metadata.jsonl": json.dumps({"file_name": "a.jpg", "text": "from metadata"}),
    }
    for index, expected in enumerate(("txt", "caption", "json", "metadata")):
        folder = tmp_path / str(index)
        read = _read(folder, {"a.jpg": "x"} | dict(list(sources.items())[index:]))
        assert read.texts == {"a.jpg": f"from {expected}"}


def test_an_empty_caption_falls_through_and_is_told(tmp_path: Path) -> None:
    read = _read(tmp_path, {"a.jpg": "x", "a.txt": " \n", "a.caption": "second"})
    assert read.texts == {"a.jpg": "second"}
    assert [(p.path, p.code) for p in read.problems] == [("a.txt", Code.CAPTION_EMPTY)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gbk"])
def test_the_encodings_of_windows_are_read(encoding: str) -> None:
    text = "黑色背景, a spot on the rim"
    assert decode_text(text.encode(encoding))[0] == text


@given(st.binary())
def test_whatever_the_bytes_no_replacement_character_comes_out(data: bytes) -> None:
    text, encoding = decode_text(data)
    assert encoding is not None or text == ""
    if "\ufffd" in text:
        assert "\ufffd".encode(encoding or "") in data


def test_a_conversion_and_an_unknown_encoding_are_told(tmp_path: Path) -> None:
    read = _read(
        tmp_path, {"a.jpg": "x", "a.txt": "斑点".encode("gbk"), "b.jpg": "x", "b.txt": b"\xff"}
    )
    assert read.texts == {"a.jpg": "斑点"}
    told = [(p.path, p.code) for p in read.problems]
    assert ("a.txt", Code.CAPTION_ENCODING) in told
    assert ("b.txt", Code.CAPTION_ENCODING) in told


def test_lines_are_joined_and_a_trailing_comma_dropped() -> None:
    assert caption_of_lines("one,\r\n two  words \n\nthree, ") == "one, two words three"


def test_of_translated_lines_the_first_is_the_caption() -> None:
    assert caption_of_lines("A frog.\nde.utf8=Ein Frosch.\nzh_cn.utf8=青蛙") == "A frog."


def test_a_caption_shared_by_two_pictures_is_told(tmp_path: Path) -> None:
    read = _read(tmp_path, {"a.jpg": "x", "a.png": "x", "a.txt": "both"})
    assert read.texts == {"a.jpg": "both", "a.png": "both"}
    assert [p.code for p in read.problems] == [Code.CAPTION_SHARED]


def test_metadata_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    rows = [{"file_name": "../a.jpg", "text": "no"}, {"file_name": "/a.jpg", "text": "no"}, "no"]
    lines = "\n".join(json.dumps(row) for row in rows)
    read = _read(tmp_path, {"a.jpg": "x", "sub/b.jpg": "x", "sub/metadata.jsonl": lines})
    assert read.texts == {}
    assert [p.code for p in read.problems] == [Code.CAPTION_REFUSED] * 3


def test_metadata_of_a_folder_above_names_pictures_below(tmp_path: Path) -> None:
    line = json.dumps({"file_name": "sub/b.jpg", "text": "deep"})
    assert _read(tmp_path, {"sub/b.jpg": "x", "metadata.jsonl": line}).texts == {
        "sub/b.jpg": "deep"
    }


def test_a_caption_longer_than_the_encoder_reads_is_told(tmp_path: Path) -> None:
    read = _read(tmp_path, {"a.jpg": "x", "a.txt": "word " * 80})
    assert [p.code for p in read.problems] == [Code.CAPTION_LONG]


def test_broken_json_is_told_and_stops_nothing(tmp_path: Path) -> None:
    read = _read(tmp_path, {"a.jpg": "x", "a.json": "{", "b.jpg": "x", "b.txt": "fine"})
    assert read.texts == {"b.jpg": "fine"}
    assert read.problems


def test_half_a_surrogate_pair_in_json_is_dropped(tmp_path: Path) -> None:
    read = _read(tmp_path, {"a.jpg": "x", "a.json": '{"caption": "a \\ud83d spot"}'})
    assert read.texts == {"a.jpg": "a  spot"} or read.texts == {"a.jpg": "a spot"}
