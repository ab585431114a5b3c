"""The viewer as people use it: opened from disk in Debian's chromium."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Locator, Page, Route, expect, sync_playwright

from sdxl_reg.evaluation.view import Axis, CellState, GridView, Panel
from sdxl_reg.evaluation.viewer.document import view_document
from sdxl_reg.evaluation.viewer.page import json_text, viewer_script, viewer_style
from sdxl_reg.evaluation.viewer.write import write_viewer
from tests.registry.evaluation.example_view import cells, example_view, without_picture

CHROMIUM = Path("/usr/bin/chromium")
EVIL = "</script><img src=x onerror=\"document.title='owned'\"><b>bold</b>"
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; without it, the test skips."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}; install it with: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab that fails the test when the page complains or asks the network for anything."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 1320, "height": 860})
    page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith(("file:", "data:", "http://registry.test/"))
            or complaints.append(f"asked for {request.url}")
        ),
    )
    yield page
    page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("viewer")


@pytest.fixture(scope="module")
def address(folder: Path) -> str:
    """The example, with two values of Z, in one file."""
    z = Axis(field="cfg", label="guidance", values=["3", "7"])
    view = example_view(folder, z=z, cells=cells(folder, (3, 2, 2, 2)))
    return write_viewer(view, folder / "grid.html").as_uri()


def _opened(page: Page, view: GridView, to: Path, link: str = "") -> None:
    page.goto(write_viewer(view, to).as_uri() + link)


def _current(page: Page) -> str:
    return page.locator(".gv-cell.is-current").get_attribute("aria-label") or ""


def _headers(page: Page, scope: str) -> list[str]:
    return page.locator(f".gv-table th[scope={scope}] div > span").all_inner_texts()


def test_it_opens_with_every_picture_and_the_pick_in_sight(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name="weipin-lora")).to_be_visible()
    page.wait_for_function(
        "[...document.querySelectorAll('.gv-picture img')].every(image => image.naturalWidth)"
    )
    assert page.locator(".gv-picture img").count() == 6
    assert _headers(page, "col") == ["0", "0.5", "1"]
    assert _headers(page, "row") == ["@1", "@2"]
    assert "the pick" in _current(page)
    assert page.locator(".gv-cell.is-picked").count() == 1
    expect(page.get_by_text("it is the best").first).to_be_visible()


def test_arrows_walk_and_enter_opens_and_escape_closes(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    expect(page.locator(".gv-cell.is-current")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert _current(page).startswith("version @2, strength 0.5")
    page.keyboard.press("Home")
    assert _current(page).startswith("version @2, strength 0;")
    page.keyboard.press("ArrowLeft")
    assert _current(page).startswith("version @2, strength 0;")
    page.keyboard.press("Enter")
    large = page.get_by_role("dialog", name="Large")
    expect(large.get_by_text("strength 0, version @2")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(large.get_by_text("strength 0.5, version @2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    assert _current(page).startswith("version @2, strength 0.5")
    expect(page.locator(".gv-cell.is-current")).to_be_focused()


def test_question_mark_lists_the_keys(page: Page, address: str) -> None:
    page.goto(address)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys.get_by_text("walk through the cells")).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_rows_and_columns_swap(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=1")
    page.keyboard.press("s")
    assert _headers(page, "col") == ["@1", "@2"]
    assert _headers(page, "row") == ["0", "0.5", "1"]
    assert _current(page).startswith("strength 0.5, version @1")
    page.get_by_role("button", name="Swap rows and columns").click()
    assert _headers(page, "col") == ["0", "0.5", "1"]


def test_any_axis_takes_the_place_of_another(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=1")
    page.get_by_label("Columns", exact=True).select_option(label="prompt")
    assert _headers(page, "col") == ["a mug", "a bowl"]
    assert _headers(page, "row") == ["@1", "@2"]
    page.get_by_label("strength", exact=True).select_option(label="1")
    assert _current(page).startswith("version @1, prompt a mug; fidelity 0.300")
    page.get_by_label("Rows", exact=True).select_option(label="prompt")  # the two change places
    assert _headers(page, "row") == ["a mug", "a bowl"]
    assert _headers(page, "col") == ["@1", "@2"]


def test_panels_and_pages_turn(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    page.keyboard.press("]")
    expect(page.get_by_label("prompt", exact=True)).to_have_value("1")
    page.keyboard.press("}")
    expect(page.get_by_label("guidance", exact=True)).to_have_value("1")
    expect(page).to_have_url(re.compile("cell=18"))
    assert page.locator(".gv-cell.is-picked").count() == 0  # the pick is on the other page
    page.keyboard.press("g")
    assert "the pick" in _current(page)


def test_a_wipe_shows_both_and_its_edge_moves(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    page.keyboard.press("c")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    edge = page.get_by_role("slider", name="Edge between A and B")
    expect(edge).to_have_attribute("aria-valuenow", "50")
    pile = page.locator(".gv-pile")
    assert _pixel(page, pile, 0.25) == (255, 0, 0)
    assert _pixel(page, pile, 0.75) == (0, 128, 0)
    page.keyboard.press("ArrowRight")
    expect(edge).to_have_attribute("aria-valuenow", "52")
    box = pile.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 200, steps=3)
    page.mouse.up()
    expect(edge).to_have_attribute("aria-valuenow", "90")
    assert _pixel(page, pile, 0.75) == (255, 0, 0)
    page.keyboard.press("s")
    assert _pixel(page, pile, 0.75) == (0, 128, 0)


def _pixel(page: Page, locator: Locator, share: float) -> tuple[int, ...]:
    """What is seen at a share of an element's width, a third from its top."""
    box = locator.bounding_box()
    assert box is not None
    clip: FloatRect = {
        "x": box["x"] + box["width"] * share,
        "y": box["y"] + box["height"] / 3,
        "width": 1,
        "height": 1,
    }
    with Image.open(io.BytesIO(page.screenshot(clip=clip))) as shot:
        pixel = shot.convert("RGB").getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return pixel


