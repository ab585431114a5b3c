import hashlib
from pathlib import Path

from sdxl_reg.formats.hashes import auto_v2, auto_v3
from sdxl_reg.formats.safetensors import read_header, serialise, write_file


def test_hashes_are_those_that_other_programs_compute(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_file(path, serialise({"a": ("F16", (2,), b"1234")}, {}))
    assert auto_v2(path) == hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    assert auto_v3(path) == hashlib.sha256(b"1234").hexdigest()


def test_a_written_file_says_its_own_auto_v3(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_file(path, serialise({"a": ("F16", (2,), b"1234")}, {"ss_seed": "1"}))
    assert read_header(path).metadata["sshs_model_hash"] == auto_v3(path)
