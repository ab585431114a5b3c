"""The role table: every route, asked by everybody who may ask.

A route that is missing from the table fails the first test; whoever adds one has to say who may.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from sdxl_reg.catalog.access.credentials import issue_token, revoke_token
from sdxl_reg.catalog.access.projects import move
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.access.viewers import viewer_of
from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.sent_folders.sessions import begin_ingest
from sdxl_reg.catalog.uploads import begin_upload
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import now
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.same_site import PIECE
from tests.registry.catalog.sent_folders.sending import OPTIONS
from tests.registry.web.addresses import filled, values_of
from tests.registry.web.conftest import ADDRESS
from tests.registry.web.example_registry import build
from tests.registry.web.routes import every_route

ANYONE, USER, ADMIN = "anyone", "a user", "an admin of the registry"
READER, WRITER, TRAINER = "a reader", "a writer", "a trainer"
ANYWHERE, SOMEWHERE = "a writer of any project", "a trainer of any project"
OWN, MASTER = "a writer, and nobody but who has sent it", "an admin of the project"

API = "/api/v1"
_SET, _ONE, _GRID = (
    f"{API}/image-sets/{{name}}",
    f"{API}/artifacts/{{name}}",
    f"{API}/grids/{{grid_id}}",
)
_VERSION = f"{_ONE}/versions/{{which}}"
_GENERATION = f"{API}/generations/{{generation_id}}"
_CELL = f"{_GRID}/cells/{{position}}"
_INGEST = f"{API}/ingests/{{ingest}}"

NEEDED: dict[str, list[str]] = {
    ANYONE: [
        "GET /openapi.json",
        "GET /health",
        "GET /ready",
        "GET /login",
        "GET /problems/{code}",
        "POST /login",
        "POST /logout",
        "GET /static/viewer.js",
        "GET /static/viewer.css",
        "GET /static/{path}",
    ],
    USER: [
        f"GET {API}/projects",
        "GET /projects",
        f"GET {API}/me",
        f"POST {API}/me/password",
        f"GET {API}/tokens",
        f"POST {API}/tokens",
        f"POST {API}/tokens/{{number}}/revoke",
        f"GET {API}/image-sets",
        f"GET {API}/datasets",
        f"GET {API}/artifacts",
        f"GET {API}/runs",
        f"GET {API}/grids",
        f"GET {API}/generations",
        f"GET {API}/tags",
        f"GET {API}/trainers",
        f"GET {API}/trainers/{{name}}",
        "GET /",
        "GET /image-sets",
        "GET /datasets",
        "GET /artifacts",
        "GET /grids",
        "GET /generations",
        "GET /runs",
        "GET /api",
        "GET /account",
    ],
    READER: [
        f"GET {_SET}",
        f"GET {_SET}/images",
        f"GET {_SET}/report/quality",
        f"GET {_SET}/report/balance",
        f"GET {_SET}/report/likeness",
        f"GET {_SET}/report/captions",
        f"GET {_SET}/changes",
        f"GET {API}/images/{{sha256}}",
        f"GET {API}/images/{{sha256}}/neighbours",
        f"GET {API}/images/{{sha256}}/bytes",
        f"GET {API}/images/{{sha256}}/thumbnail",
        f"GET {API}/datasets/{{ref}}",
        f"GET {API}/datasets/{{ref}}/entries",
        f"GET {API}/datasets/{{ref}}/diff",
        f"GET {API}/datasets/{{ref}}/manifest",
        f"GET {API}/datasets/{{ref}}/export/{{form}}",
        f"GET {_ONE}",
        f"GET {_ONE}/versions",
        f"GET {_VERSION}",
        f"GET {_VERSION}/diff",
        f"GET {_VERSION}/for/{{program}}",
        f"GET {_ONE}/aliases/{{alias}}",
        f"GET {API}/members/{{member}}",
        f"GET {_VERSION}/files/{{path:path}}",
        f"GET {API}/runs/{{run_id}}",
        f"GET {API}/runs/{{run_id}}/log",
        f"GET {API}/runs/{{run_id}}/events",
        f"GET {_GRID}",
        f"GET {_GRID}/progress",
        f"GET {_GRID}/export/{{kind}}",
        f"GET {_GRID}/sheet",
        f"GET {_GRID}/cells",
        f"GET {_CELL}",
        f"GET {_CELL}/picture",
        f"GET {_CELL}/thumbnail",
        f"GET {_GRID}/votes",
        f"GET {_GRID}/votes/next",
        f"GET {_GENERATION}",
        f"GET {API}/lineage/{{ref}}",
        f"GET {API}/lineage/{{ref}}/drawing",
        f"GET {API}/lineage/{{ref}}/neighbours",
        f"GET {API}/lineage/{{ref}}/openlineage",
        f"GET {API}/blobs/{{sha256}}",
        "GET /image-sets/{name}",
        "GET /image-sets/{name}/tags",
        "GET /image-sets/{name}/report",
        "GET /image-sets/{name}/report/{part}",
        "GET /images/{sha256}",
        "GET /images/{sha256}/neighbours",
        "GET /datasets/{ref}",
        "GET /datasets/{ref}/diff",
        "GET /artifacts/{name}",
        "GET /artifacts/{name}/versions/{which}",
        "GET /artifacts/{name}/versions/{which}/diff",
        "GET /grids/{grid_id}",
        "GET /grids/{grid_id}/cells/{position}",
        "GET /grids/{grid_id}/vote",
        "GET /grids/{grid_id}/vote/ranking",
        "GET /generations/{generation_id}",
        "GET /runs/{run_id}",
        "GET /lineage/{ref}",
    ],
    WRITER: [
        "GET /image-sets/{name}/freeze",
        f"POST {_SET}/tags",
        f"POST {_SET}/tags/items",
        f"POST {_SET}/captions",
        f"POST {_SET}/crops",
        f"POST {_SET}/crops/clear",
        f"POST {_SET}/background",
        f"POST {API}/captions/{{caption_id}}/revert",
        f"POST {_SET}/tags/tree",
        f"POST {_SET}/captions/words",
        f"POST {_SET}/captions/replace",
        f"POST {_SET}/captions/template",
        f"POST {_SET}/undo",
        f"POST {API}/members/{{member}}/caption",
        f"POST {API}/members/{{member}}/crop",
        f"PUT {_ONE}/aliases/{{alias}}",
        f"POST {_GRID}/pick",
        f"POST {_GRID}/votes",
    ],
    OWN: [
        f"GET {API}/uploads/{{key}}",
        f"PATCH {API}/uploads/{{key}}",
        f"PUT {API}/uploads/{{key}}",
        f"DELETE {API}/uploads/{{key}}",
        f"GET {_INGEST}",
        f"PUT {_INGEST}/files",
        f"GET {_INGEST}/missing",
        f"PATCH {_INGEST}/content",
        f"POST {_INGEST}/plan",
        f"POST {_INGEST}/commit",
        f"DELETE {_INGEST}",
    ],
    TRAINER: [
        f"POST {_VERSION}/yank",
        f"POST {_ONE}/versions/yank",
        f"POST {_VERSION}/unyank",
        f"POST {_GENERATION}/resume",
        f"POST {_GRID}/resume",
        f"POST {API}/runs/{{run_id}}/cancel",
        f"POST {API}/runs/{{run_id}}/resume",
        "GET /image-sets/{name}/train",
        "GET /artifacts/{name}/grid",
    ],
    MASTER: [f"GET {API}/projects/{{project}}/roles", f"POST {API}/projects/{{project}}/roles"],
    ANYWHERE: [
        f"GET {API}/uploads",
        f"POST {API}/uploads",
        f"GET {API}/ingests",
        f"POST {API}/ingests",
        f"POST {API}/datasets",
        "GET /ingest",
    ],
    SOMEWHERE: [
        f"POST {API}/generations",
        f"POST {API}/grids",
        f"POST {API}/grid-plans",
        f"POST {API}/runs",
        f"POST {_ONE}/versions",
    ],
    ADMIN: [
        f"GET {API}/users",
        f"POST {API}/users",
        f"POST {API}/users/{{name}}",
        f"GET {API}/events",
        f"GET {API}/storage",
        f"POST {API}/storage/check",
        f"POST {API}/storage/collect",
        "GET /metrics",
        "GET /users",
        "GET /log",
        "GET /storage",
    ],
}
ROUTES = [(need, route) for need, routes in NEEDED.items() for route in routes]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Table:
    """A server with users, the secrets of their tokens, and what stands in its addresses."""

    app: FastAPI
    secrets: Mapping[str, str]
    values: Mapping[str, str]


CALLERS = (
    "anonymous",
    "reader",
    "writer",
    "trainer",
    "project admin",
    "other project",
    "expired",
    "revoked",
    "registry admin",
)


@pytest.fixture(scope="module")
def table(own_registry: Registry) -> Iterator[Table]:
    """The example registry with a user for each column."""
    registry = own_registry
    secrets = {}
    with transaction(registry.engine) as session:
        boss = add_user(session, "boss", is_admin=True)
        secrets["registry admin"] = issue_token(session, boss, "all", role=Role.ADMIN).secret
        for role in Role:
            user = add_user(session, f"{role}-of-main")
            set_role(session, user, "main", role)
            caller = "project admin" if role == Role.ADMIN else str(role)
            secrets[caller] = issue_token(session, user, "all", role=Role.ADMIN).secret
            if role == Role.WRITER:
                own = viewer_of(user, "token")
        stranger = add_user(session, "stranger")
        set_role(session, stranger, "other", Role.ADMIN)
        secrets["other project"] = issue_token(session, stranger, "all", role=Role.ADMIN).secret
        expired, revoked = (
            issue_token(session, boss, word, role=Role.ADMIN) for word in ("expired", "revoked")
        )
        expired.token.expires_at = now() - timedelta(seconds=1)
        revoke_token(session, revoked.token)
        secrets |= {"expired": expired.secret, "revoked": revoked.secret}
    with transaction(registry.engine) as session, shown_to(own):
        kept, doomed = (
            begin_upload(
                session, registry.store, name="x", sha256="0" * 64, size_bytes=9, project="main"
            ).key
            for _ in range(2)
        )
        ingest, doomed_ingest = (
            begin_ingest(
                session, registry.store, folder="x", place="x", options=OPTIONS, project="main"
            ).key
            for _ in range(2)
        )
    values = {**values_of(registry), "key": kept, "doomed": doomed}
    values |= {"ingest": ingest, "doomed_ingest": doomed_ingest}
    app = create_app(registry)
    with TestClient(app, base_url=ADDRESS):  # for some requests begin work, which is ended with it
        yield Table(app=app, secrets=secrets, values=values)


def test_every_route_stands_in_the_table_once(table: Table) -> None:
    told = [route for _, route in ROUTES]
    assert sorted(told) == sorted(f"{method} {path}" for method, path in every_route(table.app))


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(("need", "route"), ROUTES, ids=[route for _, route in ROUTES])
def test_a_route_lets_in_whom_it_should(table: Table, need: str, route: str, caller: str) -> None:
    method, _, template = route.partition(" ")
    headers = {} if caller == "anonymous" else {"Authorization": f"Bearer {table.secrets[caller]}"}
    client = TestClient(table.app, base_url=ADDRESS, headers=headers, follow_redirects=False)
    where = template
    if method == "DELETE":
        where = template.replace("{key}", "{doomed}").replace("{ingest}", "{doomed_ingest}")
    answer = client.request(method, filled(where, table.values), **_sent(method, template))
    found = _verdict(answer.status_code, answer.headers.get("location", ""))
    if route == "POST /login":
        assert answer.status_code in (401, 429)  # a wrong password, after a while too many of them
    elif template.endswith("/revoke") and found == "nothing there":
        assert caller not in ("anonymous", "expired", "revoked")  # nobody has that token
    else:
        assert found == _expected(need, caller), f"{answer.status_code}: {answer.text[:300]}"


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TestClient]]:
    """Project → a reader of it; the artifact and its grids lie in another than what they are of."""
    registry = build(tmp_path_factory.mktemp("torn"))
    secrets = {}
    with transaction(registry.engine) as session:
        move(session, ["artifact:weipin-lora"], "lab")
        add_user(session, "boss", is_admin=True)
        for project in ("main", "lab"):
            user = add_user(session, f"of-{project}")
            set_role(session, user, project, Role.READER)
            secrets[project] = issue_token(session, user, "all").secret
    app = create_app(registry)
    yield {
        project: TestClient(
            app,
            base_url=ADDRESS,
            headers={"Authorization": f"Bearer {secret}"},
            raise_server_exceptions=False,
        )
        for project, secret in secrets.items()
    }
    registry.engine.dispose()


@pytest.mark.parametrize("project", ["main", "lab"])
@pytest.mark.parametrize("route", [*NEEDED[USER], *NEEDED[READER]])
def test_who_sees_one_end_of_a_lineage_gets_that_end(
    table: Table, torn: dict[str, TestClient], route: str, project: str
) -> None:
    method, _, template = route.partition(" ")
    if method != "GET":
        return
    answer = torn[project].get(filled(template, table.values))
    assert answer.status_code in (200, 404), answer.text[:500]
    if project == "lab" and ("/artifacts" in template or "/grids" in template):
        assert answer.status_code == 200, answer.text[:500]
    if project == "lab" and ("/image-sets/" in template or "/datasets/" in template):
        assert answer.status_code == 404


def _sent(method: str, template: str) -> dict[str, Any]:
    """What changes nothing: it is refused as nonsense, by those routes that let it in."""
    if method in ("GET", "DELETE"):
        return {}
    if method == "PATCH":
        return {"headers": {"Content-Type": PIECE, "Upload-Offset": "5"}}
    if template in ("/login", "/logout"):
        return {"content": b"name=x&password=y", "headers": FORM}
    bodies = {"undo": {"change": "none"}, "files": {"files": []}, "commit": {"files": 1}}
    return {"json": bodies.get(template.rpartition("/")[2], {})}


def _verdict(status: int, location: str) -> str:
    if status == 401 or (status == 303 and location.startswith("/login?")):
        return "has to sign in"
    return {403: "may not", 404: "nothing there"}.get(
        status, "let in" if status < 500 else f"failed: {status}"
    )


def _expected(need: str, caller: str) -> str:
    if need == ANYONE:
        return "let in"
    if caller in ("anonymous", "expired", "revoked"):
        return "has to sign in"
    if need == OWN and caller not in ("reader", "other project"):
        return "let in" if caller == "writer" else "nothing there"
    if need == USER or caller == "registry admin":
        return "let in"
    if need == ADMIN:
        return "may not"
    if caller == "other project" and need == MASTER:
        return "may not"
    if caller == "other project":
        return "let in" if need in (SOMEWHERE, ANYWHERE) else "nothing there"
    roles = ("reader", "writer", "trainer", "project admin")
    least = {READER: 0, WRITER: 1, OWN: 1, ANYWHERE: 1, TRAINER: 2, SOMEWHERE: 2, MASTER: 3}[need]
    return "let in" if roles.index(caller) >= least else "may not"
