"""The pages that compare, generate and filter, as the server renders them."""

import re

import pytest
from starlette.testclient import TestClient

from sdxl_reg.catalog.access.credentials import issue_token
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.conftest import ADDRESS

NOTHING = "Nothing is like this."


def ticked(page: str) -> list[str]:
    """The versions that a form has chosen at first."""
    return re.findall(r'name="version" value="(\d+)" checked', page)


def test_the_form_of_a_grid_ticks_the_versions_of_the_newest_run(client: TestClient) -> None:
    page = client.get("/artifacts/weipin-lora/grid").text
    assert ticked(page) == ["3", "2", "1"]
    assert ticked(client.get("/artifacts/weipin-lora/grid?version=2").text) == ["2"]
    assert 'placeholder="0:1:0.1"' in page
    assert 'name="weight-fidelity"' in page
    assert 'href="/artifacts/weipin-lora/grid"' in client.get("/artifacts/weipin-lora").text


def test_what_cannot_be_compared_has_no_form(client: TestClient) -> None:
    assert client.get("/artifacts/micro/grid").status_code == 404
    assert client.get("/artifacts/nothing/grid").status_code == 404
    assert "/artifacts/micro/grid" not in client.get("/artifacts/micro").text


def test_the_form_that_draws_begins_with_the_version_that_was_looked_at(client: TestClient) -> None:
    assert "/generations?version=weipin-lora%403" in (
        client.get("/artifacts/weipin-lora/versions/3").text
    )
    page = client.get("/generations?version=weipin-lora").text
    assert re.search(r"&lt;lora:weipin-lora@3:[\d.]+&gt;</textarea>", page)
    assert "<option selected>micro@1</option>" in client.get("/generations?version=micro").text
    assert client.get("/generations?version=weipin-lora@9").status_code == 404


@pytest.mark.parametrize(
    ("path", "wanted", "shown", "hidden"),
    [
        ("/grids", "state:succeeded", "Grid 1 of", "Grid 2 of"),
        ("/grids", "state:queued AND weipin*", "Grid 2 of", "Grid 1 of"),
        ("/grids", "no-such-lora", NOTHING, "Grid 1 of"),
        ("/generations", "*spot* AND artifact:weipin*", "generation 1", NOTHING),
        ("/generations", "*mug*", NOTHING, "generation 1"),
        ("/artifacts", "kind:lora", "weipin-lora", "/artifacts/micro"),
        ("/artifacts", "kind:embedding", NOTHING, "weipin-lora"),
        ("/datasets", "version:1 set:weipin", "weipin@1", NOTHING),
        ("/image-sets", "nothing*", NOTHING, "/image-sets/weipin"),
        ("/runs", "kind:train AND *weipin*", "train lora on weipin@1", NOTHING),
        ("/runs", "state:failed", NOTHING, "train lora on weipin@1</strong>"),
    ],
)
def test_a_list_is_filtered(
    client: TestClient, path: str, wanted: str, shown: str, hidden: str
) -> None:
    page = client.get(path, params={"filter": wanted}).text
    assert shown in page
    assert hidden not in page


@pytest.mark.parametrize(
    "path", ["/grids", "/generations", "/artifacts", "/datasets", "/image-sets", "/runs"]
)
def test_a_filter_that_makes_no_sense_is_told_beside_its_box(client: TestClient, path: str) -> None:
    answer = client.get(path, params={"filter": "colour:red"})
    assert answer.status_code == 422
    assert 'value="colour:red"' in answer.text
    assert 'id="filter-fault"' in answer.text


def test_the_pages_of_a_filtered_list_keep_the_filter(client: TestClient) -> None:
    page = client.get("/grids", params={"filter": "weipin*", "limit": 1}).text
    found = re.search(r'rel="next" href="([^"]+)"', page)
    assert found is not None
    following = found[1].replace("&amp;", "&")
    assert "Grid 1 of" in client.get(following).text
    other = client.get(following.replace("weipin", "w"))
    assert other.status_code == 422  # a cursor belongs to its filter
    api = client.get("/api/v1/grids", params={"filter": "weipin*", "limit": 1}).json()
    ends = {"filter": "weipin*", "cursor": api["next"]}
    assert [grid["id"] for grid in client.get("/api/v1/grids", params=ends).json()["items"]] == [1]
    assert client.get("/api/v1/grids", params=ends | {"filter": "*"}).status_code == 422


def test_work_is_offered_to_those_who_may(own_registry: Registry) -> None:
    headers = {}
    with transaction(own_registry.engine) as session:
        add_user(session, "boss", is_admin=True)
        for role in (Role.WRITER, Role.TRAINER):
            user = add_user(session, f"a-{role}")
            set_role(session, user, "main", role)
            secret = issue_token(session, user, "all", role=role).secret
            headers[role] = {"Authorization": f"Bearer {secret}"}
    client = TestClient(create_app(own_registry), base_url=ADDRESS)
    for path, offer in (
        ("/grids/2", 'data-deed="cancel"'),
        ("/grids/2", 'data-deed="resume"'),
        ("/generations/1", 'data-deed="resume"'),
        ("/artifacts/weipin-lora", 'href="/artifacts/weipin-lora/grid"'),
    ):
        assert offer in client.get(path, headers=headers[Role.TRAINER]).text, path
        assert offer not in client.get(path, headers=headers[Role.WRITER]).text, path
