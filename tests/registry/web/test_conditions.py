"""Conditions and keys: nothing is sent twice, overwritten unseen, or made twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from sdxl_reg.store.database import transaction
from sdxl_reg.tables import KeptAnswer, now
from sdxl_reg.web.dependencies import Registry

SET = "/api/v1/image-sets/weipin"
UPLOADS = "/api/v1/uploads"


@pytest.mark.parametrize(
    "path", [SET, "/api/v1/artifacts", "/api/v1/runs/1", "/api/v1/members/1", "/openapi.json"]
)
def test_what_one_has_is_not_sent_again(client: TestClient, path: str) -> None:
    first = client.get(path)
    tag = first.headers["ETag"]
    assert tag.startswith('"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    for seen in (tag, f'"other", {tag}', f"W/{tag}, {tag}", "*"):
        again = client.get(path, headers={"If-None-Match": seen})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert "content-type" not in again.headers
    assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content


def test_a_problem_carries_no_tag(client: TestClient) -> None:
    answer = client.get("/api/v1/artifacts/nothing", headers={"If-None-Match": "*"})
    assert answer.status_code == 404
    assert "ETag" not in answer.headers


CHANGES = [
    ("/api/v1/members/2", "/api/v1/members/2/caption", {"text": "one"}, {"text": "two"}),
    ("/api/v1/members/2", "/api/v1/members/2/crop", {"crop": [0, 0, 0.5, 1]}, {"crop": None}),
    (
        SET,
        f"{SET}/captions/words",
        {"add": ["first"], "which": {}},
        {"add": ["second"], "which": {}},
    ),
    (
        SET,
        f"{SET}/tags",
        {"do": "attach", "tag": "seen/once", "make": True, "which": {"members": [1]}},
        {"do": "attach", "tag": "seen/twice", "make": True, "which": {"members": [1]}},
    ),
]


@pytest.mark.parametrize(("thing", "change", "first", "second"), CHANGES)
def test_nobody_changes_what_another_has_changed_meanwhile(
    writer: TestClient, thing: str, change: str, first: dict[str, object], second: dict[str, object]
) -> None:
    seen = writer.get(thing).headers["ETag"]
    done = writer.post(change, json=first, headers={"If-Match": seen})
    assert done.status_code == 200, done.text
    refused = writer.post(change, json=second, headers={"If-Match": seen})
    assert (refused.status_code, refused.json()["code"]) == (412, "changed")
    seen = writer.get(thing).headers["ETag"]
    assert writer.post(change, json=second, headers={"If-Match": seen}).status_code == 200


def test_taking_back_counts_as_a_change(writer: TestClient) -> None:
    words = {"add": ["for a moment"], "which": {}}
    assert writer.post(f"{SET}/captions/words", json=words).status_code == 200
    seen = writer.get(SET).headers["ETag"]
    assert writer.post(f"{SET}/undo", json={}, headers={"If-Match": seen}).status_code == 200
    refused = writer.post(f"{SET}/undo", json={}, headers={"If-Match": seen})
    assert refused.status_code == 412


def test_an_alias_is_only_moved_from_where_it_was_seen(writer: TestClient) -> None:
    alias = "/api/v1/artifacts/weipin-lora/aliases/kept"
    gone = writer.put(alias, json={"version": 1}, headers={"If-Match": "*"})
    assert gone.status_code == 404
    seen = writer.put(alias, json={"version": 1}).headers["ETag"]
    assert writer.get(alias).headers["ETag"] == seen
    moved = writer.put(alias, json={"version": 2}, headers={"If-Match": seen})
    assert moved.status_code == 200
    refused = writer.put(alias, json={"version": 3}, headers={"If-Match": seen})
    assert refused.status_code == 412


def body(number: int = 1) -> dict[str, object]:
    return {"name": "x.safetensors", "sha256": f"{number:064x}", "size_bytes": 9}


def test_what_is_asked_twice_with_a_key_is_done_once(writer: TestClient) -> None:
    headers = {"Idempotency-Key": "once"}
    first = writer.post(UPLOADS, json=body(), headers=headers)
    again = writer.post(UPLOADS, json=body(), headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert writer.post(UPLOADS, json=body()).json()["key"] != first.json()["key"]


def test_a_key_is_for_one_request(writer: TestClient) -> None:
    headers = {"Idempotency-Key": "mine"}
    writer.post(UPLOADS, json=body(), headers=headers)
    other = writer.post(UPLOADS, json=body(2), headers=headers)
    assert other.status_code == 422
    assert "another request" in other.json()["detail"]


def test_what_was_refused_may_be_tried_again(writer: TestClient) -> None:
    headers = {"Idempotency-Key": "patience"}
    yank = "/api/v1/artifacts/weipin-lora/versions/99/yank"
    for _ in range(2):
        answer = writer.post(yank, json={}, headers=headers)
        assert answer.status_code == 404
        assert "Idempotency-Replayed" not in answer.headers


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_a_key_is_a_short_word(writer: TestClient, key: str) -> None:
    assert writer.post(UPLOADS, json=body(), headers={"Idempotency-Key": key}).status_code == 422


def test_many_who_ask_the_same_at_once_make_one(writer: TestClient) -> None:
    together = threading.Barrier(8)

    def ask(_: int) -> tuple[int, str]:
        together.wait()
        answer = writer.post(UPLOADS, json=body(3), headers={"Idempotency-Key": "together"})
        return answer.status_code, answer.json().get("key", "")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert {status for status, _ in answers} <= {201, 409}
    assert len({key for status, key in answers if status == 201}) == 1
    found = writer.get(UPLOADS, params={"sha256": f"{3:064x}"}).json()["items"]
    assert len(found) == 1


def test_a_key_of_a_server_that_died_is_not_taken_for_done(
    own_registry: Registry, writer: TestClient
) -> None:
    headers = {"Idempotency-Key": "cut off"}
    writer.post(UPLOADS, json=body(4), headers=headers)
    with transaction(own_registry.engine) as session:
        session.execute(
            update(KeptAnswer).where(KeptAnswer.key == "cut off").values(status=None, body="")
        )
    answer = writer.post(UPLOADS, json=body(4), headers=headers)
    assert answer.status_code == 409
    with transaction(own_registry.engine) as session:
        day = now() - timedelta(days=1, seconds=1)
        session.execute(
            update(KeptAnswer).where(KeptAnswer.key == "cut off").values(created_at=day)
        )
    assert writer.post(UPLOADS, json=body(4), headers=headers).status_code == 201
