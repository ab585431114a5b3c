"""The application: the API below `/api/v1`, the pages beside it, problems for every error."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware

from sdxl_reg import __version__
from sdxl_reg.web import problems, repeating
from sdxl_reg.web.api import router as api
from sdxl_reg.web.api.health import router as health
from sdxl_reg.web.attempts import Attempts
from sdxl_reg.web.bodies import Bounded
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.etags import Tagged
from sdxl_reg.web.headers import SafeHeaders
from sdxl_reg.web.ingesting import Ingesting
from sdxl_reg.web.observing import Metrics, Observed
from sdxl_reg.web.outflow import Outflows
from sdxl_reg.web.pages import router as pages
from sdxl_reg.web.pages.problems import router as problem_pages
from sdxl_reg.web.pages.sign_in import router as sign_in
from sdxl_reg.web.repeating import Repeating
from sdxl_reg.web.same_site import writing_hosts
from sdxl_reg.web.streams import Streams
from sdxl_reg.web.templating import STATIC_PATH
from sdxl_reg.web.upkeep import Upkeep
from sdxl_reg.web.viewer_files import router as viewer_files
from sdxl_reg.web.working import Working

_DESCRIPTION = """
Image sets and trained Stable Diffusion XL artifacts, with their lineage. Everything is read with
GET; POST edits tags, captions and crops, trains, draws pictures, chooses a cell of a grid, and
votes.
References are written as in commands: `weipin-lora`, `weipin-lora@3`, `weipin-lora@best`. Lists
come in pages: give `next` back as `cursor`. Errors are `application/problem+json` (RFC 9457) with a
`code` for programs and a `remedy` for people.
"""


def create_app(registry: Registry, *, hosts: Sequence[str] = ("*",)) -> FastAPI:
    """The application over an opened registry.

    Args:
        registry: What it serves; the caller closes it.
        hosts: Names it answers to. On a loopback address only its own names: otherwise a page
            from anywhere could have its name resolve to this machine and read along.
    """
    app = FastAPI(
        title="sdxl-reg",
        version=__version__,
        summary="A registry of image sets and trained Stable Diffusion XL artifacts.",
        description=_DESCRIPTION,
        docs_url=None,  # the framework's page loads its scripts from elsewhere; /api is ours
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.registry = registry
    app.state.upkeep = Upkeep(registry)
    app.state.working = Working(registry)
    app.state.ingesting = Ingesting(registry)
    app.state.streams = Streams()
    app.state.outflows = Outflows()
    app.state.attempts = Attempts()
    app.state.writing_hosts = writing_hosts(hosts)
    app.add_middleware(Bounded)
    app.add_middleware(Tagged)
    app.add_middleware(Repeating)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(SafeHeaders)
    app.state.metrics = Metrics(registry.engine)
    app.add_middleware(Observed, metrics=app.state.metrics)
    problems.install(app)
    repeating.install(app)
    app.include_router(health)
    app.include_router(api)
    app.include_router(sign_in)
    app.include_router(problem_pages)
    app.include_router(pages)
    app.include_router(viewer_files)  # before the folder, which does not hold them
    app.mount("/static", StaticFiles(directory=STATIC_PATH), name="static")
    _document(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """End the work, the streams that tell of it, and a check, when the server ends."""
    yield
    app.state.streams.close()
    app.state.outflows.close()
    upkeep: Upkeep = app.state.upkeep
    await run_in_threadpool(upkeep.close)
    ingesting: Ingesting = app.state.ingesting
    await run_in_threadpool(ingesting.close)
    working: Working = app.state.working
    await run_in_threadpool(working.close)


def _document(app: FastAPI) -> None:
    """Have the OpenAPI document tell the media type of problems as it is."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = problems.documented(plain())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # the framework's own way to extend it