def test_equal_cells_have_no_difference_and_others_are_told_in_numbers(
    page: Page, folder: Path
) -> None:
    view = example_view(folder)
    twin = folder / "twin.png"
    Image.new("RGB", (64, 64), "#ff0000").save(twin, compress_level=1)  # other bytes, same pixels
    near = folder / "near.png"
    Image.new("RGB", (64, 64), "#fd0000").save(near)
    others = {3: twin, 1: near}
    changed = [
        replace(cell, picture=others.get(cell.position, cell.picture)) for cell in view.cells
    ]
    view = replace(view, cells=changed)
    _opened(page, view, folder / "twins.html", "#a=0&b=3&mode=difference")
    numbers = page.locator(".gv-difference")
    expect(numbers).to_have_text("Identical, pixel by pixel.")
    assert _pixel(page, page.locator(".gv-pile"), 0.5) == (0, 0, 0)
    page.keyboard.press("ArrowUp")  # B becomes cell 0 itself
    expect(numbers).to_have_text("Identical: one and the same picture.")
    page.keyboard.press("ArrowRight")  # and now its neighbour, two shades away
    expect(numbers).to_have_text("mean 0.67 · largest 2 of 255 · 100.0 % of the pixels differ")
    assert _pixel(page, page.locator(".gv-pile"), 0.5) == (8, 0, 0)
    page.get_by_label("Amplified").select_option("16")
    assert _pixel(page, page.locator(".gv-pile"), 0.5) == (32, 0, 0)


def test_side_by_side_shows_two_pictures_that_zoom_alike(page: Page, address: str) -> None:
    page.goto(f"{address}#a=0&b=2&mode=beside")
    frames = page.locator(".gv-frame img")
    expect(frames).to_have_count(2)
    frames.first.hover()
    page.mouse.wheel(0, -400)
    transforms = frames.evaluate_all("all => all.map(one => getComputedStyle(one).transform)")
    assert transforms[0] == transforms[1] != "none"
    expect(page.get_by_text("% · double click resets")).to_be_visible()


