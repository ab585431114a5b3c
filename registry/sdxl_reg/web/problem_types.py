"""What kinds of problems there are: the pages that the `type` of a problem names (RFC 9457)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from sdxl_reg.errors import RegistryError

ADDRESS = "/problems"
OF_HTTP: Mapping[HTTPStatus, tuple[str, str]] = {
    HTTPStatus.NOT_FOUND: ("not-found", "See /api for what there is"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method-not-allowed", "See /api for what this address takes"),
    HTTPStatus.FORBIDDEN: (
        "forbidden",
        "Write from this server's own pages, or from a program, under the server's own name",
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "unsupported-media-type",
        "Send JSON, and say so: Content-Type: application/json; pieces of files are "
        "application/offset+octet-stream",
    ),
    HTTPStatus.TOO_MANY_REQUESTS: ("too-many-attempts", "Wait as long as Retry-After says"),
    HTTPStatus.BAD_REQUEST: ("bad-request", "See /api for what this address takes"),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: (
        "range-not-satisfiable",
        "Ask for bytes inside the file",
    ),
}
"""What the framework refuses → our code for it, and what to do."""
INVALID_REQUEST, DATABASE, INTERNAL = "invalid-request", "database-unavailable", "internal"
_OTHERS = (
    (
        INVALID_REQUEST,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "What is asked does not fit the address; each fault is named in errors",
    ),
    (DATABASE, HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer"),
    (INTERNAL, HTTPStatus.INTERNAL_SERVER_ERROR, "Something that was not foreseen"),
)


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem.

    Attributes:
        code: A stable word for programs.
        status: Of HTTP.
        meaning: In a sentence.
    """

    code: str
    status: HTTPStatus
    meaning: str


def type_of(code: str) -> str:
    """The address of the page about a kind of problem, below the server."""
    return f"{ADDRESS}/{code}"


def problem_types() -> Mapping[str, ProblemType]:
    """Code → kind of problem, by status and code."""
    found = {kind.code: kind for kind in _all()}
    return dict(sorted(found.items(), key=lambda item: (item[1].status, item[0])))


def _all() -> Iterator[ProblemType]:
    for status, (code, remedy) in OF_HTTP.items():
        yield ProblemType(code, status, remedy)
    for code, status, meaning in _OTHERS:
        yield ProblemType(code, status, meaning)
    yield from _ours(RegistryError)


def _ours(kind: type[RegistryError]) -> Iterator[ProblemType]:
    meaning = (kind.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    yield ProblemType(kind.code, HTTPStatus(kind.http_status), meaning)
    for child in kind.__subclasses__():
        yield from _ours(child)
