"""Signing in and out with a browser: plain forms, which work without JavaScript too."""

import math
from http import HTTPStatus
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from sdxl_reg.catalog.access.credentials import SESSION_LENGTH, sign_in, sign_out
from sdxl_reg.catalog.access.users import has_users
from sdxl_reg.catalog.audit import note
from sdxl_reg.errors import NotSignedIn
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.web.attempts import Attempts
from sdxl_reg.web.dependencies import Registry, RegistryOf
from sdxl_reg.web.identity import COOKIE, is_here
from sdxl_reg.web.same_site import require_own_origin
from sdxl_reg.web.templating import render

router = APIRouter(include_in_schema=False)

_LONGEST_FORM = 16_384


@router.get("/login")
def form(request: Request, registry: RegistryOf) -> Response:
    """The form; where nobody has to sign in, the first page."""
    with reading(registry.engine) as session:
        if not has_users(session):
            return RedirectResponse("/", HTTPStatus.SEE_OTHER)
    return _form(request, after=request.query_params.get("next", ""))


@router.post("/login")
async def login(request: Request) -> Response:
    """Open a session, and go on to where somebody wanted to go."""
    require_own_origin(request)
    said = await _form_of(request)
    return await run_in_threadpool(_login, request, said)


@router.post("/logout")
def logout(request: Request, registry: RegistryOf) -> Response:
    """End the session of this browser."""
    require_own_origin(request)
    secret = request.cookies.get(COOKIE)
    if secret:
        with transaction(registry.engine) as session:
            sign_out(session, secret)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    response.delete_cookie(COOKIE)
    return response


def _login(request: Request, said: dict[str, str]) -> Response:
    registry: Registry = request.app.state.registry
    attempts: Attempts = request.app.state.attempts
    name, after = said.get("name", "").strip(), said.get("next", "")
    address = request.client.host if request.client else ""
    if wait_s := attempts.wait_s(name, address):
        raise HTTPException(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"too many failed attempts; wait {math.ceil(wait_s / 60)} minutes",
            headers={"Retry-After": str(math.ceil(wait_s))},
        )
    try:
        with transaction(registry.engine) as session:
            secret = sign_in(session, name, said.get("password", ""))
    except NotSignedIn as error:
        attempts.failed(name, address)
        with transaction(registry.engine) as session:
            note(session, "user.sign_in_failed", name[:64], address=address)
        return _form(request, after=after, name=name, fault=str(error))
    response = RedirectResponse(after if is_here(after) else "/", HTTPStatus.SEE_OTHER)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(SESSION_LENGTH.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def _form(request: Request, *, after: str, name: str = "", fault: str = "") -> Response:
    facts = {"after": after if is_here(after) else "/", "name": name, "fault": fault}
    status = HTTPStatus.UNAUTHORIZED if fault else HTTPStatus.OK
    return render(request, "login.html", facts, status=status)


async def _form_of(request: Request) -> dict[str, str]:
    """The fields of a form as browsers send it; each once.

    Raises:
        HTTPException: 413 for one that is endless.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_FORM:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the form is too long")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    return {name: values[-1] for name, values in fields.items()}