def test_heat_colours_every_cell_by_each_score_in_turn(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    page.keyboard.press("h")
    legend = page.get_by_role("img", name="Colours of fidelity")
    expect(legend).to_contain_text("0.100")
    expect(legend).to_contain_text("0.310")
    colours = page.locator(".gv-cell").evaluate_all(
        "all => all.map(one => getComputedStyle(one.firstChild, '::after').backgroundColor)"
    )
    assert colours[0] == "rgb(68, 1, 84)"  # the lowest
    assert colours[5] == "rgb(253, 231, 37)"  # the highest
    assert len(set(colours)) == 6
    page.keyboard.press("h")
    expect(page.get_by_role("img", name="Colours of nearest")).to_be_visible()
    page.keyboard.press("h")
    expect(page.locator(".gv-legend")).to_have_count(0)


def test_zoom_and_pan_are_the_same_in_all_cells(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    first = page.locator(".gv-picture").first
    first.hover()
    page.keyboard.down("Control")
    page.mouse.wheel(0, -500)
    page.keyboard.up("Control")
    images = page.locator(".gv-picture img")
    zoomed = images.evaluate_all("all => all.map(one => getComputedStyle(one).transform)")
    assert len(set(zoomed)) == 1
    assert zoomed[0] not in ("none", "matrix(1, 0, 0, 1, 0, 0)")
    box = first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 30, steps=4)
    page.mouse.up()
    panned = images.evaluate_all("all => all.map(one => getComputedStyle(one).transform)")
    assert len(set(panned)) == 1
    assert panned[0] != zoomed[0]
    expect(page.get_by_role("dialog", name="Large")).to_be_hidden()
    first.dblclick()
    expect(page.locator(".is-zoomed")).to_have_count(0)


def test_a_link_leads_to_a_cell_by_its_number_or_its_place(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=22")
    assert _current(page).startswith("version @2, strength 0.5; fidelity 0.210")
    expect(page.get_by_label("guidance", exact=True)).to_have_value("1")
    page.goto("about:blank")
    page.goto(f"{address}#x=1&y=1&z=1&panel=1")
    expect(page).to_have_url(re.compile("cell=22"))


def test_a_reload_keeps_what_is_shown(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=4")
    page.keyboard.press("s")
    page.keyboard.press("h")
    page.keyboard.press("h")
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("zoom"))
    page.reload()
    assert _headers(page, "col") == ["@1", "@2"]
    assert _current(page).startswith("strength 0.5, version @2; nearest")
    expect(page.get_by_role("img", name="Colours of nearest")).to_be_visible()
    expect(page.get_by_role("button", name="140 % ×")).to_be_visible()


def test_an_address_that_makes_no_sense_is_the_beginning(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=999&rows=q&columns=y&heat=beauty&a=-3&mode=wipe&zoom=x&size=-9")
    assert "the pick" in _current(page)
    assert _headers(page, "col") == ["@1", "@2"]
    expect(page.get_by_role("dialog", name="Large")).to_be_hidden()


def test_cells_that_failed_say_why_and_missing_ones_wait(page: Page, folder: Path) -> None:
    view = example_view(folder)
    view = replace(view, cells=without_picture(view, 0, CellState.FAILED, "CUDA out of memory"))
    view = replace(view, cells=without_picture(view, 1, CellState.MISSING))
    _opened(page, view, folder / "unfinished.html", "#cell=0")
    expect(page.locator(".gv-cell").first).to_contain_text("CUDA out of memory")
    expect(page.get_by_label("The current cell")).to_contain_text("CUDA out of memory")
    expect(page.locator(".gv-cell").nth(1)).to_contain_text("not yet")
    expect(page.get_by_role("status")).to_contain_text("10 of 12 cells drawn, 1 failed")


def test_what_users_wrote_never_runs(page: Page, folder: Path) -> None:
    axis = Axis(field="prompt", label=EVIL, values=[EVIL, "b", "c"], notes=[[EVIL], [], []])
    view = example_view(
        folder,
        x=axis,
        title=EVIL,
        facts=[EVIL],
        panels=[Panel(prompt=EVIL, seed=1), Panel(prompt="b", seed=1)],
    )
    failed = without_picture(view, 1, CellState.FAILED, EVIL)
    _opened(page, replace(view, cells=failed), folder / "evil.html", "#cell=1")
    expect(page.get_by_role("heading", name="onerror").first).to_be_visible()
    page.keyboard.press("p")
    expect(page.locator(".gv-plot svg")).to_be_visible()
    assert page.locator("b", has_text=re.compile("^bold$")).count() == 0
    assert page.locator("img[onerror]").count() == 0
    assert page.title() == EVIL


def test_scores_are_a_plot_and_a_table_that_leads_back(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    page.keyboard.press("p")
    expect(page.locator(".gv-plot svg title").first).to_have_text(
        "fidelity against strength, by version, guidance 3"
    )
    page.get_by_role("button", name="0.310").click()
    assert _current(page).startswith("version @2, strength 1; fidelity 0.310; the pick")
    page.keyboard.press("p")
    page.keyboard.press("p")
    expect(page.locator(".gv-table")).to_be_visible()


def test_parameters_and_the_link_are_copied(page: Page, address: str) -> None:
    page.add_init_script(
        "navigator.clipboard.writeText = async text => { window.copiedText = text; }"
    )
    page.goto(f"{address}#cell=4")
    page.get_by_role("button", name="Copy parameters").click()
    text = page.evaluate("window.copiedText")
    assert text == "a mug\nversion: weipin-lora@2, Steps: 20, Seed: 7"
    page.get_by_role("button", name="Copy link").click()
    assert page.evaluate("window.copiedText") == f"{address}#cell=4"


def test_a_thousand_cells_open_and_only_near_ones_load(page: Page, folder: Path) -> None:
    view = example_view(
        folder,
        x=Axis(field="strength", label="strength", values=[str(n) for n in range(40)]),
        y=Axis(field="version", label="version", values=[f"@{n}" for n in range(26)]),
        cells=cells(folder, (40, 26, 1, 2)),
        pick=None,
    )
    _opened(page, view, folder / "large", "#cell=0")
    assert page.locator(".gv-cell").count() == 1040
    page.wait_for_function("document.querySelector('.gv-picture img').naturalWidth > 0")
    assert page.locator(".gv-picture img[src]").count() < 600
    page.keyboard.press("End")
    for _ in range(25):
        page.keyboard.press("ArrowDown")
    assert _current(page).startswith("version @25, strength 39")
    last = page.locator(".gv-cell").last
    expect(last).to_be_in_viewport()
    expect(last.locator("img")).to_have_attribute("src", re.compile("pictures/"))
    header = page.locator(".gv-table th[scope=col]").last
    expect(header).to_be_in_viewport()  # it stays in sight
    expect(page.locator(".gv-table th[scope=row]").last).to_be_in_viewport()


def test_pictures_beside_the_page_are_compared_too(page: Page, folder: Path) -> None:
    _opened(page, example_view(folder), folder / "beside", "#a=0&b=2&mode=difference")
    expect(page.locator(".gv-difference")).not_to_have_text("…")
    assert _pixel(page, page.locator(".gv-pile"), 0.5) == (255, 0, 255)
    page.keyboard.press("w")
    assert _pixel(page, page.locator(".gv-pile"), 0.25) == (255, 0, 0)


def test_a_newer_document_fills_cells_where_they_are(page: Page, folder: Path) -> None:
    view = example_view(folder)
    waiting = replace(view, cells=without_picture(view, 0, CellState.MISSING))
    _opened(page, waiting, folder / "live.html", "#cell=4")
    first = page.locator(".gv-cell").first
    kept = first.element_handle()
    expect(first).to_contain_text("not yet")
    document = view_document(view, lambda cell: cell.picture.as_uri() if cell.picture else None)
    page.evaluate("document => window.sdxlRegGrid.update(document)", document)
    expect(first.locator("img")).to_have_attribute("src", re.compile("ff0000"))
    assert page.evaluate("cell => document.contains(cell)", kept)
    expect(page.get_by_role("status")).to_have_count(0)
    assert _current(page).startswith("version @2, strength 0.5")


def test_everything_that_can_be_pressed_has_a_name_and_pictures_have_words(
    page: Page, address: str
) -> None:
    page.goto(address)
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, select, input")].filter(
            one => !(one.ariaLabel || one.textContent.trim() || one.labels?.length)).length"""
    )
    assert unnamed == 0
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    assert page.locator("[role=grid] [tabindex='0']").count() == 1


def test_a_control_that_is_pressed_keeps_the_focus(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    heat = page.get_by_role("button", name="Heat")
    heat.focus()
    page.keyboard.press("Space")
    expect(page.locator(".gv-legend")).to_be_visible()
    expect(heat).to_be_focused()
    page.get_by_role("button", name="Mark to compare").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Unmark")).to_be_focused()


def test_a_server_with_a_strict_policy_can_show_it_and_renew_it(page: Page, folder: Path) -> None:
    """As the registry's pages would: script, style and pictures by address, nothing inline."""
    view = example_view(folder)
    done = view_document(view, lambda cell: f"/pictures/{cell.position}")
    waiting = replace(view, cells=without_picture(view, 0, CellState.MISSING))
    first = view_document(waiting, lambda cell: f"/pictures/{cell.position}", live_url="/live")
    policy = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'"
    html = (
        '<!DOCTYPE html><title>g</title><link rel="stylesheet" href="/viewer.css">'
        '<link rel="icon" href="/pictures/0"><div id="grid-viewer"></div>'
        f'<script type="application/json" id="grid-document">{json_text(first)}</script>'
        '<script src="/viewer.js" defer></script>'
    )

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix("http://registry.test")
        headers = {"Content-Security-Policy": f"{policy}; connect-src 'self'"}
        if path.startswith("/pictures/"):
            cell = view.cells[int(path.removeprefix("/pictures/"))]
            assert cell.picture is not None
            route.fulfill(path=cell.picture)
        elif path == "/live":
            route.fulfill(json=done)
        elif path.startswith("/viewer"):
            text, kind = {
                "/viewer.js": (viewer_script(), "text/javascript"),
                "/viewer.css": (viewer_style(), "text/css"),
            }[path]
            route.fulfill(body=text, content_type=kind)
        else:
            route.fulfill(body=html, content_type="text/html", headers=headers)

    page.route("http://registry.test/**", answer)
    page.goto("http://registry.test/grids/4")
    expect(page.get_by_role("status")).to_contain_text("11 of 12 cells drawn")
    expect(page.locator(".gv-cell").first).to_contain_text("not yet")
    page.keyboard.press("h")
    expect(page.locator(".gv-cell").first.locator("img")).to_have_attribute(
        "src", "/pictures/0", timeout=15_000
    )
    expect(page.get_by_role("status")).to_have_count(0)
    page.keyboard.press("p")
    expect(page.locator(".gv-plot svg")).to_be_visible()


def test_light_and_dark_follow_the_reader(page: Page, address: str) -> None:
    page.goto(address)
    colours = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        colours.append(
            page.evaluate("getComputedStyle(document.querySelector('.gv')).backgroundColor")
        )
    assert colours == ["rgb(246, 246, 244)", "rgb(19, 20, 22)"]


def test_a_narrow_screen_needs_no_sideways_scrolling(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
