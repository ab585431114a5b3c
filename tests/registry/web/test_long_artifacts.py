"""An artifact of more versions than stand on one page."""

from starlette.testclient import TestClient

from sdxl_reg.catalog.artifacts import (
    NewVersion,
    add_version,
    find_artifact,
    find_version,
    set_alias,
)
from sdxl_reg.store.database import transaction
from sdxl_reg.web.dependencies import Registry


def test_its_page_shows_the_newest_and_what_an_alias_points_at(
    own_registry: Registry, writer: TestClient
) -> None:
    with transaction(own_registry.engine) as session:
        set_alias(session, find_version(session, "weipin-lora@1"), "first", reason="the very first")
        lora = find_artifact(session, "weipin-lora")
        for number in range(105):
            stored = own_registry.store.put_bytes(f"long {number}".encode())
            add_version(session, lora, NewVersion(files={"x.safetensors": stored}))
    page = writer.get("/artifacts/weipin-lora")
    assert page.status_code == 200
    assert "108 versions" in page.text
    assert "the very first" in page.text
    assert "The newest 100 of 108 are shown" in page.text
    document = writer.get("/api/v1/artifacts/weipin-lora").json()
    older = writer.get(document["older"]).json()
    assert [one["version"] for one in older["items"]] == list(range(8, 0, -1))
    assert older["next"] is None
