"""Bodies of requests: those of files in portions, while they come; others whole, up to a length."""

from collections.abc import AsyncIterator
from http import HTTPStatus

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdxl_reg.web.same_site import is_of_files

MOST_BYTES = 64 << 20
"""So long is what is gathered in memory, at most: a list of some hundred thousand files."""
_PORTION_BYTES = 1 << 20


class Bounded:
    """Refuses bodies that have no end, or a far one, before they fill the memory (413)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and of its body so much as may be gathered."""
        if scope["type"] != "http" or is_of_files(Request(scope)):
            await self.app(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                raise HTTPException(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"longer than {MOST_BYTES} bytes; send it in parts",
                )
            return message

        await self.app(scope, counted, send)


async def portions_of(request: Request) -> AsyncIterator[bytes]:
    """What a request brings, in portions worth a thread; all of it, also when it breaks off.

    Raises:
        ClientDisconnect: It broke off; what had come was yielded before.
    """
    pending = bytearray()
    try:
        async for chunk in request.stream():
            pending += chunk
            if len(pending) >= _PORTION_BYTES:
                yield bytes(pending)
                pending.clear()
    except ClientDisconnect:
        if pending:
            yield bytes(pending)
        raise
    if pending:
        yield bytes(pending)
