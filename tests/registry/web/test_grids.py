"""Grids in the API and on their page: any axes, what is there so far, and files."""

import csv
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
from PIL import Image
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grids import plan
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.example_registry import EVIL, cells_to_draw, draw_cell

EXPORTS = {
    "html": b"<!DOCTYPE html>",
    "svg": b"<svg",
    "csv": b"position,",
    "json": b"{",
    "png": b"\x89PNG",
    "webp": b"RIFF",
}


def test_a_grid_of_three_axes_says_where_each_cell_is(client: TestClient) -> None:
    grid = client.get("/api/v1/grids/2").json()
    assert grid["compares"] == "2 steps × 2 cfg × 2 samplers"
    assert {axis["id"]: axis["values"] for axis in grid["axes"]} == {
        "x": ["3", "5"],
        "y": ["4", "8"],
        "z": ["Euler", "DDIM"],
    }
    assert [panel["prompt"] for panel in grid["panels"]] == ["qzy, spot", EVIL]
    assert (grid["state"], grid["pick"], grid["best"]) == ("queued", None, None)
    places = [(cell["panel"], cell["z"], cell["y"], cell["x"]) for cell in grid["cells"]]
    assert places == sorted(places)
    assert len(set(places)) == 16
    last = grid["cells"][-2]["request"]
    assert (last["guidance_scale"], last["num_inference_steps"]) == (3.0, 8)
    assert (last["sampler"], last["prompt"]) == ("DDIM", EVIL)


def test_a_cell_that_failed_says_why(client: TestClient) -> None:
    cells = client.get("/api/v1/grids/2").json()["cells"]
    assert [cell["state"] for cell in cells[:4]] == ["drawn", "drawn", "failed", "missing"]
    assert cells[2]["reason"] == "out of memory at <b>512</b>"
    assert client.get("/api/v1/grids/2/cells/2/picture").status_code == 404


def test_the_progress_is_small_and_says_which_cells_are_there(client: TestClient) -> None:
    progress = client.get("/api/v1/grids/2/progress").json()
    assert progress == {
        "state": "queued",
        "drawn": 2,
        "failed": 1,
        "total": 16,
        "drawn_positions": [0, 1],
        "failures": {"2": "out of memory at <b>512</b>"},
    }


@pytest.mark.parametrize(("kind", "beginning"), EXPORTS.items())
def test_a_grid_is_saved_under_a_name_that_tells_what_it_is(
    client: TestClient, kind: str, beginning: bytes
) -> None:
    response = client.get(f"/api/v1/grids/1/export/{kind}")
    assert response.status_code == 200, response.text
    assert response.content.startswith(beginning)
    said = response.headers["content-disposition"]
    assert said.startswith(f'attachment; filename="weipin-lora-grid-1.{kind}"')
    assert "sandbox" in response.headers["content-security-policy"]


