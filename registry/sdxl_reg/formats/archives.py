"""Archives that are written from end to end, without seeking: zip for people, tar for programs.

The same files in the same order give the same bytes: no times, no owners. Nothing is compressed:
pictures are already. A zip that was cut off has no directory at its end and does not open; a tar
lacks the two blocks of zeros at its end (POSIX 1003.1, `pax`), see `ends_whole`.
"""

import io
import shutil
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Protocol, cast

END = bytes(1024)
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
_PIECE_BYTES = 1 << 20


class ByteSink(Protocol):
    """A file that is written from end to end."""

    def write(self, data: bytes, /) -> int:
        """Take bytes; how many."""

    def flush(self) -> None:
        """Nothing, or what is held back goes on."""


class ArchiveWriter(Protocol):
    """Files and folders in the order in which they are told."""

    def add(self, name: str, data: bytes) -> None:
        """Write a file with these bytes."""

    def add_file(self, name: str, path: Path) -> None:
        """Write a file with the bytes of another one."""

    def add_folder(self, name: str) -> None:
        """Write a folder, which may stay empty."""

    def close(self) -> None:
        """Write the end; without it the archive is not whole."""


class ZipWriter:
    """A zip of stored files, with what is beyond 4 GiB as ZIP64.

    Args:
        sink: Receives the bytes in order.
    """

    def __init__(self, sink: ByteSink) -> None:
        self._zip = zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_STORED)

    def add(self, name: str, data: bytes) -> None:
        """Write a file with these bytes."""
        self._zip.writestr(self._info(name, _FILE_MODE), data)

    def add_file(self, name: str, path: Path) -> None:
        """Write a file with the bytes of another one."""
        info = self._info(name, _FILE_MODE)
        info.file_size = path.stat().st_size
        with path.open("rb") as source, self._zip.open(info, "w") as target:
            shutil.copyfileobj(source, target, _PIECE_BYTES)

    def add_folder(self, name: str) -> None:
        """Write a folder, which may stay empty."""
        self._zip.writestr(self._info(name.rstrip("/") + "/", _FOLDER_MODE), b"")

    def close(self) -> None:
        """Write the directory at the end."""
        self._zip.close()

    def _info(self, name: str, mode: int) -> zipfile.ZipInfo:
        info = zipfile.ZipInfo(name)  # of 1980, as every zip without a time
        info.create_system, info.external_attr = 3, mode << 16  # the names are of Unix
        return info


class TarWriter:
    """A tar as POSIX has it.

    Args:
        sink: Receives the bytes in order.
    """

    def __init__(self, sink: ByteSink) -> None:
        self._tar = tarfile.open(  # noqa: SIM115 - closed by `close`
            fileobj=cast("IO[bytes]", sink), mode="w|", format=tarfile.PAX_FORMAT
        )

    def add(self, name: str, data: bytes) -> None:
        """Write a file with these bytes."""
        self._tar.addfile(self._info(name, _FILE_MODE, len(data)), io.BytesIO(data))

    def add_file(self, name: str, path: Path) -> None:
        """Write a file with the bytes of another one."""
        with path.open("rb") as source:
            self._tar.addfile(self._info(name, _FILE_MODE, path.stat().st_size), source)

    def add_folder(self, name: str) -> None:
        """Write a folder, which may stay empty."""
        info = self._info(name, _FOLDER_MODE, 0)
        info.type = tarfile.DIRTYPE
        self._tar.addfile(info)

    def close(self) -> None:
        """Write the blocks of zeros at the end."""
        self._tar.close()

    def _info(self, name: str, mode: int, size: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, mode
        return info


ARCHIVES: Mapping[str, type[ZipWriter] | type[TarWriter]] = {"zip": ZipWriter, "tar": TarWriter}
"""Suffix → how it is written."""


def ends_whole(tail: bytes) -> bool:
    """Whether the last bytes of a tar are those of one that was written to its end.

    Args:
        tail: At least its last 1024 bytes.
    """
    return tail.endswith(END)
