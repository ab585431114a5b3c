"""Long bodies of requests, in portions, while they come."""

from collections.abc import AsyncIterator

from fastapi import Request
from starlette.requests import ClientDisconnect

_PORTION_BYTES = 1 << 20


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
