"""What every endpoint is given: the opened registry, a session of its own, a part of a list."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Annotated

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from fastapi import Depends, Query, Request
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sdxl_reg.catalog.paging import DEFAULT_LIMIT, MAX_LIMIT, Slice
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading

SESSIONS = 10
"""So many requests read at once; an engine has five connections more (SQLAlchemy's usual 15)."""
_limiter: RunVar[CapacityLimiter] = RunVar("sessions")


@dataclass(frozen=True, kw_only=True)
class Registry:
    """An opened registry, as the application holds it.

    Attributes:
        engine: Its database.
        store: Its blobs.
        settings: Where it lies.
    """

    engine: Engine
    store: BlobStore
    settings: Settings


async def registry_of(request: Request) -> Registry:
    """The registry the application serves."""
    registry: Registry = request.app.state.registry
    return registry


async def session_of(
    registry: Annotated[Registry, Depends(registry_of)],
) -> AsyncIterator[Session]:
    """A reading session for one request: it sees one state of the database.

    Sessions take turns before they have a thread or a connection. Between its endpoint and its end
    a request waits for a thread once more, with its connection in hand; were all connections held
    so, and all threads waiting for one, nobody would ever go on.
    """
    async with _turns():
        with reading(registry.engine) as session:
            yield session


def _turns() -> CapacityLimiter:
    """As many sessions of this event loop as leave connections for work that ends in its thread."""
    try:
        return _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(SESSIONS)
        _limiter.set(limiter)
        return limiter


async def slice_of(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items on a page.")] = (
        DEFAULT_LIMIT
    ),
    cursor: Annotated[
        str | None, Query(description="`next` of the page before; leave out for the first page.")
    ] = None,
) -> Slice:
    """Which part of a list the request asks for."""
    return Slice(limit=limit, cursor=cursor or None)


async def filtered_slice_of(
    part: Annotated[Slice, Depends(slice_of)],
    wanted: Annotated[
        str,
        Query(
            alias="filter",
            max_length=1000,
            description="What the items are to be: fields with AND, OR, NOT and parentheses.",
            examples=["created:>=2026-11-01"],
        ),
    ] = "",
) -> Slice:
    """Which part of a filtered list the request asks for."""
    return replace(part, filter=wanted.strip())


RegistryOf = Annotated[Registry, Depends(registry_of)]
# Scope "function": the session is closed before the bytes of a long download are sent.
SessionOf = Annotated[Session, Depends(session_of, scope="function")]
SliceOf = Annotated[Slice, Depends(slice_of)]
FilteredSliceOf = Annotated[Slice, Depends(filtered_slice_of)]
