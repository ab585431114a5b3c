"""Comparing in the viewer: wipe, difference, heat, and zoom that all cells share."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.registry.evaluation.example_view import example_view
from tests.registry.evaluation.viewer_pages import opened, pixel

pytestmark = pytest.mark.browser


def test_a_wipe_shows_both_and_its_edge_moves(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0")
    page.keyboard.press("c")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("c")
    edge = page.get_by_role("slider", name="Edge between A and B")
    expect(edge).to_have_attribute("aria-valuenow", "50")
    pile = page.locator(".gv-pile")
    assert pixel(page, pile, 0.25) == (255, 0, 0)
    assert pixel(page, pile, 0.75) == (0, 128, 0)
    page.keyboard.press("ArrowRight")
    expect(edge).to_have_attribute("aria-valuenow", "52")
    box = pile.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 200, steps=3)
    page.mouse.up()
    expect(edge).to_have_attribute("aria-valuenow", "90")
    assert pixel(page, pile, 0.75) == (255, 0, 0)
    page.keyboard.press("s")
    assert pixel(page, pile, 0.75) == (0, 128, 0)


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
    opened(page, view, folder / "twins.html", "#a=0&b=3&mode=difference")
    numbers = page.locator(".gv-difference")
    expect(numbers).to_have_text("Identical, pixel by pixel.")
    assert pixel(page, page.locator(".gv-pile"), 0.5) == (0, 0, 0)
    page.keyboard.press("ArrowUp")  # B becomes cell 0 itself
    expect(numbers).to_have_text("Identical: one and the same picture.")
    page.keyboard.press("ArrowRight")  # and now its neighbour, two shades away
    expect(numbers).to_have_text("mean 0.67 · largest 2 of 255 · 100.0 % of the pixels differ")
    assert pixel(page, page.locator(".gv-pile"), 0.5) == (8, 0, 0)
    page.get_by_label("Amplified").select_option("16")
    assert pixel(page, page.locator(".gv-pile"), 0.5) == (32, 0, 0)


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


def test_a_plain_wheel_scrolls_or_zooms_as_people_choose(page: Page, address: str) -> None:
    page.goto(f"{address}#cell=0&size=512")
    page.locator(".gv-picture").first.hover()
    page.mouse.wheel(0, 200)  # the grid is larger than the window: it scrolls
    page.wait_for_function("document.querySelector('.gv-scroll').scrollTop > 0")
    expect(page.locator(".is-zoomed")).to_have_count(0)
    page.keyboard.press("z")
    expect(page.get_by_text("The wheel zooms")).to_be_visible()
    page.mouse.wheel(0, -200)
    expect(page.locator(".is-zoomed")).to_have_count(1)


def test_pictures_beside_the_page_are_compared_too(page: Page, folder: Path) -> None:
    opened(page, example_view(folder), folder / "beside", "#a=0&b=2&mode=difference")
    expect(page.locator(".gv-difference")).not_to_have_text("…")
    assert pixel(page, page.locator(".gv-pile"), 0.5) == (255, 0, 255)
    page.keyboard.press("w")
    assert pixel(page, page.locator(".gv-pile"), 0.25) == (255, 0, 0)
