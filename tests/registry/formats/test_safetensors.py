import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.formats.safetensors import MAX_HEADER_BYTES, read_header, serialise, write_file

TENSORS = {"b": ("F16", (2, 3), bytes(range(12))), "a": ("F32", (), b"\0\0\x80\x3f")}


def _file(path: Path, header: object, data: bytes = b"", *, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def _entry(begin: int, end: int, shape: tuple[int, ...] = (2,), dtype: str = "F16") -> object:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_file(path, serialise(TENSORS, {"note": "häh"}))
    header = read_header(path)
    assert list(header.tensors) == ["a", "b"]
    assert header.tensors["b"].shape == (2, 3)
    assert header.metadata["note"] == "häh"
    assert path.read_bytes()[header.data_offset :] == TENSORS["a"][2] + TENSORS["b"][2]


def test_the_reference_reader_reads_it(tmp_path: Path) -> None:
    from safetensors import safe_open

    path = tmp_path / "x.safetensors"
    write_file(path, serialise(TENSORS, {"note": "n"}))
    with safe_open(path, framework="numpy") as file:
        assert set(file.keys()) == {"a", "b"}
        assert file.get_tensor("a") == 1.0
        assert file.metadata()["note"] == "n"


def test_the_same_content_gives_the_same_bytes_in_any_order() -> None:
    backwards = dict(reversed(TENSORS.items()))
    assert serialise(TENSORS, {"a": "1", "b": "2"}) == serialise(backwards, {"b": "2", "a": "1"})


def test_nothing_is_left_beside_a_written_file(tmp_path: Path) -> None:
    write_file(tmp_path / "x", b"old")
    write_file(tmp_path / "x", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"new")]


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_header(tmp_path / "none")


@pytest.mark.parametrize(
    ("header", "data", "fault"),
    [
        (b"{", b"", "not JSON"),
        (b"[]", b"", "not an object"),
        ({"__metadata__": {"a": 1}}, b"", "metadata"),
        ({"a": {"dtype": "F16"}}, b"", "no known way"),
        ({"a": _entry(0, 4, dtype="F17")}, b"1234", "no known way"),
        ({"a": _entry(0, 4)}, b"12", "cut short"),
        ({"a": _entry(0, 4)}, b"123456", "describes 4"),
        ({"a": _entry(0, 3)}, b"123", "another size"),
        ({"a": _entry(2, 6)}, b"123456", "expected 0"),
        ({"a": _entry(0, 4), "b": _entry(6, 10)}, b"1234567890", "expected 4"),
        ({"a": _entry(0, 4), "b": _entry(2, 6)}, b"123456", "expected 4"),
        ({"a": _entry(0, 4, (-1, -2))}, b"1234", "another size"),
    ],
)
def test_a_header_that_does_not_fit_its_file_is_refused(
    tmp_path: Path, header: object, data: bytes, fault: str
) -> None:
    with pytest.raises(Corrupt, match=fault):
        read_header(_file(tmp_path / "x", header, data))


@pytest.mark.parametrize("length", [MAX_HEADER_BYTES + 1, 2**63, 100])
def test_a_header_longer_than_the_file_or_the_limit_is_not_read(
    tmp_path: Path, length: int
) -> None:
    with pytest.raises(Corrupt, match="does not fit"):
        read_header(_file(tmp_path / "x", b"{}", length=length))


@given(st.binary(max_size=64))
def test_no_bytes_get_past_it(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    with suppress(Corrupt):
        assert read_header(path).data_offset <= len(content)
