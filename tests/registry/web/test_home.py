"""The first page: what is here, what is being done, what happened, and how to begin."""

import re
from pathlib import Path

from starlette.testclient import TestClient

from sdxl_reg.catalog.access.credentials import issue_token
from sdxl_reg.catalog.access.projects import move
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.jobs.events import Progress, event_line
from sdxl_reg.jobs.local import EVENTS
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, transaction, upgrade
from sdxl_reg.tables import now
from sdxl_reg.vocabulary import Role, RunState
from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.conftest import ADDRESS
from tests.registry.web.example_registry import build


def _words(page: str) -> str:
    """What a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_it_counts_what_is_here(client: TestClient) -> None:
    said = _words(client.get("/").text)
    assert "1 image set 21 images 2 artifacts 2 grids 1 generation 5 runs" in said


def test_it_says_what_is_being_done_and_how_far_it_is(tmp_path: Path) -> None:
    registry = build(tmp_path)
    with transaction(registry.engine) as session:
        run = find_run(session, 5)
        run.state, run.started_at = RunState.RUNNING, now()
    folder = registry.settings.runs_path / "5"
    folder.mkdir(parents=True, exist_ok=True)
    said = Progress(done=3, total=16, what="pictures")
    (folder / EVENTS).write_bytes(event_line(said))
    with TestClient(create_app(registry), base_url=ADDRESS) as client:
        page = client.get("/").text
    registry.engine.dispose()
    assert "pictures 3 of 16" in _words(page)
    assert 'max="16" value="3" aria-label="Progress of run 5">' in page
    assert "data-every" in page
    assert "Run 4:" not in page  # it is over


def test_where_nothing_works_the_page_does_not_renew_itself(client: TestClient) -> None:
    page = client.get("/").text
    assert "waits since" in page
    assert "data-every" not in page


def test_it_says_what_happened_with_links(client: TestClient) -> None:
    page = client.get("/").text
    assert '<a href="/runs/2">run 2</a> succeeded: grid of weipin-lora' in page
    assert '<a href="/grids/1">grid 1</a> ready' in page
    assert '<a href="/artifacts/weipin-lora#vbest">weipin-lora@best</a> alias moved' in page
    assert '<a href="/datasets/weipin@1">weipin@1</a> dataset frozen' in page
    assert '<a href="/image-sets/weipin">weipin</a> image set ingested' in page


def test_nobody_is_told_of_other_projects(tmp_path: Path) -> None:
    registry = build(tmp_path)
    with transaction(registry.engine) as session:
        move(session, ["image_set:weipin"], "lab")
        add_user(session, "boss", is_admin=True)
        ben = add_user(session, "ben")
        set_role(session, ben, "main", Role.READER)
        secret = issue_token(session, ben, "all").secret
    headers = {"Authorization": f"Bearer {secret}"}
    with TestClient(create_app(registry), base_url=ADDRESS, headers=headers) as client:
        page = client.get("/").text
    registry.engine.dispose()
    assert "weipin-lora@best" in page
    assert "dataset frozen" not in page
    assert "ingested" not in page
    assert "0 image sets 0 images" in _words(page)


def test_an_empty_registry_says_how_to_begin(tmp_path: Path) -> None:
    settings = Settings.from_environment({"SDXL_REG_HOME": str(tmp_path)})
    registry = Registry(
        engine=connect(settings.database_url),
        store=BlobStore(settings.store_path),
        settings=settings,
    )
    upgrade(registry.engine)
    with TestClient(create_app(registry), base_url=ADDRESS) as client:
        said = _words(client.get("/").text)
        lists = {path: _words(client.get(path).text) for path in ("/artifacts", "/grids")}
    registry.engine.dispose()
    for command in ("ingest products/", "train lora --dataset weipin", "grid weipin-lora"):
        assert f"sdxl-reg {command}" in said
    assert "Pictures come first: sdxl-reg ingest products/" in lists["/artifacts"]
    assert "A training comes first: sdxl-reg train lora" in lists["/grids"]
