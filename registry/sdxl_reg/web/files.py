"""Sending stored bytes: named by their digest, so they never change; pictures inline, else saved.

What a file claims to be is never believed: its type comes from its first bytes, only raster
pictures are shown inline, and everything else (SVG and HTML above all) is only ever downloaded.
"""

import re
from collections.abc import Mapping
from email.utils import quote as quoted
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request
from fastapi.responses import FileResponse, Response

from sdxl_reg.errors import NotFound
from sdxl_reg.store.blobs import BlobStore

FOREVER = "private, max-age=31536000, immutable"
"""For what is named by its digest."""
REVALIDATED = "private, no-cache"
"""For what is named by its place: other bytes may stand there tomorrow."""
PNG: dict[str, Any] = {"content": {"image/png": {}}, "description": "A PNG."}
"""How the API's document tells of an answer that is one."""
INERT = "default-src 'none'; sandbox"
"""Bytes of ours never run anything, whatever they are taken for."""
_UNKNOWN = "application/octet-stream"


class _Blob(FileResponse):
    """A file that is read in pieces worth a thread each."""

    chunk_size = 1 << 20


def blob_response(
    request: Request, store: BlobStore, sha256: str, *, name: str = "", caching: str = FOREVER
) -> Response:
    """The bytes of a blob, whole or the range that was asked for.

    Args:
        request: Its `If-None-Match` and `Range` are heeded.
        store: Holds the bytes.
        sha256: Which bytes.
        name: What a browser should save them as; the digest by default.
        caching: How long they may be kept: for good, or only as long as their tag is the same.

    Returns:
        200, 206 with a part, or 304 when the reader has them.

    Raises:
        InvalidValue: It is no digest.
        NotFound: The store does not hold them.
        HTTPException: The range is none, or outside.
    """
    path = store.checked_path(sha256)
    if not path.is_file():
        raise NotFound("blob", sha256, remedy="Its bytes are missing; run: sdxl-reg fsck")
    media_type = picture_type(path) or _UNKNOWN
    etag = f'"{sha256}"'
    headers = {"ETag": etag, "Cache-Control": caching, "Content-Security-Policy": INERT}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    _check_range(request, path.stat().st_size)
    headers["Content-Disposition"] = disposition(
        name or sha256, is_shown=media_type != _UNKNOWN and not name
    )
    return _Blob(path, media_type=media_type, headers=headers)


def disposition(name: str, *, is_shown: bool) -> str:
    """The header that says whether bytes are shown or saved, and under which name."""
    how = "inline" if is_shown else "attachment"
    plain = quoted("".join(sign if sign.isascii() and sign.isprintable() else "_" for sign in name))
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def picture_type(path: Path) -> str | None:
    """The media type of a raster picture that browsers show, by its first bytes; else nothing."""
    with path.open("rb") as stream:
        head = stream.read(16)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return next((kind for start, kind in _SIGNATURES.items() if head.startswith(start)), None)


def _check_range(request: Request, size_bytes: int) -> None:
    """Refuse a range ourselves, as a problem: the framework would answer in plain text."""
    wanted = request.headers.get("range", "").replace(" ", "")
    if not wanted or "if-range" in request.headers:
        return
    if not _RANGE.fullmatch(wanted):
        raise HTTPException(400, f"not a range of bytes: {wanted!r}")
    if any(int(start) >= size_bytes for start in re.findall(r"[=,](\d+)-", wanted)):
        fault = f"outside of {size_bytes} bytes: {wanted!r}"
        raise HTTPException(416, fault, headers={"Content-Range": f"bytes */{size_bytes}"})


_RANGE = re.compile(r"bytes=(\d+-\d*|-\d+)(,(\d+-\d*|-\d+))*")
_SIGNATURES: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
}
