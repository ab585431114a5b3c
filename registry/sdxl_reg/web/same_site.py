"""Writing is for this server's own pages and for programs; other sites' pages are refused.

A page from anywhere can have a browser send requests here. It cannot make them say JSON without
asking first, nor hide where it comes from, nor reach us under a name that is not ours: its own name
that resolves to this machine (DNS rebinding) is told by the `Host`.
"""

import socket
from collections.abc import Collection, Iterable
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

JSON = "application/json"
PIECE = "application/offset+octet-stream"
"""A piece of an upload, as tus calls it; no page of another site may send it unasked either."""
TAR = "application/x-tar"
"""Several files at once; no page of another site may send it unasked either."""
FILES = frozenset({PIECE, TAR})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})


def writing_hosts(hosts: Iterable[str]) -> frozenset[str]:
    """The names under which a server may be written to.

    Args:
        hosts: Names it answers to; `*` for any, of which writing takes none on trust.
    """
    said = {host.casefold().strip("[]") for host in hosts} - {"*"}
    return frozenset(said | {"localhost", socket.gethostname().casefold()})


async def require_own_site(request: Request) -> None:
    """Refuse to write for a page of another site; reading passes.

    Raises:
        HTTPException: 403 for another site, 415 for what does not say that it is JSON, or
            a piece of a file. DELETE has no content, and no page can send it unasked.
    """
    require_own_origin(request)
    if request.method in READING:
        return
    kind = kind_of(request)
    wanted = FILES if request.method == "PATCH" else {JSON}
    if kind not in wanted and request.method != "DELETE":
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"not {' or '.join(sorted(wanted))}: {kind or 'no Content-Type'}",
        )


def kind_of(request: Request) -> str:
    """The media type that a request says it sends, without parameters; empty for none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().casefold()


def is_of_files(request: Request) -> bool:
    """Whether a request brings bytes of files, which are taken while they come."""
    return request.method == "PATCH" and kind_of(request) in FILES


def require_own_origin(request: Request) -> None:
    """Refuse to write for a page of another site, whatever it sends.

    Raises:
        HTTPException: 403.
    """
    if request.method not in READING and (fault := _foreign(request)):
        raise HTTPException(HTTPStatus.FORBIDDEN, fault)


def _foreign(request: Request) -> str:
    """What shows that a request comes from another site; empty for nothing."""
    headers = request.headers
    host, origin = headers.get("host", ""), headers.get("origin")
    site = headers.get("sec-fetch-site")
    if not _is_own(host, request.app.state.writing_hosts):
        return f"this server is not called {host!r}"
    if origin is not None and urlsplit(origin).netloc.casefold() != host.casefold():
        return f"sent by a page of {origin!r}"
    if site is not None and site not in _OWN_SITES:
        return f"sent by a page of another site ({site})"
    return ""


def _is_own(host: str, own: Collection[str]) -> bool:
    """Whether a `Host` names this machine; a bare IP address always does: no name was resolved."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").casefold()
    except ValueError:
        return False
    if name in own:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
