"""Files to a server and from it: resumed where they broke off, and compared with their digest."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import httpx

from sdxl_reg.client.client import Client, address
from sdxl_reg.errors import Conflict, Corrupt, NotFound, NotReady, UsageError

Advance = Callable[[int, int], None]
"""Told (bytes done, of all)."""
PIECE_BYTES = 64 << 20
_READ_BYTES = 1 << 20
_ATTEMPTS = 8
_MAX_WAIT_S = 10.0


def send_file(
    client: Client,
    path: Path,
    *,
    project: str | None = None,
    advance: Advance = lambda _done, _total: None,
) -> str:
    """Send a file, and have it checked.

    One of the same bytes that was begun before is gone on with. A connection that breaks is made
    again, and the rest is sent.

    Args:
        client: The server.
        path: The file; only read.
        project: To which it will belong.
        advance: Told after each piece.

    Returns:
        The key of an upload that may be taken in.

    Raises:
        NotFound: There is no such file.
        UsageError: The server refuses to take it in.
        NotReady: The server does not answer any more.
    """
    if not path.is_file():
        raise NotFound("file", path)
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        size = os.fstat(stream.fileno()).st_size
        key = _begun(client, path.name, sha256, size, project)
        _send(client, key, stream, size, advance)
    said = client.put("uploads", key)
    if said["state"] != "checked":
        raise UsageError(f"{path} stays in quarantine: {said['reason']}", remedy="Do not open it")
    return key


def fetch_file(
    client: Client,
    url: str,
    to: Path,
    *,
    sha256: str,
    size_bytes: int,
    advance: Advance = lambda _done, _total: None,
) -> None:
    """Fetch a file; it appears whole, with the bytes that its digest says, or not at all.

    What was fetched before a connection broke, or this process ended, is not fetched again.

    Args:
        client: The server.
        url: Of the file, as documents name it.
        to: Where it shall lie; its folder is made.
        sha256: Of its bytes.
        size_bytes: How many there are.
        advance: Told after each piece.

    Raises:
        Conflict: A file with other bytes is there.
        Corrupt: What came has another digest.
        NotReady: The server does not answer any more.
    """
    if to.exists():
        if _digest(to) == sha256:
            return
        raise Conflict(f"{to} is there with other bytes", remedy="Move it away, or fetch elsewhere")
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f".{to.name}.{sha256[:12]}.part")
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            found = _fetch_rest(client, url, part, size_bytes, advance)
            break
        except NotReady:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(min(0.25 * 2**attempt, _MAX_WAIT_S))
    if found != sha256:
        part.unlink()
        raise Corrupt(to, "what came is not what was asked for", remedy="Fetch it again")
    part.rename(to)


def _begun(client: Client, name: str, sha256: str, size: int, project: str | None) -> str:
    for found in client.get("uploads", sha256=sha256)["items"]:
        if found["state"] == "open" and found["name"] == name and found["received_bytes"]:
            return str(found["key"])
    body = {"name": name, "sha256": sha256, "size_bytes": size, "project": project}
    return str(client.post("uploads", body=body)["key"])


def _send(client: Client, key: str, stream: BinaryIO, size: int, advance: Advance) -> None:
    """Send what is missing, piece by piece; the server says where the next one begins."""
    failures = 0
    done = int(client.get("uploads", key)["received_bytes"])
    while done < size:
        advance(done, size)
        try:
            _send_piece(client, key, stream, done, min(PIECE_BYTES, size - done), size, advance)
            failures = 0
        except (NotReady, Conflict):  # broken off, or an earlier connection still writes
            failures += 1
            if failures == _ATTEMPTS:
                raise
            time.sleep(min(0.25 * 2**failures, _MAX_WAIT_S))
        done = int(client.get("uploads", key)["received_bytes"])
    advance(size, size)


def _send_piece(
    client: Client,
    key: str,
    stream: BinaryIO,
    offset: int,
    length: int,
    size: int,
    advance: Advance,
) -> None:
    def content() -> Iterator[bytes]:
        stream.seek(offset)
        left = length
        while left and (data := stream.read(min(_READ_BYTES, left))):
            left -= len(data)
            yield data
            advance(offset + length - left, size)

    headers = {
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(length),
    }
    client.request("PATCH", address("uploads", key), content=content(), headers=headers)


def _fetch_rest(client: Client, url: str, part: Path, size: int, advance: Advance) -> str:
    """Fetch what is missing of a file, and wait until it is on the disk; the SHA-256 of it all."""
    digest, have = hashlib.sha256(), 0
    if part.exists():
        have = part.stat().st_size
        with part.open("rb") as stream:
            while data := stream.read(_READ_BYTES):
                digest.update(data)
    if have >= size:
        return digest.hexdigest()
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"} if have else {}
    with client.stream("GET", url, headers=headers) as answer, part.open("ab") as sink:
        if answer.status_code != httpx.codes.PARTIAL_CONTENT:
            sink.truncate(0)
            digest = hashlib.sha256()
        for data in answer.iter_bytes(_READ_BYTES):
            sink.write(data)
            digest.update(data)
            advance(sink.tell(), size)
        sink.flush()
        os.fsync(sink.fileno())
    if part.stat().st_size < size:
        raise NotReady(f"{url} broke off", remedy="Fetch it again: it goes on from there")
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
