"""Signing in over HTTP: with tokens, with a browser; who administrates, and what is noted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from starlette.testclient import TestClient

from sdxl_reg.catalog.access.credentials import issue_token
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.ingest_plan import IngestOptions
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Change, Token
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.app import create_app
from sdxl_reg.web.attempts import WINDOW_S, Attempts
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.identity import is_here
from tests.registry.web.conftest import ADDRESS

PASSWORD = "correct horse battery"
API = "/api/v1"
TAGGED = {"do": "attach", "tag": "qzy/flawed/spot", "which": {"members": [1]}}


@pytest.fixture(scope="module")
def secrets(own_registry: Registry) -> dict[str, str]:
    """Name → a token of all that its user may; anna is an admin, ben a writer with a password."""
    found = {}
    with transaction(own_registry.engine) as session:
        users = [
            add_user(session, "anna", password=PASSWORD, is_admin=True),
            add_user(session, "ben", password=PASSWORD),
        ]
        set_role(session, users[1], "main", Role.WRITER)
        for user in users:
            found[user.name] = issue_token(session, user, "test", role=Role.ADMIN).secret
    return found


@pytest.fixture
def browser(own_registry: Registry, secrets: dict[str, str]) -> Iterator[TestClient]:
    """A browser in which nobody has signed in."""
    with TestClient(create_app(own_registry), base_url=ADDRESS, follow_redirects=False) as client:
        yield client


@pytest.fixture
def anna(own_registry: Registry, secrets: dict[str, str]) -> Iterator[TestClient]:
    """A program of the admin."""
    with _program(own_registry, secrets["anna"]) as client:
        yield client


@pytest.fixture
def ben(own_registry: Registry, secrets: dict[str, str]) -> Iterator[TestClient]:
    """A program of the writer."""
    with _program(own_registry, secrets["ben"]) as client:
        yield client


def _program(registry: Registry, secret: str) -> TestClient:
    headers = {"Authorization": f"Bearer {secret}"}
    return TestClient(create_app(registry), base_url=ADDRESS, headers=headers)


def _sign_in(client: TestClient, name: str = "ben", after: str = "/runs", **more: str) -> Any:
    return client.post("/login", data={"name": name, "password": PASSWORD, "next": after, **more})


def _word(client: TestClient) -> dict[str, str]:
    """What a page of the session sends with what it writes."""
    text = client.get("/").text
    return {"X-CSRF-Token": text.split('name="csrf-token" content="')[1].split('"')[0]}


def test_without_users_nobody_has_to_sign_in_and_nobody_is_made_over_http(
    client: TestClient,
) -> None:
    said = client.get(f"{API}/me").json()
    assert (said["name"], said["everywhere"], said["through"]) == (None, "admin", None)
    assert client.get("/login", follow_redirects=False).headers["location"] == "/"
    answer = client.post(f"{API}/users", json={"name": "mallory", "is_admin": True})
    assert answer.status_code == 403
    assert "sdxl-reg user add NAME --admin" in answer.json()["remedy"]


def test_a_stranger_is_sent_to_the_form_and_back_to_where_they_wanted(browser: TestClient) -> None:
    sent = browser.get("/image-sets/weipin?tag=qzy")
    assert (sent.status_code, sent.headers["location"]) == (
        303,
        "/login?next=%2Fimage-sets%2Fweipin%3Ftag%3Dqzy",
    )
    assert 'value="/image-sets/weipin?tag=qzy"' in browser.get(sent.headers["location"]).text
    answer = _sign_in(browser, after="/image-sets/weipin?tag=qzy")
    assert (answer.status_code, answer.headers["location"]) == (303, "/image-sets/weipin?tag=qzy")
    assert browser.get("/image-sets/weipin").status_code == 200


def test_a_program_without_a_token_is_told_what_to_send(browser: TestClient) -> None:
    answer = browser.get(f"{API}/runs")
    assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.json()["remedy"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Bearer sdxlreg_nonsense", "the token is not known"),
        ("Bearer ", "'Bearer' is not known"),
        ("Basic YW5uYTpwYXNz", "'Basic' is not known"),
        ("Bearer \xff\xfe", "not known"),
        ("nonsense", "'nonsense' is not known"),
    ],
)
def test_what_signs_nobody_in_is_told(browser: TestClient, said: str, told: str) -> None:
    answer = browser.get(f"{API}/me", headers={b"Authorization": said.encode("latin-1")})
    assert answer.status_code == 401
    assert told in answer.json()["detail"]


def test_the_cookie_is_hidden_from_scripts_and_other_sites(browser: TestClient) -> None:
    told = _sign_in(browser).headers["set-cookie"].lower()
    assert "httponly" in told
    assert "samesite=lax" in told
    assert "secure" not in told
    behind = TestClient(browser.app, base_url="https://127.0.0.1", follow_redirects=False)
    assert "secure" in _sign_in(behind).headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "after",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "x", ""],
)
def test_signing_in_leads_nowhere_else(browser: TestClient, after: str) -> None:
    assert not is_here(after)
    assert _sign_in(browser, after=after).headers["location"] == "/"


def test_a_form_of_another_site_signs_nobody_in_or_out(browser: TestClient) -> None:
    evil = {"Origin": "http://evil.example"}
    said = {"name": "ben", "password": PASSWORD}
    for address in ("/login", "/logout"):
        assert browser.post(address, data=said, headers=evil).status_code == 403


def test_signing_out_ends_the_session_and_not_only_the_cookie(browser: TestClient) -> None:
    _sign_in(browser)
    kept = dict(browser.cookies)
    assert browser.get("/runs").status_code == 200
    assert browser.post("/logout").headers["location"] == "/login"
    browser.cookies.update(kept)
    assert browser.get("/runs").status_code == 303


def test_a_page_writes_only_with_the_word_of_its_session(browser: TestClient) -> None:
    _sign_in(browser)
    address = f"{API}/image-sets/weipin/tags"
    for headers in ({}, {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": "ü"}):
        sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
        answer = browser.post(address, json=TAGGED, headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    assert browser.post(address, json=TAGGED, headers=_word(browser)).status_code == 200


def test_what_is_changed_is_by_whom_who_has_signed_in_whatever_they_say(
    ben: TestClient, anna: TestClient, own_registry: Registry
) -> None:
    sent = {"text": "a plain mug", "author": "anna"}
    assert ben.post(f"{API}/members/2/caption", json=sent).status_code == 200
    with reading(own_registry.engine) as session:
        change = session.scalars(select(Change).order_by(Change.id.desc()).limit(1)).one()
    assert change.author == "ben"
    newest = anna.get(f"{API}/events?limit=1").json()["items"][0]
    assert (newest["actor"], newest["subject"]) == ("ben", "weipin")


def test_after_some_failures_one_has_to_wait(own_registry: Registry, browser: TestClient) -> None:
    wrong = {"name": "ben", "password": "wrong"}
    answers = [browser.post("/login", data=wrong).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]
    refused = _sign_in(browser)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW_S
    assert _sign_in(browser, name="anna").status_code == 303  # others are not kept waiting


def test_failures_are_forgotten_after_a_while_and_counted_for_an_address_too() -> None:
    moment = [0.0]
    attempts = Attempts(clock=lambda: moment[0])
    for number in range(30):
        assert attempts.wait_s("anna", "10.0.0.1") == 0 or number >= 5
        attempts.failed("anna", "10.0.0.1")
    assert attempts.wait_s("ANNA", "10.0.0.1") == WINDOW_S
    assert attempts.wait_s("ben", "10.0.0.1") == WINDOW_S
    assert attempts.wait_s("anna", "10.0.0.2") == 0
    moment[0] = WINDOW_S - 1
    assert attempts.wait_s("anna", "10.0.0.1") == 1
    moment[0] = WINDOW_S + 1
    assert attempts.wait_s("anna", "10.0.0.1") == 0


def test_attempts_under_endless_names_take_no_endless_memory() -> None:
    moment = [0.0]
    attempts = Attempts(clock=lambda: moment[0])
    for number in range(50_000):
        moment[0] += 1
        attempts.failed(f"name {number}", f"10.0.{number}")
    assert len(attempts._failures) <= 20_003


def test_failed_attempts_are_noted(anna: TestClient, browser: TestClient) -> None:
    browser.post("/login", data={"name": "mallory", "password": "guess"})
    noted = anna.get(f"{API}/events?limit=5").json()["items"]
    assert ("user.sign_in_failed", "mallory") in [(one["verb"], one["subject"]) for one in noted]


def test_an_endless_form_is_refused(browser: TestClient) -> None:
    answer = browser.post("/login", content=b"name=" + b"x" * 20_000)
    assert answer.status_code == 413


def test_an_admin_adds_a_user_gives_roles_and_shuts_them_out(
    anna: TestClient, own_registry: Registry
) -> None:
    body = {"name": "emil", "password": PASSWORD, "roles": {"main": "trainer", "lab": "reader"}}
    made = anna.post(f"{API}/users", json=body)
    assert (made.status_code, made.json()["roles"]) == (201, {"lab": "reader", "main": "trainer"})
    assert anna.post(f"{API}/users", json=body).status_code == 409
    change = {"roles": {"lab": None, "main": "reader"}, "is_admin": True}
    changed = anna.post(f"{API}/users/emil", json=change).json()
    assert (changed["roles"], changed["is_admin"]) == ({"main": "reader"}, True)
    gone = anna.post(f"{API}/users/emil", json={"is_disabled": True, "is_admin": False}).json()
    assert gone["is_disabled"]
    assert "emil" in [user["name"] for user in anna.get(f"{API}/users").json()["items"]]
    half = {"roles": {"lab": "reader", "Not A Name": "reader"}}
    assert anna.post(f"{API}/users/emil", json=half).status_code == 422
    assert anna.get(f"{API}/users").json()["items"][-1]["roles"] == {"main": "reader"}
    assert anna.post(f"{API}/users/nobody", json={}).status_code == 404


def test_a_token_is_made_used_listed_and_revoked(
    ben: TestClient, anna: TestClient, own_registry: Registry
) -> None:
    refused = ben.post(f"{API}/tokens", json={"name": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    body = {"name": "WebUI", "project": "main", "role": "reader", "days": 1}
    made = ben.post(f"{API}/tokens", json=body).json()
    with _program(own_registry, made["secret"]) as reader:
        assert reader.get(f"{API}/me").json()["roles"] == {"main": "reader"}
        assert reader.post(f"{API}/image-sets/weipin/tags", json=TAGGED).status_code == 403
        listed = ben.get(f"{API}/tokens").json()["items"][0]
        assert (listed["name"], listed["used_at"] is not None) == ("WebUI", True)
        assert "secret" not in listed
        assert ben.post(f"{API}/tokens/{made['id']}/revoke", json={}).json()["revoked_at"]
        assert "revoked" in reader.get(f"{API}/me").json()["detail"]
    more = ben.post(f"{API}/tokens", json={**body, "role": "admin"})
    assert "ben is writer in project 'main'" in more.json()["detail"]


def test_tokens_of_others_are_the_admins_affair(
    ben: TestClient, anna: TestClient, own_registry: Registry
) -> None:
    with reading(own_registry.engine) as session:
        number = session.scalars(select(Token.id).order_by(Token.id)).first()
    assert ben.post(f"{API}/tokens/{number}/revoke", json={}).status_code == 404
    assert ben.get(f"{API}/tokens?everyone=true").status_code == 403
    users = {token["user"] for token in anna.get(f"{API}/tokens?everyone=true").json()["items"]}
    assert users == {"anna", "ben"}


def test_a_token_changes_no_password_and_a_browser_does_with_the_old_one(
    ben: TestClient, browser: TestClient
) -> None:
    body = {"old": PASSWORD, "new": PASSWORD + "!"}
    assert ben.post(f"{API}/me/password", json=body).status_code == 403
    _sign_in(browser)
    word = _word(browser)
    wrong = browser.post(f"{API}/me/password", json={**body, "old": "x"}, headers=word)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid-value")
    assert browser.post(f"{API}/me/password", json=body, headers=word).status_code == 200
    assert browser.get("/runs").status_code == 303  # signed out, here too
    again = {"name": "ben", "password": PASSWORD + "!"}
    assert browser.post("/login", data=again).status_code == 303
    back = {"old": PASSWORD + "!", "new": PASSWORD}
    assert browser.post(f"{API}/me/password", json=back, headers=_word(browser)).status_code == 200


def test_the_tree_of_tags_is_edited_only_by_writers_of_all_it_touches(
    ben: TestClient, anna: TestClient, own_registry: Registry, tmp_path: Path
) -> None:
    folder = tmp_path / "qzy" / "flawed" / "fold"
    folder.mkdir(parents=True)
    Image.new("RGB", (64, 64), "navy").save(folder / "1.png")
    options = IngestOptions(as_name="hidden", project="lab")
    ingest(own_registry.engine, own_registry.store, tmp_path, options=options)

    address = f"{API}/image-sets/weipin/tags/tree"
    free = {"do": "rename", "tag": "lsbr/flawed/spot", "to": "stain"}
    assert ben.post(address, json=free).status_code == 200
    shared = {"do": "rename", "tag": "qzy/flawed/fold", "to": "crease"}
    refused = ben.post(address, json=shared)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    assert "ben is nobody in project 'lab'" in refused.json()["detail"]
    above = {"do": "move", "tag": "qzy", "to": "lsbr"}
    assert ben.post(address, json=above).status_code == 403
    assert anna.post(address, json=shared).status_code == 200


def test_nothing_is_drawn_from_a_picture_of_another_project_nor_from_a_file(
    anna: TestClient, own_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(own_registry.engine) as session:
        ida = add_user(session, "ida")
        set_role(session, ida, "main", Role.TRAINER)
        secret = issue_token(session, ida, "x", role=Role.ADMIN).secret
    page = anna.get(f"{API}/image-sets/hidden/images").json()
    hidden = page["items"][0]["sha256"]
    Image.new("RGB", (64, 64)).save(tmp_path / "abcdef0123.png")
    (tmp_path / "abcdef0123.png").rename(tmp_path / "abcdef0123")
    monkeypatch.chdir(tmp_path)
    with _program(own_registry, secret) as trainer:
        for said in (hidden, hidden[:8], "abcdef0123"):
            answer = trainer.post(f"{API}/generations", json={"prompt": "x", "init_image": said})
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), said


def test_admins_of_a_project_give_roles_in_it_and_nowhere_else(
    anna: TestClient, ben: TestClient, own_registry: Registry
) -> None:
    with transaction(own_registry.engine) as session:
        head = add_user(session, "hanna")
        set_role(session, head, "lab", Role.ADMIN)
        secret = issue_token(session, head, "x", role=Role.ADMIN).secret
    with _program(own_registry, secret) as hanna:
        seen = {item["name"]: item["role"] for item in hanna.get(f"{API}/projects").json()["items"]}
        assert seen == {"lab": "admin", "shared": "reader"}
        body = {"user": "ben", "role": "reader"}
        given = hanna.post(f"{API}/projects/lab/roles", json=body).json()
        assert given["roles"] == {"ben": "reader", "hanna": "admin"}
        assert ben.get(f"{API}/image-sets/hidden").status_code == 200
        assert hanna.post(f"{API}/projects/main/roles", json=body).status_code == 403
        taken = hanna.post(f"{API}/projects/lab/roles", json={"user": "ben", "role": None}).json()
        assert taken["roles"] == {"hanna": "admin"}
        assert ben.get(f"{API}/image-sets/hidden").status_code == 404
        nobody = {"user": "nobody", "role": "reader"}
        assert hanna.post(f"{API}/projects/lab/roles", json=nobody).status_code == 404


def test_metrics_are_for_those_who_read_every_project(
    ben: TestClient, anna: TestClient, own_registry: Registry
) -> None:
    assert ben.get("/metrics").status_code == 403
    with transaction(own_registry.engine) as session:
        user = add_user(session, "prometheus", is_admin=True)
        secret = issue_token(session, user, "scrape", role=Role.READER).secret
    with _program(own_registry, secret) as scraper:
        assert 'sdxl_reg_rows{kind="image_sets"} 2.0' in scraper.get("/metrics").text
        assert scraper.get(f"{API}/users").status_code == 403
