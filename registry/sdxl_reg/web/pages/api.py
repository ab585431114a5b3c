"""The API's reference, from its own OpenAPI document."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.web.templating import render

router = APIRouter()


@router.get("/api")
def reference(request: Request) -> Response:
    """Every address with its parameters, grouped by noun."""
    document: dict[str, Any] = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            entry = operation | {"path": path, "verb": verb.upper()}
            groups.setdefault(operation["tags"][0], []).append(entry)
    return render(request, "api.html", {"groups": groups, "base": str(request.base_url)})
