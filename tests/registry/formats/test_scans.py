"""Scans: what could run something in who opens it is told, by two who know, without opening it."""

import pickle
from pathlib import Path

import pytest

from sdxl_reg.formats import scans
from sdxl_reg.formats.scans import Scan, scan
from sdxl_reg.vocabulary import ScanVerdict
from tests.registry.formats.shaped_files import TO_K, shaped_file
from tests.registry.formats.test_pickles import TENSOR, Harmful, archive, pickled


def test_safetensors_hold_nothing_that_could_run(tmp_path: Path) -> None:
    path = shaped_file(tmp_path / "x.safetensors", {TO_K: (4, 2048)}, {})
    assert scan(path).verdict == ScanVerdict.SAFE


def test_numbers_that_begin_like_a_pickle_are_no_pickle(tmp_path: Path) -> None:
    files = [
        shaped_file(tmp_path / f"{size}.safetensors", {TO_K: (4, 8)}, {"x": "x" * size})
        for size in range(0, 256, 8)
    ]
    alike = [path for path in files if path.read_bytes()[0] == 0x80]
    assert alike
    assert [scan(path).verdict for path in alike] == [ScanVerdict.SAFE] * len(alike)


def test_plain_tensors_in_a_pickle_are_safe(tmp_path: Path) -> None:
    assert scan(archive(tmp_path / "x.pt", TENSOR % b"Half")).verdict == ScanVerdict.SAFE


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors", "x.ckpt", "x"])
def test_a_pickle_that_runs_something_is_unsafe_whatever_it_is_called(
    tmp_path: Path, name: str
) -> None:
    found = scan(pickled(tmp_path / name, Harmful()))
    assert found.verdict == ScanVerdict.UNSAFE
    assert "builtins.exec" in found.reason or "__builtin__.exec" in found.reason


def test_a_bare_pickle_is_told_too(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(pickle.dumps(Harmful(), protocol=4))
    assert scan(path).verdict == ScanVerdict.UNSAFE


def test_what_picklescan_does_not_know_our_own_machine_refuses(tmp_path: Path) -> None:
    found = scan(pickled(tmp_path / "x.pt", Path("x")))
    assert found == Scan(
        ScanVerdict.UNSAFE, "its pickle asks for 'pathlib.PosixPath', which is not data"
    )


def test_what_our_own_machine_lets_through_picklescan_may_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path / "x.pt", TENSOR % b"Half")
    monkeypatch.setattr(scans, "_named_by_picklescan", lambda _: ["torch.HalfStorage"])
    assert scan(path).verdict == ScanVerdict.UNSAFE


def test_an_empty_zip_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(b"PK\x03\x04 and nothing else")
    assert scan(path).verdict == ScanVerdict.UNKNOWN


@pytest.mark.parametrize(
    ("name", "data", "verdict"),
    [
        ("config.json", b'{"a": 1}', ScanVerdict.SAFE),
        ("config.json", b'{"a": ', ScanVerdict.UNKNOWN),
        ("config.json", b"[" * 100_000, ScanVerdict.UNKNOWN),
        ("merges.txt", "微 品\n".encode(), ScanVerdict.SAFE),
        ("merges.txt", b"\xff\xfe\x00", ScanVerdict.UNKNOWN),
        ("x.png", b"\x89PNG\r\n\x1a\n and so on", ScanVerdict.SAFE),
        ("pipeline.py", b"print('hello')", ScanVerdict.UNKNOWN),
        ("x.safetensors", b"", ScanVerdict.UNKNOWN),
        ("x.bin", b"", ScanVerdict.UNKNOWN),
    ],
)
def test_other_files_are_told_by_what_they_are(
    tmp_path: Path, name: str, data: bytes, verdict: ScanVerdict
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert scan(path, name=name).verdict == verdict
