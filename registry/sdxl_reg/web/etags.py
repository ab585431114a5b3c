"""Entity tags: an answer that has not changed is not sent again, nor overwritten unseen.

Every JSON answer to a GET carries a strong tag, a digest of what it says (RFC 9110, 8.8.3). Who
gives it back with `If-None-Match` is told 304. Of what can change, a request that writes may say
with `If-Match` what it has seen; if that is not there any more, it is refused (412).
"""

import hashlib
import re
from typing import Annotated, TypeVar

from fastapi import Header, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdxl_reg.errors import Changed
from sdxl_reg.web.schemas.base import API, Document

_Document = TypeVar("_Document", bound=Document)
_TAG = re.compile(r'(?:W/)?"[^"]*"')
_REVALIDATED = b"private, no-cache"

IfMatchOf = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="The `ETag` of what you have seen; refused (412) where it has changed since.",
    ),
]


def tag_of(document: Document) -> str:
    """The strong tag of a document."""
    return _quoted(document.model_dump_json().encode())


def tagged(response: Response, document: _Document) -> _Document:
    """A document that goes out with its tag, so that it can be named with `If-Match`."""
    response.headers["ETag"] = tag_of(document)
    return document


def require_match(if_match: str | None, document: Document) -> None:
    """Refuse to change what is not as somebody has seen it.

    Args:
        if_match: The header; None for no condition.
        document: As it is now, read in the transaction that is to change it.

    Raises:
        Changed: It is otherwise.
    """
    if if_match is None or if_match.strip() == "*":
        return
    if tag_of(document) not in _TAG.findall(if_match):
        raise Changed(
            f"it has changed since: it is {tag_of(document)}, and not {if_match}",
            remedy="Read it again, and decide anew",
        )


class Tagged:
    """Gives answers in JSON a tag, and says 304 to who has them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; hold an answer back until it is whole, if it is to be tagged."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _is_api(scope["path"]):
            await self.app(scope, receive, send)
            return
        seen = Headers(scope=scope).get("if-none-match", "")
        held = _Held(send, seen)
        await self.app(scope, receive, held.take)


class _Held:
    """An answer on its way out."""

    def __init__(self, send: Send, seen: str) -> None:
        self._send = send
        self._seen = seen
        self._start: Message | None = None
        self._body = bytearray()

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_whole_json(message):
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._end(self._start)

    async def _end(self, start: Message) -> None:
        headers = MutableHeaders(scope=start)
        tag = headers.get("etag") or _quoted(bytes(self._body))
        headers["etag"] = tag
        headers.setdefault("cache-control", _REVALIDATED.decode())
        if tag in _TAG.findall(self._seen) or self._seen.strip() == "*":
            kept = [pair for pair in start["headers"] if pair[0].lower() not in _OF_CONTENT]
            await self._send({**start, "status": 304, "headers": kept})
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self._send(start)
        await self._send({"type": "http.response.body", "body": bytes(self._body)})


_OF_CONTENT = (b"content-length", b"content-type")


def _is_whole_json(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    return start["status"] == 200 and headers.get("content-type", "") == "application/json"


def _is_api(path: str) -> bool:
    return path.startswith(API + "/") or path == "/openapi.json"


def _quoted(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'
