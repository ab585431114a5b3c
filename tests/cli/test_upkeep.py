"""`sdxl-reg fsck`, `gc`, `backup` and `restore`."""

import json
import os
import time
from pathlib import Path

import pytest

from sdxl_reg.store.blobs import BlobStore, digest_at
from tests.cli.typing_commands import json_of, run
from tests.registry.catalog.integrity.damage import flip
from tests.registry.catalog.pictures import products


@pytest.fixture
def store(home: Path, tmp_path: Path) -> BlobStore:
    """The store of a home into which twelve pictures were ingested."""
    assert run("ingest", products(tmp_path / "products")) == 0
    return BlobStore(home / "blobs")


def test_a_flipped_bit_is_found_told_with_its_picture_and_mended_from_a_backup(
    store: BlobStore,
    home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert json_of(capsys, "fsck")["verified"] == 12
    assert run("backup", tmp_path / "all.tar") == 0
    digest = digest_at(next(store.files()))
    flip(store, digest)
    capsys.readouterr()
    assert run("fsck") == 5
    told = capsys.readouterr()
    assert f"corrupt {digest}" in told.out
    assert "needed by weipin/" in told.out
    assert "--repair --from" in told.err
    assert run("fsck", "--json") == 5
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert (fault["kind"], fault["subject"]) == ("corrupt", digest)

    monkeypatch.setenv("SDXL_REG_HOME", str(tmp_path / "second"))
    assert run("restore", tmp_path / "all.tar") == 0
    monkeypatch.setenv("SDXL_REG_HOME", str(home))
    capsys.readouterr()
    assert run("fsck", "--repair", "--from", tmp_path / "second/blobs", "--json") == 0
    assert json.loads(capsys.readouterr().out)["restored"] == 1
    assert json_of(capsys, "fsck")["faults"] == []


def test_bytes_are_taken_from_elsewhere_only_to_repair(
    store: BlobStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("fsck", "--from", store.root) == 2
    assert "--repair" in capsys.readouterr().err


def test_garbage_is_shown_first_and_removed_only_when_told_to(
    store: BlobStore, capsys: pytest.CaptureFixture[str]
) -> None:
    left = store.put_bytes(b"left by a writer that was killed").sha256
    old = time.time() - 30 * 86_400
    os.utime(store.path(left), (old, old))
    young = store.put_bytes(b"written a moment ago").sha256
    assert "2 files" in _said(capsys, "fsck")
    found = {"blobs": 1, "bytes": 32}
    assert json_of(capsys, "gc", "--dry-run") == {
        "found": found,
        "removed": {"blobs": 0, "bytes": 0},
        "uploads": 0,
        "ingests": 0,
    }
    assert run("gc") == 2
    assert store.has(left)
    assert json_of(capsys, "gc", "--yes")["removed"] == found
    assert not store.has(left)
    assert store.has(young)
    assert "1 were removed, 20 bytes" in _said(capsys, "gc", "--grace-days", "0", "--yes")


def test_a_backup_fills_an_empty_home_and_no_other(
    store: BlobStore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "12 blobs" in _said(capsys, "backup", tmp_path / "all.tar")
    assert run("restore", tmp_path / "all.tar") == 4
    before = json_of(capsys, "images", "weipin")
    monkeypatch.setenv("SDXL_REG_HOME", str(tmp_path / "new"))
    assert json_of(capsys, "restore", tmp_path / "all.tar")["blobs"] == 12
    assert json_of(capsys, "images", "weipin") == before
    assert json_of(capsys, "fsck")["verified"] == 12


def test_a_backup_of_a_damaged_registry_is_whole_but_for_that_and_says_so(
    store: BlobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = digest_at(next(store.files()))
    flip(store, digest)
    assert run("backup", tmp_path / "all.tar") == 5
    assert digest in capsys.readouterr().err
    assert (tmp_path / "all.tar").is_file()


def _said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert run(*arguments) == 0
    return capsys.readouterr().err
