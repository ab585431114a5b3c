"""Copies of safetensors files under another header."""

from pathlib import Path

import pytest

from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.formats.hashes import auto_v3
from sdxl_reg.formats.safetensors import read_header, serialise
from sdxl_reg.formats.safetensors_copy import copy_with_header, tensor_bytes

TENSORS = {"b": ("U8", (3,), b"\1\2\3"), "a": ("F16", (2, 1), b"\4\5\6\7")}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of two tensors."""
    path = tmp_path / "source.safetensors"
    path.write_bytes(serialise(TENSORS, {"old": "gone", "kept": "as it is"}))
    return path


def test_a_copy_has_the_same_tensors_and_other_metadata(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.safetensors"
    copy_with_header(source, target, metadata={"sdxl_reg.run": "唯"})
    assert read_header(target).metadata == {"sdxl_reg.run": "唯"}
    assert read_header(target).tensors == read_header(source).tensors
    assert auto_v3(target) == auto_v3(source)
    assert read_header(target).data_offset % 8 == 0


def test_tensors_can_be_renamed_and_replaced(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.safetensors"
    copy_with_header(
        source, target, metadata={}, rename="text_model.{}".format, replaced={"b": b"\7\7\7"}
    )
    assert set(read_header(target).tensors) == {"text_model.a", "text_model.b"}
    assert tensor_bytes(target, "text_model.a") == b"\4\5\6\7"
    assert tensor_bytes(target, "text_model.b") == b"\7\7\7"


def test_a_file_may_take_the_place_of_its_source(source: Path) -> None:
    copy_with_header(source, source, metadata={"new": "1"})
    assert read_header(source).metadata == {"new": "1"}
    assert tensor_bytes(source, "b") == b"\1\2\3"


def test_what_is_no_file_of_the_format_is_refused(source: Path, tmp_path: Path) -> None:
    source.write_bytes(source.read_bytes()[:-1])
    with pytest.raises(Corrupt):
        copy_with_header(source, tmp_path / "x", metadata={})
    with pytest.raises(NotFound):
        copy_with_header(tmp_path / "none", tmp_path / "x", metadata={})
    assert not (tmp_path / "x").exists()
