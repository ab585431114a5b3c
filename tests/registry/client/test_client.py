"""The client: documents, pages, changes made once, problems as our own errors."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sdxl_reg.catalog.access.credentials import issue_token
from sdxl_reg.catalog.access.users import add_user
from sdxl_reg.client import Client
from sdxl_reg.errors import (
    Changed,
    Conflict,
    InvalidValue,
    NotFound,
    NotReady,
    NotSignedIn,
    UsageError,
)
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import Registry


def test_a_document_is_read(client: Client) -> None:
    assert client.get("image-sets", "weipin")["images"] == 21


def test_a_list_is_read_page_after_page(client: Client) -> None:
    some = list(client.items("image-sets", "weipin", "images", limit=4))
    assert len(some) == 21
    assert len({item["member"] for item in some}) == 21


def test_parts_of_an_address_are_quoted(client: Client) -> None:
    with pytest.raises(NotFound, match=r"'a b\?c'"):
        client.get("image-sets", "a b?c")


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        (("artifacts", "weipin-lara"), NotFound),
        (("images", "not a digest"), NotFound),
        (("runs", "x"), UsageError),
    ],
)
def test_a_problem_is_the_error_that_it_tells(
    client: Client, parts: tuple[str, ...], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        client.get(*parts)


def test_an_error_keeps_its_remedy(client: Client) -> None:
    with pytest.raises(NotFound) as caught:
        client.get("artifacts", "weipin-lara")
    assert caught.value.remedy == "Did you mean 'weipin-lora'?"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("server", ["registry:8000", "ftp://x", "http://", ""])
def test_an_address_is_one_of_a_server(server: str) -> None:
    with pytest.raises(InvalidValue):
        Client(server)


def test_nobody_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdxl_reg.client.client.time.sleep", lambda _: None)
    with Client("http://127.0.0.1:9") as client, pytest.raises(NotReady, match="does not answer"):
        client.get("image-sets")


Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def stub() -> Iterator[tuple[str, list[Answer], list[dict[str, str]]]]:
    """A server that answers as it is told, request by request, and what it was asked."""
    answers: list[Answer] = []
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers))
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answers.pop(0)(self)

        do_POST = do_GET  # noqa: N815 - as the library calls it

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", answers, asked
    server.shutdown()
    thread.join()
    server.server_close()


def said(status: int, body: bytes, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_change_that_was_cut_off_is_asked_again_under_the_same_key(
    stub: tuple[str, list[Answer], list[dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdxl_reg.client.client.time.sleep", lambda _: None)
    server, answers, asked = stub
    answers += [said(503, b"", **{"Retry-After": "0"}), said(200, b'{"done": true}')]
    with Client(server) as client:
        assert client.post("anything") == {"done": True}
    first, second = (seen["Idempotency-Key"] for seen in asked)
    assert first == second


def test_what_is_no_server_of_ours_is_told(
    stub: tuple[str, list[Answer], list[dict[str, str]]],
) -> None:
    server, answers, _ = stub
    answers.append(said(404, b"<html>not here</html>"))
    with Client(server) as client, pytest.raises(NotReady, match="answers 404"):
        client.get("image-sets")


def test_a_token_signs_in(address: str, registry: Registry) -> None:
    with transaction(registry.engine) as session:
        anna = add_user(session, "anna", is_admin=True)
        secret = issue_token(session, anna, "client", role=Role.ADMIN).secret
    try:
        with Client(address) as client, pytest.raises(NotSignedIn):
            client.get("image-sets")
        with Client(address, token=secret) as client:
            assert client.get("me")["name"] == "anna"
    finally:
        with transaction(registry.engine) as session:
            for table in ("token", "user_account"):
                session.connection().exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608


def test_what_has_changed_is_refused_by_name(client: Client) -> None:
    headers = {"If-Match": '"of another time"'}
    with pytest.raises(Changed):
        client.request("POST", "/api/v1/members/1/caption", json={"text": "x"}, headers=headers)


def test_a_conflict_is_one(client: Client) -> None:
    with pytest.raises(Conflict):
        client.post("artifacts", "x", "versions", body={"upload": _open_upload(client)})


def _open_upload(client: Client) -> str:
    body = {"name": "x", "sha256": "0" * 64, "size_bytes": 9}
    return str(client.post("uploads", body=body)["key"])
