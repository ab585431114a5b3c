"""Whether the server lives, whether it can work, and how much it does."""

import os
from contextlib import suppress
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import OperationalError
from starlette.concurrency import run_in_threadpool

from sdxl_reg import __version__
from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.errors import NotAllowed, NotReady
from sdxl_reg.store.database import is_current
from sdxl_reg.web.dependencies import RegistryOf
from sdxl_reg.web.identity import identified
from sdxl_reg.web.schemas.base import Document

router = APIRouter(tags=["health"])


class Health(Document):
    """The server lives."""

    status: Literal["ok"]
    version: str


class Readiness(Document):
    """The server can work."""

    status: Literal["ready"]
    version: str


@router.get("/health", summary="Whether the server lives")
def health() -> Health:
    """Answers as long as the process does; asks nothing of database or store."""
    return Health(status="ok", version=__version__)


@router.get("/ready", summary="Whether the server can work")
def ready(registry: RegistryOf) -> Readiness:
    """Answers 200 where the database answers, has this release's tables, and blobs can be kept.

    Otherwise 503, with what is not so.
    """
    if not is_current(registry.engine):
        raise NotReady(
            "the database has the tables of another release", remedy="Run: sdxl-reg db upgrade"
        )
    root = registry.store.root
    place = next(folder for folder in (root, *root.parents) if folder.exists())
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
        raise NotReady(
            f"{root} cannot be written to", remedy="Give the server's user the right to it"
        )
    return Readiness(status="ready", version=__version__)


@router.get(
    "/metrics",
    summary="How much the server does",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus' text format."}},
)
async def metrics(request: Request) -> Response:
    """Requests by route and status, how long they took, runs by state, what the registry holds.

    Once there are users, for those who may read every project: an admin's token of role reader.
    """
    with suppress(OperationalError):  # without a database, that it is gone is all there is to tell
        await identified(request)
    viewer = present_viewer()
    if viewer is not None and viewer.projects() is not None:
        raise NotAllowed(
            f"{viewer.name} does not read every project",
            remedy="Ask an admin for a token: sdxl-reg token create --help",
        )
    found = await run_in_threadpool(generate_latest, request.app.state.metrics.registry)
    return Response(found, media_type=CONTENT_TYPE_LATEST)
