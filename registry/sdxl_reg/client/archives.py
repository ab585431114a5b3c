"""Folders from a server: unpacked while they come, and only taken for whole when they are."""

import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import httpx

from sdxl_reg.client.client import Client
from sdxl_reg.errors import Corrupt, NotReady
from sdxl_reg.formats.archives import END, ends_whole

_PIECE_BYTES = 1 << 20
_LONGEST_SILENCE_S = 900.0  # a table of pictures is made before its first byte is sent


def fetch_folder(
    client: Client,
    url: str,
    to: Path,
    *,
    query: Mapping[str, Any],
    advance: Callable[[int, str], None] = lambda _files, _name: None,
) -> int:
    """Fetch a tar and unpack it while it comes; nothing of it lies on the disk twice.

    Args:
        client: The server.
        url: Of the tar.
        to: An empty folder; after an error it holds a part.
        query: What is asked besides; None and empty words are left out.
        advance: Told (files so far, the name of the newest) after each file.

    Returns:
        How many files came.

    Raises:
        NotReady: The server does not answer, or the connection broke off.
        Corrupt: It is no whole tar, or one that leads out of the folder.
        RegistryError: The server refuses.
    """
    asked = {name: value for name, value in query.items() if value not in (None, "")}
    timeout = httpx.Timeout(60.0, read=_LONGEST_SILENCE_S)
    files = 0
    with client.stream("GET", url, params=asked, timeout=timeout) as answer:
        source = _Source(answer.iter_bytes())
        try:
            with tarfile.open(fileobj=cast("IO[bytes]", source), mode="r|") as tar:
                for member in tar:
                    files += _unpacked(tar, member, to)
                    advance(files, member.name)
        except tarfile.TarError as error:
            raise Corrupt(url, f"no whole archive ({error})", remedy="Fetch it again") from error
        source.drain()
    if not ends_whole(source.tail):
        raise Corrupt(url, "its end is missing", remedy="Fetch it again")
    return files


class _Source:
    """The bytes of an answer as a file, of which the last ones are remembered."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.tail = b""
        self._pieces = pieces
        self._held = bytearray()

    def read(self, size: int) -> bytes:
        while len(self._held) < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._held += piece
        data = bytes(self._held[:size])
        del self._held[:size]
        self.tail = (self.tail + data)[-len(END) :]
        return data

    def drain(self) -> None:
        while self.read(_PIECE_BYTES):
            pass


def _unpacked(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> int:
    """Write one member; how many files it is."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isreg() or member.isdir()):
        raise Corrupt(member.name, "the server sends something that leads out of its folder")
    path = folder / name
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None:
        raise NotReady(f"{member.name} did not come")
    with path.open("xb") as target:
        shutil.copyfileobj(source, target, _PIECE_BYTES)
    return 1