def test_tables_have_a_row_a_cell(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/api/v1/grids/1/export/csv").text)))
    assert [row["strength"] for row in rows] == ["0.0", "0.5", "1.0"] * 3
    assert len(json.loads(client.get("/api/v1/grids/2/export/json").text)["cells"]) == 16


def test_parquet_is_written_or_says_what_to_install(client: TestClient) -> None:
    response = client.get("/api/v1/grids/1/export/parquet")
    if find_spec("pyarrow"):
        assert response.content.startswith(b"PAR1")
    else:
        assert (response.status_code, response.json()["code"]) == (422, "usage")
        assert "sdxl-reg[parquet]" in response.json()["remedy"]


def test_a_page_of_the_third_axis_has_its_plot(client: TestClient) -> None:
    first = client.get("/api/v1/grids/2/export/svg?metric=fidelity")
    assert "sampler Euler" in first.text
    assert client.get("/api/v1/grids/2/export/svg?page=2").status_code == 404  # nothing scored yet
    assert client.get("/api/v1/grids/2/export/svg?page=3").status_code == 404
    assert client.get("/api/v1/grids/1/export/svg?metric=beauty").status_code == 422
    assert client.get("/api/v1/grids/1/export/exe").status_code == 422


def test_a_sheet_is_asked_for_anew_as_it_may_have_changed(client: TestClient) -> None:
    for path in ("sheet", "cells/4/picture", "cells/4/thumbnail"):
        response = client.get(f"/api/v1/grids/1/{path}")
        assert "no-cache" in response.headers["cache-control"]
        tag = response.headers["etag"]
        again = client.get(f"/api/v1/grids/1/{path}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


def test_a_thumbnail_of_a_cell_is_jpeg(client: TestClient) -> None:
    response = client.get("/api/v1/grids/1/cells/4/thumbnail")
    with Image.open(io.BytesIO(response.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (64, 64))


def _document(text: str) -> dict[str, object]:
    held = re.search(r'id="grid-page-document">(.*?)</script>', text, re.DOTALL)
    assert held
    document: dict[str, object] = json.loads(held[1])
    return document


def test_the_page_holds_the_document_of_the_viewer_with_addresses(client: TestClient) -> None:
    document = _document(client.get("/grids/1").text)
    pictures = document["pictures"]
    assert isinstance(pictures, list)
    cells = [found for found in pictures if "/cells/" in found]
    assert sorted(cells) == [f"/api/v1/grids/1/cells/{number}/picture" for number in range(9)]
    assert all("thumbnail" in found for found in set(pictures) - set(cells))
    assert len(pictures) > len(cells)  # references of the set


def test_the_viewer_comes_from_our_own_address(client: TestClient) -> None:
    for name, kind in (("viewer.js", "text/javascript"), ("viewer.css", "text/css")):
        response = client.get(f"/static/{name}")
        assert response.headers["content-type"].startswith(kind)
        tag = response.headers["etag"]
        again = client.get(f"/static/{name}", headers={"If-None-Match": tag})
        assert again.status_code == 304


def test_a_grid_that_goes_on_shows_what_it_has(client: TestClient) -> None:
    text = client.get("/grids/2").text
    assert "2 of 16 cells drawn, 1 failed" in text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in text
    assert "out of memory at &lt;b&gt;512&lt;/b&gt;" in text
    assert "sdxl-reg grid resume 2" in text
    assert 'href="/grids/2/cells/1"' in text  # without JavaScript, in a table
    assert "refresh" not in client.get("/grids/1").text


def test_an_image_that_a_generation_drew_says_so(client: TestClient) -> None:
    picture = client.get("/api/v1/generations/1").json()["pictures"][0]
    text = client.get(f"/images/{picture['sha256']}").text
    assert "synthetic" in text
    assert '<a class="kind-grid" href="/generations/1">generation 1</a>' in text
    member = client.get("/api/v1/image-sets/weipin/images?limit=1").json()["items"][0]
    assert "synthetic" not in client.get(f"/images/{member['sha256']}").text


@contextmanager
def _statements(engine: Engine) -> Iterator[list[str]]:
    said: list[str] = []

    def hear(_c: object, _k: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    yield said
    event.remove(engine, "before_cursor_execute", hear)


@pytest.mark.parametrize("path", ["/grids/{}", "/api/v1/grids/{}", "/api/v1/grids/{}/progress"])
def test_a_large_grid_takes_no_more_queries_than_a_small_one(
    own_registry: Registry, writer: TestClient, path: str
) -> None:
    counts = []
    for strengths in (3, 40):
        request = GridRequest(
            artifact="weipin-lora",
            strengths=[number / 100 for number in range(strengths)],
            prompts=("qzy, spot",),
            seeds=(len(path), strengths),
        )
        planned = plan(own_registry.engine, own_registry.store, own_registry.settings, request)
        for cell in cells_to_draw(planned)[:8]:
            draw_cell(own_registry, planned, cell)
        with _statements(own_registry.engine) as said:
            assert writer.get(path.format(planned.grid_id)).status_code == 200
        counts.append(len(said))
    assert counts[0] == counts[1]
