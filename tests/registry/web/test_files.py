"""Sending bytes: ranges, caching, names, and nothing that could run in a browser."""

from pathlib import Path

import pytest
from PIL import Image
from starlette.requests import Request
from starlette.testclient import TestClient

from sdxl_reg.catalog.blobs import recorded
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.web.dependencies import Registry
from sdxl_reg.web.files import blob_response, disposition, picture_type
from sdxl_reg.web.thumbnails import thumbnail

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def _weights(client: TestClient) -> tuple[str, str]:
    version = client.get("/api/v1/artifacts/weipin-lora/versions/1").json()
    (file,) = version["files"]
    return file["url"], file["sha256"]


def test_a_file_is_saved_under_its_own_name(client: TestClient) -> None:
    url, _ = _weights(client)
    response = client.get(url)
    assert response.content == b"weipin-lora-000001.safetensors"
    disposition = response.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="weipin-lora-000001.safetensors"')


def test_bytes_never_change_and_may_be_cached_for_good(client: TestClient) -> None:
    _, sha256 = _weights(client)
    response = client.get(f"/api/v1/blobs/{sha256}")
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["etag"] == f'"{sha256}"'
    again = client.get(f"/api/v1/blobs/{sha256}", headers={"If-None-Match": f'"{sha256}"'})
    assert (again.status_code, again.content) == (304, b"")


def test_a_download_can_be_taken_up_in_its_middle(client: TestClient) -> None:
    url, _ = _weights(client)
    whole = client.get(url).content
    part = client.get(url, headers={"Range": "bytes=7-10"})
    assert part.status_code == 206
    assert part.content == whole[7:11]
    assert part.headers["content-range"] == f"bytes 7-10/{len(whole)}"
    outside = client.get(url, headers={"Range": "bytes=9999-"})
    assert outside.status_code == 416
    assert outside.json()["code"] == "range-not-satisfiable"
    assert outside.headers["content-range"] == f"bytes */{len(whole)}"
    nonsense = client.get(url, headers={"Range": "lines=1-2"})
    assert (nonsense.status_code, nonsense.json()["code"]) == (400, "bad-request")


@pytest.mark.parametrize("data", [SVG, HTML, b"", b"GIF", b"<?xml version='1.0'?>" + SVG])
def test_what_could_run_is_only_ever_downloaded(
    client: TestClient, registry: Registry, data: bytes
) -> None:
    with transaction(registry.engine) as session:
        sha256 = recorded(session, registry.store.put_bytes(data)).sha256
    response = client.get(f"/api/v1/blobs/{sha256}")
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"].startswith("attachment")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.gif", "image/gif"),
        ("a.bmp", "image/bmp"),
        ("a.avif", "image/avif"),
        ("a.tiff", None),
        ("a.tga", None),
    ],
)
def test_a_picture_is_known_by_its_bytes(tmp_path: Path, name: str, kind: str | None) -> None:
    written = tmp_path / name
    Image.new("RGB", (16, 16)).save(written)
    assert picture_type(written.rename(tmp_path / "nameless")) == kind


def test_a_name_cannot_break_out_of_its_header() -> None:
    header = disposition('a"\r\nX-Evil: 1; ä.jpg', is_shown=False)
    assert "\r" not in header
    assert "\n" not in header
    assert "filename*=UTF-8''a%22%0D%0AX-Evil%3A%201%3B%20%C3%A4.jpg" in header


def test_only_digests_name_blobs(store: BlobStore, client: TestClient) -> None:
    assert client.get("/api/v1/blobs/..%2F..%2Fregistry.db").status_code == 404
    assert client.get("/static/..%2Fapp.py").status_code == 404
    request = Request({"type": "http", "headers": [], "method": "GET", "path": "/"})
    with pytest.raises(Exception, match="not a SHA-256"):
        blob_response(request, store, "../registry.db")


def test_thumbnails_are_small_upright_and_kept_in_the_home(
    client: TestClient, registry: Registry
) -> None:
    images = client.get("/api/v1/image-sets/weipin/images?limit=100").json()["items"]
    turned = next(image for image in images if image["path"].endswith("turned.jpg"))
    assert (turned["width"], turned["height"]) == (120, 160)
    response = client.get(f"{turned['thumbnail']}?size=100")
    assert response.headers["content-type"] == "image/jpeg"
    kept = registry.settings.home / "thumbnails" / "128" / turned["sha256"][:2]
    path = kept / f"{turned['sha256']}.jpg"
    assert path.read_bytes() == response.content
    with Image.open(path) as picture:
        assert picture.size == (96, 128)
    assert not list(registry.store.root.glob("**/*.jpg"))


def test_a_home_that_cannot_be_written_to_costs_no_thumbnail(
    client: TestClient, registry: Registry, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    settings = type(registry.settings).from_environment({"SDXL_REG_HOME": str(blocked)})
    image = client.get("/api/v1/image-sets/weipin/images?limit=1").json()["items"][0]
    data = thumbnail(settings, registry.store, image["sha256"], side=64)
    assert data.startswith(b"\xff\xd8\xff")
