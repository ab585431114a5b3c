import hashlib
from pathlib import Path

from sdxl_reg.formats.hashes import auto_v2, auto_v3, legacy_hash
from sdxl_reg.formats.safetensors import read_header, serialise, write_file


def test_hashes_are_those_that_other_programs_compute(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_file(path, serialise({"a": ("F16", (2,), b"1234")}, {}))
    assert auto_v2(path) == hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    assert auto_v3(path) == hashlib.sha256(b"1234").hexdigest()


def test_the_legacy_hash_is_of_64_kib_after_the_first_mib(tmp_path: Path) -> None:
    """As `model_hash` of sd-scripts' `train_util.py` has it."""
    (tmp_path / "x").write_bytes(b"a" * 2**20 + b"b" * 2**16 + b"c")
    assert legacy_hash(tmp_path / "x") == hashlib.sha256(b"b" * 2**16).hexdigest()[:8]


def test_a_written_file_says_its_own_auto_v3(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_file(path, serialise({"a": ("F16", (2,), b"1234")}, {"ss_seed": "1"}))
    assert read_header(path).metadata["sshs_model_hash"] == auto_v3(path)
