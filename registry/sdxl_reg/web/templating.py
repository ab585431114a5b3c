"""The pages' templates: escaped always, with the few filters they use."""

import importlib.resources
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from rich.filesize import decimal

from sdxl_reg import __version__
from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.evaluation.work import span_words
from sdxl_reg.web.identity import csrf_of

_HERE = Path(str(importlib.resources.files("sdxl_reg.web")))
STATIC_PATH = _HERE / "static"


def render(
    request: Request,
    template: str,
    facts: Mapping[str, Any],
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page.

    Args:
        request: What was asked.
        template: File below `templates/`.
        facts: What the template shows.
        status: HTTP status.
        headers: More headers.
    """
    return _TEMPLATES.TemplateResponse(
        request, template, dict(facts), status_code=status, headers=dict(headers or {})
    )


def ago(moment: datetime | None) -> str:
    """How long a moment lies back, for people: `3 minutes ago`."""
    if moment is None:
        return "not yet"
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def moment_words(moment: datetime | None) -> str:
    """A moment in UTC: `2026-11-23 00:42`."""
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment else "—"


def with_code(text: str) -> Markup:
    """Text in which `words between backticks` are set as code; all of it is escaped."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


def path_part(text: object) -> str:
    """Text as one part of an address, slashes quoted too."""
    return quote(str(text), safe="@:")


def number_words(value: float | None) -> str:
    """A measured number with the digits worth reading; a dash for none."""
    if value is None:
        return "—"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.6g}"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ago": ago,
        "code": with_code,
        "moment": moment_words,
        "number": number_words,
        "part": path_part,
        "size": decimal,  # 3.4 MB
        "span": span_words,
    }
    environment.globals |= {"release": __version__}
    return environment


def _of_viewer(request: Request) -> dict[str, Any]:
    """Who looks at a page, and the word with which it writes."""
    return {"viewer": present_viewer(), "csrf": csrf_of(request)}


_TEMPLATES = Jinja2Templates(env=_environment(), context_processors=[_of_viewer])
