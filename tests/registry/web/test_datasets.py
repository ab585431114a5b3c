"""Freezing over the API, and datasets in archives for other programs."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sdxl_reg.catalog.dataset_exports.export import export_dataset
from sdxl_reg.catalog.datasets import find_dataset_version, freeze
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.client import Client
from sdxl_reg.client.archives import fetch_folder
from sdxl_reg.errors import NotReady
from sdxl_reg.formats.dataset_formats import EXPORTS
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.web.dependencies import Registry
from tests.registry.catalog.dataset_exports.exported import files
from tests.registry.catalog.pictures import picture
from tests.registry.web.browser import serving

API = "/api/v1/datasets"


def test_freezing_answers_a_new_version_and_then_the_same_one(writer: TestClient) -> None:
    body = {"name": "spots", "image_set": "weipin", "select": "**/spot", "validation": "0.25"}
    would = writer.post(API, json=body | {"dry_run": True})
    assert (would.status_code, would.json()["is_new"], would.json()["url"]) == (200, True, None)
    assert "location" not in would.headers
    assert writer.get(f"{API}/spots").status_code == 404
    made = writer.post(API, json=body)
    assert (made.status_code, made.headers["location"]) == (201, f"{API}/spots@1")
    assert made.json() == would.json() | {"url": f"{API}/spots@1"}
    again = writer.post(API, json={"name": "spots"})
    assert (again.status_code, again.headers["location"]) == (200, f"{API}/spots@1")
    assert writer.get(made.headers["location"]).json()["digest"] == made.json()["digest"]
    assert sum(made.json()["splits"].values()) == made.json()["images"] == 8


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "nothing"}, 404),
        ({"name": "weipin", "select": "qzy"}, 409),
        ({"name": "x", "image_set": "weipin", "select": "("}, 422),
        ({"name": "x", "image_set": "weipin", "validation": 1}, 422),
        ({"name": "x", "image_set": "weipin", "balance": "colour"}, 422),
        ({"name": "x@y", "image_set": "weipin"}, 422),
    ],
)
def test_what_cannot_be_frozen_is_refused(
    writer: TestClient, body: dict[str, object], status: int
) -> None:
    answer = writer.post(API, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["remedy"]


@pytest.mark.parametrize("form", EXPORTS)
def test_an_archive_holds_what_the_command_writes(
    client: TestClient, registry: Registry, tmp_path: Path, form: str
) -> None:
    here = tmp_path / "here"
    with reading(registry.engine) as session:
        version = find_dataset_version(session, "weipin@1")
        export_dataset(session, registry.store, version, here, form=form)
    answer = client.get(f"{API}/weipin@1/export/{form}?at={here}")
    assert f'filename="weipin-1-{form}.zip"' in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        found = {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}
    assert found == files(here)
    tar = client.get(f"{API}/weipin/export/{form}?archive=tar&at={here}").content
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        assert sorted(member.name for member in opened if member.isfile()) == sorted(found)


def test_without_a_place_the_files_name_each_other_relatively(client: TestClient) -> None:
    answer = client.get(f"{API}/weipin@1/export/kohya?repeats=3&class_word=shirt")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert 'image_dir = "image/3_shirt"' in archive.read("dataset.toml").decode()
        assert "log/" in archive.namelist()


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ("weipin@1/export/csv", 422, "unknown-name"),
        ("weipin@9/export/kohya", 404, "not-found"),
        ("weipin@1/export/coco?repeats=2", 422, "invalid-value"),
        ("weipin@1/export/coco?crop=upside", 422, "unknown-name"),
        ("weipin@1/export/coco?resolution=wide", 422, "invalid-value"),
        ("weipin@1/export/coco?compress=1", 422, "invalid-request"),
        ("weipin@1/export/folder?split=validation", 409, "conflict"),
    ],
)
def test_what_cannot_be_exported_is_said_before_anything_is_sent(
    client: TestClient, asked: str, status: int, code: str
) -> None:
    answer = client.get(f"{API}/{asked}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_picture_that_is_damaged_breaks_the_connection_off(
    own_registry: Registry, tmp_path: Path
) -> None:
    registry, root = own_registry, tmp_path / "noise"
    root.mkdir()
    for number in range(12):
        picture(number, size=(600, 600)).save(root / f"{number:02}.png")
    ingest(registry.engine, registry.store, root)
    with transaction(registry.engine) as session:
        manifest = freeze(session, registry.store, "noise").digest
    last = registry.store.read(manifest).decode().splitlines()[-1].split('"sha256":"')[1][:64]
    path = registry.store.checked_path(last)
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    for _ in range(2):  # it takes no place for good
        with serving(registry) as address, Client(address) as client:
            url = f"{API}/noise/export/folder"
            with pytest.raises(NotReady):
                fetch_folder(client, url, tmp_path / "out", query={"archive": "tar"})
            assert len(files(tmp_path / "out")) < 12
            with client.stream("GET", f"{API}/weipin@1/export/folder") as answer:
                assert zipfile.is_zipfile(io.BytesIO(answer.read()))
        for found in (tmp_path / "out").rglob("*.png"):
            found.unlink()
