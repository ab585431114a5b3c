"""The page of a version, and what it lets one do: take it along, point at it, withdraw it."""

import io
import json
import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving

VERSIONS = "/api/v1/artifacts/weipin-lora/versions"


def test_a1111_gets_a_zip_with_notes_that_fits_into_its_folder(client: TestClient) -> None:
    answer = client.get(f"{VERSIONS}/best/for/a1111")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as made:
        names = made.namelist()
        assert names == [
            "models/Lora/weipin-lora-000003.json",
            "models/Lora/weipin-lora-000003.safetensors",
        ]
        notes = json.loads(made.read(names[0]))
    assert notes["activation text"] == "qzy, spot"
    alias = client.get("/api/v1/artifacts/weipin-lora").json()["aliases"][0]
    assert notes["preferred weight"] == alias["strength"]


@pytest.mark.parametrize("program", ["comfyui", "diffusers", "kohya"])
def test_others_get_the_one_file_under_its_name(client: TestClient, program: str) -> None:
    version = client.get(f"{VERSIONS}/1").json()
    answer = client.get(f"{VERSIONS}/1/for/{program}")
    assert answer.content == client.get(version["files"][0]["url"]).content
    assert version["files"][0]["path"] in answer.headers["content-disposition"]


def test_nothing_is_left_of_what_was_sent(
    client: TestClient, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert client.get(f"{VERSIONS}/1/for/a1111").status_code == 200
    assert client.get(f"{VERSIONS}/99/for/a1111").status_code == 404
    assert list(folder.iterdir()) == []


def test_an_unknown_program_is_refused(client: TestClient) -> None:
    assert client.get(f"{VERSIONS}/1/for/paint").status_code == 422


def test_an_alias_is_pointed_at_a_version(writer: TestClient) -> None:
    body = {"version": 3, "strength": 0.7, "reason": "the calmest"}
    answer = writer.put("/api/v1/artifacts/weipin-lora/aliases/released", json=body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["version"], answer.json()["strength"]) == (3, 0.7)
    assert "released" in writer.get(f"{VERSIONS}/3").json()["aliases"]
    answer = writer.put("/api/v1/artifacts/weipin-lora/aliases/released", json={"version": 99})
    assert answer.status_code == 404
    answer = writer.put("/api/v1/artifacts/weipin-lora/aliases/7", json={"version": 1})
    assert answer.status_code == 422


@pytest.fixture(scope="module")
def address(own_registry: Registry) -> Iterator[str]:
    """Where a real server serves a registry that may be written to."""
    with serving(own_registry) as address:
        yield address


@pytest.mark.browser
def test_the_page_says_how_to_use_it_and_changes_what_one_asks(
    page: Page, address: str, no_complaints: None
) -> None:
    page.goto(f"{address}/artifacts/weipin-lora")
    page.get_by_role("link", name="weipin-lora@2", exact=True).click()
    expect(page.locator("#prompt")).to_have_text("<lora:weipin-lora-000002:1>")
    expect(page.locator("#words")).to_have_text("qzy, spot")
    expect(page.locator(".chart").first).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("link", name="A1111").click()
    assert download.value.suggested_filename == "weipin-lora-2-a1111.zip"

    page.get_by_label("Alias").fill("shop")
    page.get_by_label("Recommended strength").fill("0.6")
    page.get_by_role("button", name="Point it here").click()
    expect(page.get_by_role("heading", name="weipin-lora@2 @shop")).to_be_visible()
    expect(page.locator("#prompt")).to_have_text("<lora:weipin-lora-000002:0.6>")

    expect(page.get_by_text("Not while an alias points here")).to_be_visible()
    page.goto(f"{address}/artifacts/weipin-lora/versions/1")
    page.get_by_label("Why").fill("too strong")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("Withdrawn: too strong")).to_be_visible()
    page.get_by_role("button", name="Offer it again").click()
    expect(page.get_by_role("button", name="Withdraw")).to_be_visible()
