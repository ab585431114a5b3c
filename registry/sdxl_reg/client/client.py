"""Asking a server: documents, pages of lists, changes that are made once, problems as errors."""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from sdxl_reg import __version__
from sdxl_reg.errors import InvalidValue, NotReady, RegistryError, from_facts

API = "/api/v1"
_ATTEMPTS = 4
_AGAIN = frozenset({429, 502, 503, 504})
_LONGEST_WAIT_S = 20.0


class Client:
    """A server of sdxl-reg, as a program uses it.

    Addresses are given as their parts below `/api/v1`, which are quoted here, or as an address that
    a document names. What was cut off is asked again; a POST carries an Idempotency-Key, so that
    it is done once.

    Args:
        server: Its address: `https://registry.example`.
        token: With which to sign in; empty where nobody has to.
        timeout_s: For connecting, and between two pieces of an answer.

    Raises:
        InvalidValue: It is no address of a server.
    """

    def __init__(self, server: str, token: str = "", *, timeout_s: float = 60.0) -> None:
        parts = urlsplit(server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidValue(
                "not the address of a server", server, remedy="Give http://HOST:PORT"
            )
        self.server = f"{parts.scheme}://{parts.netloc}"
        headers = {"User-Agent": f"sdxl-reg/{__version__}", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=self.server, headers=headers, timeout=timeout_s)

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, *parts: str | int, **query: Any) -> Any:
        """The document at an address.

        Args:
            *parts: Of the address: `"artifacts", "weipin-lora"`.
            **query: What is asked besides; None is left out.

        Raises:
            RegistryError: The problem that the server answers, as our own error of its code.
            NotReady: The server does not answer.
        """
        return self.request("GET", address(*parts), params=query).json()

    def items(self, *parts: str | int, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page after page; raises as `get` does.

        Args:
            *parts: Of the address.
            **query: What is asked besides.
        """
        cursor: str | None = None
        while True:
            page = self.get(*parts, **query, cursor=cursor)
            yield from page["items"]
            cursor = page.get("next")
            if not cursor:
                return

    def post(self, *parts: str | int, body: Mapping[str, Any] | None = None) -> Any:
        """What a change is answered with; raises as `get` does.

        Args:
            *parts: Of the address.
            body: What is asked for.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return self.request("POST", address(*parts), json=body or {}, headers=headers).json()

    def put(self, *parts: str | int, body: Mapping[str, Any] | None = None) -> Any:
        """As `post`, for what is put in a place; raises as `get` does."""
        return self.request("PUT", address(*parts), json=body or {}).json()

    def text(self, *parts: str | int, **query: Any) -> str:
        """An answer that is text and no document; raises as `get` does."""
        return self.request("GET", address(*parts), params=query).text

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """One answer, asked for again while the server is not there.

        Args:
            method: Of HTTP.
            url: Below the server.
            **options: As httpx takes them.

        Raises:
            RegistryError: The problem that the server answers.
            NotReady: The server does not answer.
        """
        options["params"] = _given(options.get("params") or {})
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._http.request(method, url, **options)
            except httpx.TransportError as error:
                if attempt == _ATTEMPTS or not _may_repeat(method, options):
                    raise self.unreachable(error) from error
                time.sleep(0.25 * 2**attempt)
                continue
            is_over = answer.status_code not in _AGAIN or attempt == _ATTEMPTS
            if is_over or not _may_repeat(method, options):
                break
            time.sleep(_wait_s(answer, attempt))
        return checked(answer)

    @contextmanager
    def stream(self, method: str, url: str, **options: Any) -> Iterator[httpx.Response]:
        """An answer that is read while it comes.

        Args:
            method: Of HTTP.
            url: Below the server.
            **options: As httpx takes them.

        Raises:
            RegistryError: The problem that the server answers.
            NotReady: The server does not answer, or the connection broke.
        """
        try:
            with self._http.stream(method, url, **options) as answer:
                if answer.status_code >= 400:
                    answer.read()
                yield checked(answer)
        except httpx.TransportError as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: Exception) -> NotReady:
        """That the server does not answer, as an error of ours."""
        return NotReady(
            f"{self.server} does not answer: {error}",
            remedy="Check the address (--server, SDXL_REG_SERVER), and whether it is served there",
        )


def address(*parts: str | int) -> str:
    """An address below the API; the one of a document stays as it is."""
    if len(parts) == 1 and str(parts[0]).startswith("/"):
        return str(parts[0])
    return "/".join([API, *(quote(str(part), safe="@:") for part in parts)])


def checked(answer: httpx.Response) -> httpx.Response:
    """An answer that is none of a problem.

    Raises:
        RegistryError: It is, of the class that has its code.
        NotReady: It is an error of something that is no server of ours.
    """
    if answer.status_code < 400:
        return answer
    try:
        said = answer.json()
        detail, remedy, code = str(said["detail"]), str(said["remedy"]), str(said["code"])
    except (ValueError, KeyError, TypeError):
        raise NotReady(
            f"{answer.url} answers {answer.status_code} {answer.reason_phrase}",
            remedy="Is it a server of sdxl-reg, and of this release?",
        ) from None
    text = f"{detail}. {remedy}" if remedy else detail
    facts = {"message": detail, "remedy": remedy}
    raise _known(from_facts({"code": code, "text": text, "facts": facts}), answer.status_code)


def _known(error: RegistryError, status: int) -> RegistryError:
    """An error of the server's own, whose code is in no tree of ours, by its status."""
    if type(error) is not RegistryError:
        return error
    code = {401: "not-signed-in", 403: "not-allowed", 404: "not-found", 409: "conflict"}.get(
        status, "usage" if status < 500 else "not-ready"
    )
    return from_facts({"code": code, "text": str(error), "facts": error.__dict__})


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value not in (None, "")}


def _may_repeat(method: str, options: Mapping[str, Any]) -> bool:
    return method in ("GET", "HEAD", "PUT") or "Idempotency-Key" in (options.get("headers") or {})


def _wait_s(answer: httpx.Response, attempt: int) -> float:
    said = answer.headers.get("Retry-After", "")
    if said.isdecimal():
        wanted = float(said)
    elif said:
        wanted = parsedate_to_datetime(said).timestamp() - time.time()
    else:
        wanted = 0.25 * 2**attempt
    return min(max(wanted, 0.0), _LONGEST_WAIT_S)
