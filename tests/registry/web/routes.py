"""Every route of the application, under its whole address."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route


def every_route(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Method and template of each: `("POST", "/api/v1/users/{name}")`."""
    yield from routes_below(app.routes)


def routes_below(routes: list[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and template of each route of a router, routers in it too."""
    for route in routes:
        if isinstance(route, Route) or hasattr(route, "endpoint"):
            for method in sorted(route.methods - {"HEAD"}):
                yield method, prefix + route.path
        elif hasattr(route, "original_router"):
            inner = prefix + route.include_context.prefix
            yield from routes_below(route.original_router.routes, inner)
        else:
            yield "GET", f"{prefix}{route.path}/{{path}}"  # a folder of files
