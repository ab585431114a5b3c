"""Errors on the wire: problem+json (RFC 9457) for programs, a page with the remedy for people.

Our own errors say their status and code themselves (`http_status`, `code` in `errors.py`); what the
framework and the database raise is mapped by the one table below.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from sdxl_reg.errors import InvalidSettings, ItemsRefused, NotSignedIn, RegistryError
from sdxl_reg.web.identity import CHALLENGE, to_sign_in
from sdxl_reg.web.observing import REQUEST_ID, request_id
from sdxl_reg.web.problem_types import DATABASE, INTERNAL, INVALID_REQUEST, OF_HTTP, type_of
from sdxl_reg.web.repeating import HEADER
from sdxl_reg.web.schemas.base import API, SETTINGS, FieldFault, Problem
from sdxl_reg.web.templating import render

MEDIA_TYPE = "application/problem+json"

_KEY = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A word of your own for this request: made twice with it, it is done once.",
}
_FOR_PROGRAMS = ("/health", "/ready", "/metrics", "/openapi.json")


def install(app: FastAPI) -> None:
    """Have an application answer every error as a problem."""

    @app.exception_handler(RegistryError)
    def of_ours(request: Request, error: RegistryError) -> Response:
        status = HTTPStatus(error.http_status)
        faults = error.faults if isinstance(error, InvalidSettings | ItemsRefused) else {}
        return answer(request, status, error.code, error.message, error.remedy, faults=faults)

    @app.exception_handler(NotSignedIn)
    def of_a_stranger(request: Request, error: NotSignedIn) -> Response:
        if is_for_people(request) and request.method == "GET":
            return RedirectResponse(to_sign_in(request), HTTPStatus.SEE_OTHER)
        status = HTTPStatus(error.http_status)
        return answer(request, status, error.code, error.message, error.remedy, headers=CHALLENGE)

    @app.exception_handler(HTTPException)
    def of_the_framework(request: Request, error: HTTPException) -> Response:
        status = HTTPStatus(error.status_code)
        code, remedy = OF_HTTP.get(status, (status.phrase.lower().replace(" ", "-"), ""))
        detail = (
            f"nothing at {request.url.path}" if status == HTTPStatus.NOT_FOUND else error.detail
        )
        return answer(request, status, code, detail, remedy, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    def of_a_request(request: Request, error: RequestValidationError) -> Response:
        faults = dict(found for fault in error.errors() for found in _faults_of(fault))
        told = "; ".join(f"{field}: {fault}" for field, fault in faults.items())
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        remedy = "See /api for what this address takes"
        return answer(request, status, INVALID_REQUEST, told, remedy, faults=faults)

    @app.exception_handler(OperationalError)
    def of_the_database(request: Request, error: OperationalError) -> Response:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return answer(
            request,
            status,
            DATABASE,
            f"the database did not answer: {error.orig}",
            "Try again in a moment; then see: sdxl-reg doctor",
            headers={"Retry-After": "5"},
        )

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        headers = {REQUEST_ID: request_id()}
        remedy = f"It was not foreseen; the server's log has the details under {request_id()}"
        return answer(request, status, INTERNAL, type(error).__name__, remedy, headers=headers)


def answer(
    request: Request,
    status: HTTPStatus,
    code: str,
    detail: str,
    remedy: str,
    *,
    faults: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem in the form its reader wants.

    Args:
        request: What was asked.
        status: HTTP status.
        code: Of our error tree, or a word of this module.
        detail: What was wrong, with the value.
        remedy: What to do.
        faults: Field → its fault, where several were wrong.
        headers: More headers.
    """
    problem = Problem(
        type=type_of(code),
        title=status.phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        code=code,
        remedy=remedy,
        errors=[FieldFault(field=field, fault=fault) for field, fault in (faults or {}).items()],
    )
    kept = dict(headers or {})
    if is_for_people(request):
        return render(request, "error.html", {"problem": problem}, status=status, headers=kept)
    document = problem.model_dump(mode="json")
    return JSONResponse(document, status_code=status, headers=kept, media_type=MEDIA_TYPE)


def is_for_people(request: Request) -> bool:
    """Whether an address belongs to the pages and not to the API."""
    path = request.url.path
    return not path.startswith(("/api/", "/static/")) and path not in _FOR_PROGRAMS


def _faults_of(fault: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A fault of a request; of what holds several settings, that of each."""
    place = ".".join(map(str, fault["loc"]))
    if fault["type"] == SETTINGS:
        for name, told in fault["ctx"]["faults"].items():
            yield f"{place}.{name}", told
    else:
        yield place, fault["msg"]


def documented(schema: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document in which errors have the media type they are really sent with.

    And in which everything that is posted takes the key by which it may be posted twice.
    """
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method == "post" and path.startswith(API):
                operation.setdefault("parameters", []).append(_KEY)
            for status, response in operation["responses"].items():
                if status.endswith("XX") and "content" in response:
                    response["content"] = {MEDIA_TYPE: next(iter(response["content"].values()))}
    return schema
