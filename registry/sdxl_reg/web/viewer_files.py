"""The viewer's script and style, from the module that also writes them into pages of one file."""

import hashlib
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from sdxl_reg.evaluation.viewer.page import viewer_script, viewer_style

router = APIRouter(prefix="/static", include_in_schema=False)


@router.get("/viewer.js")
def script(request: Request) -> Response:
    """The script: `SdxlRegGrid.mount(element, document)`."""
    return _text(request, viewer_script(), "text/javascript")


@router.get("/viewer.css")
def style(request: Request) -> Response:
    """The style; every rule of it begins with `.gv`."""
    return _text(request, viewer_style(), "text/css")


def _text(request: Request, text: str, kind: str) -> Response:
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(text, media_type=kind, headers=headers)
