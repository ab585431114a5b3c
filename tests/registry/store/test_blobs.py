import errno
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdxl_reg.errors import Corrupt, InvalidValue, NotFound, OutOfSpace
from sdxl_reg.store.blobs import CHUNK_BYTES, BlobStore

ABC = hashlib.sha256(b"abc").hexdigest()


def kept(store: BlobStore) -> list[Path]:
    """Every file below the store, those still coming in included."""
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_bytes_come_back_under_their_sha256(store: BlobStore) -> None:
    stored = store.put_bytes(b"abc")
    assert (stored.sha256, stored.size_bytes, stored.is_new) == (ABC, 3, True)
    assert store.read(ABC) == b"abc"
    store.verify(ABC)


def test_bytes_are_kept_once(store: BlobStore) -> None:
    store.put_bytes(b"abc")
    inode = store.path(ABC).stat().st_ino
    assert not store.put_bytes(b"abc").is_new
    assert store.path(ABC).stat().st_ino == inode
    assert kept(store) == [store.path(ABC)]


def test_a_blob_is_read_only(store: BlobStore) -> None:
    store.put_bytes(b"abc")
    assert stat.S_IMODE(store.path(ABC).stat().st_mode) == 0o444


def test_a_source_file_is_only_read(store: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_bytes(b"abc")
    source.chmod(0o400)
    before = source.stat()
    assert store.put_file(source).sha256 == ABC
    after = source.stat()
    assert (after.st_mtime_ns, after.st_mode, after.st_size, after.st_nlink) == (
        before.st_mtime_ns,
        before.st_mode,
        before.st_size,
        before.st_nlink,
    )


@given(data=st.binary(max_size=4096), extra=st.integers(0, 3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_whatever_goes_in_comes_out_and_is_named_by_its_digest(
    store: BlobStore, data: bytes, extra: int
) -> None:
    data = data * (1 + extra * (CHUNK_BYTES // 4096))  # some of several chunks
    stored = store.put_stream(io.BytesIO(data))
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert stored.size_bytes == len(data)
    assert store.read(stored.sha256) == data


def test_many_writers_of_the_same_bytes_leave_one_blob(store: BlobStore) -> None:
    threads = [threading.Thread(target=store.put_bytes, args=(b"abc",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept(store) == [store.path(ABC)]


def test_a_blob_whose_bytes_changed_is_corrupt(store: BlobStore) -> None:
    store.put_bytes(b"abc")
    store.path(ABC).chmod(0o644)
    store.path(ABC).write_bytes(b"abd")
    with pytest.raises(Corrupt, match="SHA-256 is"):
        store.verify(ABC)


def test_a_truncated_blob_is_replaced_when_its_bytes_come_again(store: BlobStore) -> None:
    store.put_bytes(b"abc")
    store.path(ABC).chmod(0o644)
    store.path(ABC).write_bytes(b"a")
    assert store.put_bytes(b"abc").is_new
    store.verify(ABC)


@pytest.mark.parametrize("ask", [BlobStore.open, BlobStore.read, BlobStore.verify])
def test_a_blob_that_is_not_there_is_not_found(
    store: BlobStore, ask: Callable[[BlobStore, str], object]
) -> None:
    with pytest.raises(NotFound, match="fsck"):
        ask(store, ABC)


@pytest.mark.parametrize("digest", ["", "abc", ABC.upper(), "../" * 20 + "etc", ABC + "\n"])
def test_only_a_digest_leads_to_a_path(store: BlobStore, digest: str) -> None:
    with pytest.raises(InvalidValue, match="64"):
        store.has(digest)


def test_blobs_are_laid_out_under_their_names_without_copying(
    store: BlobStore, tmp_path: Path
) -> None:
    store.put_bytes(b"abc")
    for _ in range(2):
        store.materialise({"unet/a.txt": ABC, "b.txt": ABC}, tmp_path / "base")
    assert (tmp_path / "base/unet/a.txt").read_bytes() == b"abc"
    assert (tmp_path / "base/b.txt").resolve() == store.path(ABC)
    assert sorted(path.name for path in (tmp_path / "base").rglob("*")) == [
        "a.txt",
        "b.txt",
        "unet",
    ]


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", ""])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    store: BlobStore, tmp_path: Path, name: str
) -> None:
    store.put_bytes(b"abc")
    with pytest.raises(InvalidValue, match="out of its folder"):
        store.materialise({name: ABC}, tmp_path / "base")


def test_a_blob_that_is_missing_stops_the_layout_and_is_named(
    store: BlobStore, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="unet/weights"):
        store.materialise({"unet/weights": ABC}, tmp_path)


class Failing(io.RawIOBase):
    """A stream that gives some bytes and then raises."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.given = error, False

    def read(self, size: int = -1, /) -> bytes:
        if self.given:
            raise self.error
        self.given = True
        return b"some bytes"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.EIO, "broken disk")])
def test_a_source_that_breaks_off_leaves_nothing(store: BlobStore, error: BaseException) -> None:
    stream: BinaryIO = Failing(error)  # type: ignore[assignment]
    with pytest.raises(type(error)):
        store.put_stream(stream)
    assert kept(store) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_leaves_nothing(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    store.root.joinpath("incoming").mkdir(parents=True)
    with pytest.raises(OutOfSpace, match="make room"):
        store.put_bytes(b"abc")
    assert kept(store) == []


def test_a_write_that_the_system_really_refuses_leaves_nothing(store: BlobStore) -> None:
    program = """
import resource, signal, sys
from pathlib import Path
from sdxl_reg.errors import OutOfSpace
from sdxl_reg.store.blobs import BlobStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    BlobStore(Path(sys.argv[1])).put_bytes(bytes(3 << 20))
except OutOfSpace as error:
    print(error.exit_code)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(store.root)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "6\n"
    assert kept(store) == []


def test_a_process_killed_in_the_middle_leaves_no_blob_and_its_rest_is_swept(
    store: BlobStore,
) -> None:
    program = """
import sys
from pathlib import Path
from sdxl_reg.store.blobs import BlobStore
BlobStore(Path(sys.argv[1])).put_stream(sys.stdin.buffer)
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(store.root)], stdin=subprocess.PIPE
    )
    assert writer.stdin is not None
    writer.stdin.write(bytes(2 * CHUNK_BYTES))
    writer.stdin.flush()
    wait_until(lambda: any(path.stat().st_size for path in kept(store)), writer)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdin.close()

    rest = kept(store)
    assert [path.parent.name for path in rest] == ["incoming"]
    assert store.sweep() == []  # it may still be written to, for all we know
    assert store.sweep(older_than_s=-1) == rest
    assert kept(store) == []
    assert store.put_bytes(bytes(2 * CHUNK_BYTES)).is_new


def wait_until(reached: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    pause = threading.Event()
    for _ in range(600):
        if reached():
            return
        assert process.poll() is None, "the process ended too early"
        pause.wait(0.05)
    pytest.fail("nothing was written in 30 s")


def test_a_blob_that_is_discarded_while_it_is_put_again_is_written_anew(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_bytes(b"abc")
    young = os.utime

    def discarded_first(path: Path, *, follow_symlinks: bool) -> None:
        path.unlink()
        young(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "utime", discarded_first)
    assert store.put_bytes(b"abc").is_new
    assert store.read(ABC) == b"abc"


def test_only_what_is_old_is_discarded(store: BlobStore) -> None:
    store.put_bytes(b"abc")
    assert not store.discard(ABC, older_than_s=60)
    assert store.discard(ABC, older_than_s=-1)
    assert not store.has(ABC)
    assert not store.discard(ABC, older_than_s=-1)


def test_restored_bytes_take_the_place_of_damaged_ones_and_false_ones_do_not(
    store: BlobStore,
) -> None:
    store.put_bytes(b"abc")
    store.path(ABC).chmod(0o644)
    store.path(ABC).write_bytes(b"abd")
    with pytest.raises(Corrupt, match="another backup"):
        store.restore(ABC, io.BytesIO(b"abe"))
    assert store.read(ABC) == b"abd"
    store.restore(ABC, io.BytesIO(b"abc"))
    store.verify(ABC)


def test_a_file_of_the_store_becomes_a_blob_without_a_copy(store: BlobStore) -> None:
    source = store.root / "mine"
    source.parent.mkdir(parents=True)
    source.write_bytes(b"bytes")
    stored = store.put_own(source, b"bytes")
    assert stored.is_new
    assert store.path(stored.sha256).samefile(source)
    assert store.path(stored.sha256).stat().st_mode & 0o777 == 0o444
    assert not store.put_own(source, b"bytes").is_new
    assert not list((store.root / "incoming").iterdir())


def test_a_file_that_cannot_be_linked_is_copied(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "mine"
    source.write_bytes(b"bytes")

    def refusing(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("sdxl_reg.store.blobs.os.link", refusing)
    stored = store.put_own(source, b"bytes")
    assert store.read(stored.sha256) == b"bytes"
    assert not store.path(stored.sha256).samefile(source)
