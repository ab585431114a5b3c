"""The viewer as people use it: opened from disk in Debian's chromium."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from sdxl_reg.evaluation.view import Axis, CellState, Panel
from sdxl_reg.evaluation.viewer.document import view_document
from sdxl_reg.evaluation.viewer.page import json_text, viewer_script, viewer_style
from tests.registry.evaluation.example_view import cells, example_view, without_picture
from tests.registry.evaluation.viewer_pages import current, headers, opened

EVIL = "</script><img src=x onerror=\"document.title='owned'\"><b>bold</b>"
pytestmark = pytest.mark.browser


def test_it_opens_with_every_picture_and_the_pick_in_sight(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name="weipin-lora")).to_be_visible()
    page.wait_for_function(
        "[...document.querySelectorAll('.gv-picture img')].every(image => image.naturalWidth)"
    )
    assert page.locator(".gv-picture img").count() == 6
    assert headers(page, "col") == ["0", "0.5", "1"]
    assert headers(page, "row") == ["@1", "@2"]
    assert "the pick" in current(page)
    assert page.locator(".gv-cell.is-picked").count() == 1
    expect(page.get_by_text("it is the best").first).to_be_visible()


def test_arrows_walk_and_enter_opens_and_escape_closes(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    expect(page.locator(".gv-cell.is-current")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert current(page).startswith("version @2, strength 0.5")
    page.keyboard.press("Home")
    assert current(page).startswith("version @2, strength 0;")
    page.keyboard.press("ArrowLeft")
    assert current(page).startswith("version @2, strength 0;")
    page.keyboard.press("Enter")
    large = page.get_by_role("dialog", name="Large")
    expect(large.get_by_text("strength 0, version @2")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(large.get_by_text("strength 0.5, version @2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    assert current(page).startswith("version @2, strength 0.5")
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
    assert headers(page, "col") == ["@1", "@2"]
    assert headers(page, "row") == ["0", "0.5", "1"]
    assert current(page).startswith("strength 0.5, version @1")
    page.get_by_role("button", name="Swap rows and columns").click()
    assert headers(page, "col") == ["0", "0.5", "1"]


def test_any_axis_takes_the_place_of_another(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=1")
    page.get_by_label("Columns", exact=True).select_option(label="prompt")
    assert headers(page, "col") == ["a mug", "a bowl"]
    assert headers(page, "row") == ["@1", "@2"]
    page.get_by_label("strength", exact=True).select_option(label="1")
    assert current(page).startswith("version @1, prompt a mug; fidelity 0.300")
    page.get_by_label("Rows", exact=True).select_option(label="prompt")  # the two change places
    assert headers(page, "row") == ["a mug", "a bowl"]
    assert headers(page, "col") == ["@1", "@2"]


def test_panels_and_pages_turn(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    page.keyboard.press("]")
    expect(page.get_by_label("prompt", exact=True)).to_have_value("1")
    page.keyboard.press("}")
    expect(page.get_by_label("guidance", exact=True)).to_have_value("1")
    expect(page).to_have_url(re.compile("cell=18"))
    assert page.locator(".gv-cell.is-picked").count() == 0  # the pick is on the other page
    page.keyboard.press("g")
    assert "the pick" in current(page)


def test_a_link_leads_to_a_cell_by_its_number_or_its_place(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=22")
    assert current(page).startswith("version @2, strength 0.5; fidelity 0.210")
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
    assert headers(page, "col") == ["@1", "@2"]
    assert current(page).startswith("strength 0.5, version @2; nearest")
    expect(page.get_by_role("img", name="Colours of nearest")).to_be_visible()
    expect(page.get_by_role("button", name="140 % ×")).to_be_visible()


def test_an_address_that_makes_no_sense_is_the_beginning(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=999&rows=q&columns=y&heat=beauty&a=-3&mode=wipe&zoom=x&size=-9")
    assert "the pick" in current(page)
    assert headers(page, "col") == ["@1", "@2"]
    expect(page.get_by_role("dialog", name="Large")).to_be_hidden()


def test_cells_that_failed_say_why_and_missing_ones_wait(page: Page, folder: Path) -> None:
    view = example_view(folder)
    view = replace(view, cells=without_picture(view, 0, CellState.FAILED, "CUDA out of memory"))
    view = replace(view, cells=without_picture(view, 1, CellState.MISSING))
    opened(page, view, folder / "unfinished.html", "#cell=0")
    expect(page.locator(".gv-cell").first).to_contain_text("CUDA out of memory")
    expect(page.get_by_label("The current cell")).to_contain_text("CUDA out of memory")
    expect(page.locator(".gv-cell").nth(1)).to_contain_text("not yet")
    expect(page.locator(".gv-progress")).to_contain_text("10 of 12 cells drawn, 1 failed")


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
    opened(page, replace(view, cells=failed), folder / "evil.html", "#cell=1")
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
    assert current(page).startswith("version @2, strength 1; fidelity 0.310; the pick")
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
    opened(page, view, folder / "large", "#cell=0")
    assert page.locator(".gv-cell").count() == 1040
    page.wait_for_function("document.querySelector('.gv-picture img').naturalWidth > 0")
    assert page.locator(".gv-picture img[src]").count() < 600
    page.keyboard.press("End")
    for _ in range(25):
        page.keyboard.press("ArrowDown")
    assert current(page).startswith("version @25, strength 39")
    last = page.locator(".gv-cell").last
    expect(last).to_be_in_viewport()
    expect(last.locator("img")).to_have_attribute("src", re.compile("pictures/"))
    header = page.locator(".gv-table th[scope=col]").last
    expect(header).to_be_in_viewport()  # it stays in sight
    expect(page.locator(".gv-table th[scope=row]").last).to_be_in_viewport()


def test_a_newer_document_fills_cells_where_they_are(page: Page, folder: Path) -> None:
    view = example_view(folder)
    waiting = replace(view, cells=without_picture(view, 0, CellState.MISSING))
    opened(page, waiting, folder / "live.html", "#cell=4")
    first = page.locator(".gv-cell").first
    kept = first.element_handle()
    expect(first).to_contain_text("not yet")
    document = view_document(view, lambda cell: cell.picture.as_uri() if cell.picture else None)
    page.evaluate("document => window.sdxlRegGrid.update(document)", document)
    expect(first.locator("img")).to_have_attribute("src", re.compile("ff0000"))
    assert page.evaluate("cell => document.contains(cell)", kept)
    expect(page.locator(".gv-progress")).to_have_count(0)
    assert current(page).startswith("version @2, strength 0.5")


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
    expect(page.locator(".gv-progress")).to_contain_text("11 of 12 cells drawn")
    expect(page.locator(".gv-cell").first).to_contain_text("not yet")
    page.keyboard.press("h")
    expect(page.locator(".gv-cell").first.locator("img")).to_have_attribute(
        "src", "/pictures/0", timeout=15_000
    )
    expect(page.locator(".gv-progress")).to_have_count(0)
    page.keyboard.press("p")
    expect(page.locator(".gv-plot svg")).to_be_visible()


def test_light_and_dark_follow_the_reader(page: Page, address: str) -> None:
    page.goto(address)
    colours = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colours.append(
            page.evaluate("getComputedStyle(document.querySelector('.gv')).backgroundColor")
        )
    assert colours == ["rgb(246, 246, 244)", "rgb(19, 20, 22)"]


def test_a_narrow_screen_needs_no_sideways_scrolling(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
