"""Requests that may be made twice: what an `Idempotency-Key` was answered is answered again.

A client that never got its answer does not know whether anything was made; with a key it asks
again, and nothing is made twice. Only what went well is kept: what was refused may be tried anew.

Source: draft-ietf-httpapi-idempotency-key-header-07.
"""

import hashlib

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.kept_answers import claim, keep, let_go
from sdxl_reg.errors import InvalidValue
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import KeptAnswer
from sdxl_reg.web.dependencies import Registry

HEADER = "Idempotency-Key"
_KEPT_HEADERS = ("content-type", "location")
_LONGEST = 255


class Answered(Exception):
    """A request that was answered before."""

    def __init__(self, kept: KeptAnswer) -> None:
        self.kept = kept
        super().__init__(kept.key)


async def repeatable(request: Request) -> None:
    """Claim the key of a request that makes something, if it has one.

    Raises:
        InvalidValue: The key is none.
        Answered: It was answered before.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST":
        return
    if not 0 < len(key) <= _LONGEST or not key.isprintable():
        raise InvalidValue(HEADER, repr(key), remedy=f"Send 1 to {_LONGEST} characters")
    asked = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    asked.update(await request.body())
    kept = await run_in_threadpool(_claimed, request, key, asked.hexdigest())
    if kept.status is not None:
        raise Answered(kept)
    request.state.claimed = kept.id


class Repeating:
    """Keeps what claimed requests are answered, before it is sent."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; hold its answer back until it is kept, if it has a key."""
        if not _has_key(scope):
            await self.app(scope, receive, send)
            return
        held: list[Message] = []

        async def take(message: Message) -> None:
            held.append(message)

        try:
            await self.app(scope, receive, take)
        finally:
            claimed = scope.get("state", {}).get("claimed")
            if claimed is not None:
                await run_in_threadpool(_settle, scope["app"].state.registry, claimed, held)
        for message in held:
            await send(message)


def install(app: FastAPI) -> None:
    """Have an application answer again what it answered before."""

    @app.exception_handler(Answered)
    def again(_: Request, error: Answered) -> Response:
        kept = error.kept
        headers = {**kept.headers, "Idempotency-Replayed": "true"}
        return Response(kept.body, status_code=kept.status or 200, headers=headers)


def _has_key(scope: Scope) -> bool:
    is_making = scope["type"] == "http" and scope["method"] == "POST"
    return is_making and HEADER in Headers(scope=scope)


def _claimed(request: Request, key: str, asked: str) -> KeptAnswer:
    registry: Registry = request.app.state.registry
    viewer = present_viewer()
    with transaction(registry.engine) as session:
        return claim(session, actor=viewer.name if viewer else "", key=key, request=asked)


def _settle(registry: Registry, claimed: int, held: list[Message]) -> None:
    start = next((message for message in held if message["type"] == "http.response.start"), None)
    with transaction(registry.engine) as session:
        if start is None or not 200 <= start["status"] < 300:
            let_go(session, claimed)
            return
        headers = Headers(raw=start["headers"])
        body = b"".join(message.get("body", b"") for message in held)
        keep(
            session,
            claimed,
            status=start["status"],
            headers={name: headers[name] for name in _KEPT_HEADERS if name in headers},
            body=body.decode(),
        )
