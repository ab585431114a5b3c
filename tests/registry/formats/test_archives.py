"""Archives written from end to end, and opened by the programs that people have."""

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from sdxl_reg.formats.archives import ARCHIVES, ends_whole

LONG = "a folder/" + "x" * 120 + "/微品.txt"


class Narrow:
    """A sink that can only be written to."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> int:
        self.data += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def packed(kind: str, folder: Path) -> bytes:
    (folder / "shard").write_bytes(b"s" * 70_000)
    sink = Narrow()
    archive = ARCHIVES[kind](sink)
    archive.add_folder("log")
    archive.add(LONG, "Größe".encode())
    archive.add_file("data/shard", folder / "shard")
    archive.close()
    return bytes(sink.data)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_same_files_give_the_same_bytes(kind: str, tmp_path: Path) -> None:
    assert packed(kind, tmp_path) == packed(kind, tmp_path)


def test_a_zip_is_unpacked_by_unzip(tmp_path: Path) -> None:
    (tmp_path / "made.zip").write_bytes(packed("zip", tmp_path))
    command = ["unzip", "-q", "made.zip", "-d", "out"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    assert (tmp_path / "out" / LONG).read_text("utf-8") == "Größe"
    assert (tmp_path / "out/data/shard").stat().st_size == 70_000
    assert (tmp_path / "out/log").is_dir()


def test_a_tar_is_unpacked_by_tar(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    command = ["tar", "xf", "-", "-C", "out"]
    subprocess.run(command, cwd=tmp_path, input=packed("tar", tmp_path), check=True, timeout=60)
    assert (tmp_path / "out" / LONG).read_text("utf-8") == "Größe"
    assert (tmp_path / "out/data/shard").stat().st_size == 70_000
    assert (tmp_path / "out/log").is_dir()


def test_what_was_cut_off_is_no_whole_archive(tmp_path: Path) -> None:
    data = packed("zip", tmp_path)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(data[:-30]))
    whole = packed("tar", tmp_path)
    assert ends_whole(whole[-4096:])
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        end = tar.getmembers()[-1].offset
    assert not ends_whole(whole[:end])  # at the edge of a member, where tar itself says nothing
