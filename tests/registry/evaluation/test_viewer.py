"""The viewer's document, page and files: what they hold, and what cannot break out of them."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from sdxl_reg.errors import Conflict
from sdxl_reg.evaluation.view import Axis, CellState, GridView, Panel
from sdxl_reg.evaluation.viewer import write
from sdxl_reg.evaluation.viewer.document import document_axes, view_document
from sdxl_reg.evaluation.viewer.page import page_text, viewer_script, viewer_style
from sdxl_reg.evaluation.viewer.write import Embed, write_viewer
from tests.registry.evaluation.example_view import (
    cells,
    example_view,
    picture,
    without_picture,
)

EVIL = "</script><img src=x onerror=\"document.title='owned'\"><!--"


class _Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)


def _document(page: Path) -> dict[str, object]:
    found = re.search(r'id="grid-document">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    document: dict[str, object] = json.loads(found[1])
    return document


def test_each_url_stands_once_and_cells_name_it_by_number(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    document = view_document(view, lambda cell: f"/pictures/{cell.key}")
    assert len(document["pictures"]) == 3
    assert [cell["picture"] for cell in document["cells"][:4]] == [0, 1, 2, 0]
    assert document["cells"][0]["preview"] is None
    assert json.loads(json.dumps(document)) == document


def test_previews_and_references_have_urls_of_their_own(tmp_path: Path) -> None:
    document = view_document(
        example_view(tmp_path),
        lambda cell: f"/{cell.key}",
        preview_url=lambda cell: f"/small/{cell.key}",
        reference_url=lambda path: f"/references/{path.name}",
        live_url="/grids/4/document",
    )
    (reference,) = document["panels"][0]["references"]
    assert document["pictures"][reference].startswith("/references/")
    assert document["pictures"][document["cells"][1]["preview"]].startswith("/small/")
    assert document["live"] == "/grids/4/document"


def test_a_cell_without_picture_has_no_url(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    left = without_picture(view, 0, CellState.FAILED, "out of memory")
    document = view_document(replace(view, cells=left), lambda cell: f"/{cell.position}")
    assert document["cells"][0]["picture"] is None
    assert (document["cells"][0]["state"], document["cells"][0]["reason"]) == (
        "failed",
        "out of memory",
    )


@pytest.mark.parametrize(
    ("panels", "axes"),
    [
        ([("a", 1)], ["x", "y"]),
        ([("a", 1), ("b", 1)], ["x", "y", "prompt"]),
        ([("a", 1), ("a", 2)], ["x", "y", "seed"]),
        ([("a", 1), ("a", 2), ("b", 1), ("b", 2)], ["x", "y", "prompt", "seed"]),
        ([("a", 1), ("b", 2), ("b", 1)], ["x", "y", "panel"]),
    ],
)
def test_prompts_and_seeds_are_axes_where_they_vary(
    tmp_path: Path, panels: list[tuple[str, int]], axes: list[str]
) -> None:
    view = example_view(
        tmp_path,
        panels=[Panel(prompt=prompt, seed=seed) for prompt, seed in panels],
        cells=cells(tmp_path, (3, 2, 1, len(panels))),
    )
    assert list(document_axes(view)) == axes
    document = view_document(view, lambda _: "/")
    places = {tuple(cell["at"]) for cell in document["cells"]}
    assert len(places) == 3 * 2 * len(panels)


def test_the_pick_names_its_place_on_x_y_and_z(tmp_path: Path) -> None:
    pick = view_document(example_view(tmp_path), lambda _: "/")["pick"]
    assert pick["at"] == {"x": 2, "y": 1, "z": 0}
    assert pick["ref"] == "weipin-lora@2"


def test_what_users_wrote_cannot_end_the_script_element(tmp_path: Path) -> None:
    axis = Axis(field="prompt", label=EVIL, values=[EVIL, "b", "c"], notes=[[EVIL], [], []])
    view = example_view(
        tmp_path,
        title=EVIL,
        verdict=EVIL,
        x=axis,
        panels=[Panel(prompt=EVIL, seed=1), Panel(prompt="b", seed=1)],
    )
    text = page_text(view_document(view, lambda _: "/"))
    elements = _Elements(text).names
    assert "img" not in elements
    assert elements.count("script") == 2
    path = tmp_path / "page.html"
    path.write_text(text, "utf-8")
    assert _document(path)["title"] == EVIL


def test_the_page_allows_its_own_script_and_style_and_nothing_else(tmp_path: Path) -> None:
    text = page_text(view_document(example_view(tmp_path), lambda _: "/"))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    for part in (viewer_script(), viewer_style()):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"sha256-{digest}" in policy[1]
    assert "unsafe" not in policy[1]
    assert "default-src &#x27;none&#x27;" in policy[1]


def test_the_page_names_no_address_on_the_network(tmp_path: Path) -> None:
    text = page_text(view_document(example_view(tmp_path), lambda _: "/"))
    addresses = set(re.findall(r"https?://[^\s\"'<>\\]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_every_rule_of_the_style_sheet_is_about_the_viewer() -> None:
    rules = re.sub(r"/\*.*?\*/", "", viewer_style(), flags=re.DOTALL)
    selectors = [found.strip() for found in re.findall(r"([^{}]+)\{", rules)]
    foreign = [
        selector
        for selector in selectors
        if not selector.startswith((".gv", "@media", "@keyframes", "from"))
    ]
    assert foreign == []


def test_one_file_holds_the_pictures_as_they_are(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    page = write_viewer(view, tmp_path / "out" / "grid.html")
    assert list(page.parent.iterdir()) == [page]
    pictures = _document(page)["pictures"]
    assert isinstance(pictures, list)
    assert view.cells[0].picture is not None
    original = base64.b64encode(view.cells[0].picture.read_bytes()).decode()
    assert f"data:image/png;base64,{original}" in pictures
    assert len(pictures) == 3 + 1  # and the one reference


def test_too_many_bytes_are_embedded_as_previews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = picture(tmp_path, "#123456", (1024, 512))
    view = example_view(tmp_path)
    view = replace(view, cells=[replace(cell, picture=large) for cell in view.cells])
    monkeypatch.setattr(write, "MOST_EMBEDDED_BYTES", large.stat().st_size - 1)
    pictures = _document(write_viewer(view, tmp_path / "a.html"))["pictures"]
    assert isinstance(pictures, list)
    kind, _, data = pictures[-1].partition(",")
    assert kind == "data:image/webp;base64"
    (tmp_path / "small.webp").write_bytes(base64.b64decode(data))
    with Image.open(tmp_path / "small.webp") as opened:
        assert opened.size == (512, 256)
    asked = write_viewer(view, tmp_path / "b.html", embed=Embed.ORIGINALS)
    assert "data:image/png" in asked.read_text("utf-8")


def test_a_folder_holds_originals_and_previews_beside_the_page(tmp_path: Path) -> None:
    large = picture(tmp_path, "#123456", (1024, 512))
    view = example_view(tmp_path)
    view = replace(view, cells=[replace(view.cells[0], picture=large), *view.cells[1:]])
    page = write_viewer(view, tmp_path / "out")
    assert page == tmp_path / "out" / "index.html"
    document = _document(page)
    pictures = document["pictures"]
    assert isinstance(pictures, list)
    assert all((page.parent / path).is_file() for path in pictures)
    names = {path.suffix for path in (page.parent / "pictures").iterdir()}
    assert names == {".png", ".webp"}
    assert large.read_bytes() in [
        path.read_bytes() for path in (page.parent / "pictures").glob("*.png")
    ]


def test_writing_again_gives_the_same_files(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    page = write_viewer(view, tmp_path / "out")
    before = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}
    write_viewer(view, tmp_path / "out")
    after = {path: path.read_bytes() for path in page.parent.rglob("*") if path.is_file()}
    assert after == before


def test_a_folder_with_another_page_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("my own page")
    with pytest.raises(Conflict, match="not a page of this viewer"):
        write_viewer(example_view(tmp_path), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index.html"]


@pytest.mark.parametrize("to", ["grid.html", "folder"])
def test_a_picture_that_is_gone_or_broken_stops_nothing(tmp_path: Path, to: str) -> None:
    view = _with_broken(tmp_path)
    document = _document(write_viewer(view, tmp_path / to))
    found = document["cells"]
    assert isinstance(found, list)
    assert [cell["picture"] is None for cell in found[:3]] == [True, True, False]


def _with_broken(folder: Path) -> GridView:
    view = example_view(folder)
    (folder / "broken.png").write_bytes(b"no picture")
    broken = replace(view.cells[0], picture=folder / "broken.png")
    gone = replace(view.cells[1], picture=folder / "gone.png")
    return replace(view, cells=[broken, gone, *view.cells[2:]])
