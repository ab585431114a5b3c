"""Copies that share blocks, where a file system can do that."""

import errno
import fcntl
import hashlib
import os
import shutil
from pathlib import Path

import pytest

from sdxl_reg.store.blobs import BlobStore


def _sharing(monkeypatch: pytest.MonkeyPatch, bytes_of: Path | None) -> list[int]:
    """A kernel whose file system shares blocks: of the file that is asked for, or of another."""
    asked: list[int] = []

    def ioctl(target: int, request: int, source: int) -> int:
        asked.append(request)
        path = bytes_of or Path(f"/proc/self/fd/{source}").readlink()
        with path.open("rb") as stream, os.fdopen(os.dup(target), "wb") as copy:
            shutil.copyfileobj(stream, copy)
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    return asked


@pytest.mark.parametrize("shares", [True, False])
def test_a_copy_holds_the_bytes_whether_blocks_can_be_shared_or_not(
    shares: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(b"picture" * 1000)
    store = BlobStore(tmp_path / "blobs")
    if shares:
        assert _sharing(monkeypatch, None) == []
    else:

        def refused(*_: object) -> int:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")

        monkeypatch.setattr(fcntl, "ioctl", refused)
    stored = store.put_copy(source, source.read_bytes())
    assert store.read(stored.sha256) == source.read_bytes()


def test_a_file_that_changed_before_its_blocks_were_shared_is_written_as_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, changed = tmp_path / "a.jpg", tmp_path / "b.jpg"
    source.write_bytes(b"old")
    changed.write_bytes(b"something new and longer")
    store = BlobStore(tmp_path / "blobs")
    asked = _sharing(monkeypatch, changed)
    stored = store.put_copy(source, b"old")
    assert asked
    assert stored.sha256 == hashlib.sha256(b"old").hexdigest()
    assert store.read(stored.sha256) == b"old"
