"""Sending files over HTTP: in pieces that can be resumed, believed only after a look at them."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sdxl_reg.catalog.access.credentials import issue_token
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.artifacts import find_version
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import BlobScan
from sdxl_reg.vocabulary import Role, ScanVerdict
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from tests.registry.formats.shaped_files import TO_K, shaped_file
from tests.registry.formats.test_pickles import Harmful, pickled
from tests.registry.web.conftest import ADDRESS
from tests.registry.web.example_registry import build

UPLOADS = "/api/v1/uploads"
PIECE = "application/offset+octet-stream"


@pytest.fixture
def data(tmp_path: Path) -> bytes:
    """A LoRA of a few hundred bytes, of no other test."""
    return shaped_file(
        tmp_path / "x.safetensors", {TO_K: (4, 2048)}, {"from": str(tmp_path)}
    ).read_bytes()


def announced(client: TestClient, data: bytes, name: str = "x.safetensors") -> str:
    body = {"name": name, "sha256": sha256(data).hexdigest(), "size_bytes": len(data)}
    answer = client.post(UPLOADS, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == answer.json()["url"]
    return str(answer.headers["Location"])


def piece(client: TestClient, url: str, data: bytes, offset: int = 0) -> int:
    headers = {"Upload-Offset": str(offset), "Content-Type": PIECE}
    answer = client.patch(url, content=data, headers=headers)
    if answer.status_code == 204:
        assert answer.headers["Upload-Offset"] == str(offset + len(data))
    return answer.status_code


def sent(client: TestClient, data: bytes, name: str = "x.safetensors") -> str:
    """The key of a checked or refused upload."""
    url = announced(client, data, name)
    assert piece(client, url, data) == 204
    answer = client.put(url, json={})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["key"])


def test_a_file_is_sent_in_pieces_and_taken_in(writer: TestClient, data: bytes) -> None:
    digest = sha256(data).hexdigest()
    assert writer.head(f"/api/v1/blobs/{digest}").status_code == 404

    url = announced(writer, data)
    assert piece(writer, url, data[:300]) == 204
    (found,) = writer.get(UPLOADS, params={"sha256": digest}).json()["items"]
    assert (found["received_bytes"], found["state"]) == (300, "open")
    assert piece(writer, url, data[300:], offset=300) == 204
    checked = writer.put(url, json={}).json()
    assert (checked["state"], checked["verdict"]) == ("checked", "safe")
    taken = writer.post("/api/v1/artifacts/sent/versions", json={"upload": checked["key"]})

    assert taken.status_code == 201, taken.text
    version = taken.json()
    assert version["ref"] == "sent@1"
    assert version["files"][0]["scan"]["verdict"] == "safe"
    assert writer.head(f"/api/v1/blobs/{digest}").status_code == 200
    assert writer.get(version["files"][0]["url"]).content == data
    assert writer.get(url).json()["state"] == "taken"


def test_it_can_be_given_up(writer: TestClient, data: bytes) -> None:
    url = announced(writer, data)
    assert writer.delete(url).status_code == 204
    assert writer.get(url).status_code == 404


@pytest.mark.parametrize(
    ("offset", "length", "status"), [(1, 10, 409), (0, 10_000_000, 422), (-1, 10, 422)]
)
def test_a_piece_in_the_wrong_place_is_refused(
    writer: TestClient, data: bytes, offset: int, length: int, status: int
) -> None:
    url = announced(writer, data)
    assert piece(writer, url, bytes(length), offset) == status


def test_a_piece_says_that_it_is_one(writer: TestClient, data: bytes) -> None:
    url = announced(writer, data)
    headers = {"Upload-Offset": "0", "Content-Type": "application/json"}
    assert writer.patch(url, content=data, headers=headers).status_code == 415
    assert writer.put(url, content=b"x").status_code == 415


def test_a_piece_of_another_site_is_refused(writer: TestClient, data: bytes) -> None:
    url = announced(writer, data)
    headers = {"Upload-Offset": "0", "Content-Type": PIECE, "Origin": "https://elsewhere.example"}
    assert writer.patch(url, content=data, headers=headers).status_code == 403
    assert writer.delete(url, headers={"Origin": "https://elsewhere.example"}).status_code == 403


def test_other_bytes_than_announced_are_refused(writer: TestClient, data: bytes) -> None:
    url = announced(writer, data)
    piece(writer, url, bytes(len(data)))
    answer = writer.put(url, json={})
    assert answer.status_code == 422
    assert sha256(data).hexdigest() in answer.json()["detail"]
    assert writer.get(url).status_code == 404


def test_what_could_run_is_never_taken_in(writer: TestClient, tmp_path: Path) -> None:
    evil = pickled(tmp_path / "x.pt", Harmful()).read_bytes()
    key = sent(writer, evil, "x.pt")
    told = writer.get(f"{UPLOADS}/{key}").json()
    assert (told["state"], told["verdict"]) == ("refused", "unsafe")
    answer = writer.post("/api/v1/artifacts/evil/versions", json={"upload": key})
    assert answer.status_code == 409
    assert writer.get("/api/v1/artifacts/evil").status_code == 404


def test_bytes_of_no_kind_are_no_error_of_the_server(writer: TestClient) -> None:
    key = sent(writer, b"no header")
    answer = writer.post("/api/v1/artifacts/nothing/versions", json={"upload": key})
    assert answer.status_code == 422


@pytest.mark.parametrize("base", ["/etc/passwd", "../x", "no-such-base"])
def test_a_base_is_never_a_path_of_the_server(writer: TestClient, data: bytes, base: str) -> None:
    key = sent(writer, data)
    answer = writer.post("/api/v1/artifacts/x/versions", json={"upload": key, "base": base})
    assert answer.status_code == 404


@pytest.fixture
def people(tmp_path: Path) -> Iterator[dict[str, TestClient]]:
    """Who signs in with which role in `main`; `stranger` trains in another project."""
    registry = build(tmp_path)
    secrets = {}
    with transaction(registry.engine) as session:
        add_user(session, "boss", is_admin=True)
        for name, project, role in (
            ("writer", "main", Role.WRITER),
            ("trainer", "main", Role.TRAINER),
            ("admin", "main", Role.ADMIN),
            ("stranger", "other", Role.TRAINER),
        ):
            user = add_user(session, name)
            set_role(session, user, project, role)
            secrets[name] = issue_token(session, user, "all", role=Role.ADMIN).secret
        version = find_version(session, "weipin-lora@1")
        reason = "its pickle asks for os.system"
        found = BlobScan(
            blob_id=version.files[0].blob_id, verdict=ScanVerdict.UNSAFE, reason=reason
        )
        session.add(found)
    app = create_app(registry)
    yield {
        name: TestClient(app, base_url=ADDRESS, headers={"Authorization": f"Bearer {secret}"})
        for name, secret in secrets.items()
    }
    registry.engine.dispose()


def test_nobody_sees_what_another_sends(people: dict[str, TestClient], data: bytes) -> None:
    url = announced(people["writer"], data)
    assert people["trainer"].get(url).status_code == 404
    assert piece(people["trainer"], url, data) == 404
    assert people["trainer"].get(UPLOADS).json()["items"] == []


def test_a_version_is_made_by_a_trainer(people: dict[str, TestClient], data: bytes) -> None:
    key = sent(people["writer"], data)
    answer = people["writer"].post("/api/v1/artifacts/new/versions", json={"upload": key})
    assert answer.status_code == 403


def test_a_name_of_another_project_is_taken_and_no_more_is_told(
    people: dict[str, TestClient], data: bytes
) -> None:
    key = sent(people["stranger"], data)
    answer = people["stranger"].post("/api/v1/artifacts/weipin-lora/versions", json={"upload": key})
    assert answer.status_code == 409
    assert "taken in another project" in answer.json()["detail"]


def test_what_is_unsafe_is_handed_to_admins_who_say_so(people: dict[str, TestClient]) -> None:
    version = people["admin"].get("/api/v1/artifacts/weipin-lora/versions/1").json()
    assert version["files"][0]["scan"]["reason"] == "its pickle asks for os.system"
    file = version["files"][0]["url"]
    blob = f"/api/v1/blobs/{version['files'][0]['sha256']}"
    for url in (file, blob):
        assert people["admin"].get(url).status_code == 403
        assert people["trainer"].get(url, params={"unsafe": True}).status_code == 403
    assert people["admin"].get(file, params={"unsafe": True}).status_code == 200


def test_an_upload_is_no_way_into_another_registry(
    own_registry: Registry, writer: TestClient, data: bytes
) -> None:
    key = sent(writer, data)
    assert (own_registry.store.quarantine.root / key).is_dir()
    for odd in ("..", "%2e%2e", "0" * 33, key.upper()):
        assert writer.get(f"{UPLOADS}/{odd}").status_code in (404, 405)
