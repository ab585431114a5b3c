"""Grids, votes and drawing as people see them: in Debian's chromium, under the strict policy."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grids import plan
from sdxl_reg.store.database import transaction
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving
from tests.registry.web.example_registry import cells_to_draw, draw_cell

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_complaints")]


@pytest.fixture(scope="module")
def address(own_registry: Registry) -> Iterator[str]:
    """Where a real server serves a registry that these tests write to."""
    with serving(own_registry) as address:
        yield address


def _arrived(page: Page, selector: str, count: int) -> None:
    """So many pictures are there, with pixels."""
    expect(page.locator(selector)).to_have_count(count)
    page.wait_for_function(
        "selector => [...document.querySelectorAll(selector)].every(one => one.naturalWidth > 0)",
        arg=selector,
    )


def test_the_viewer_works_in_its_page(page: Page, address: str) -> None:
    page.goto(f"{address}/grids/1")
    _arrived(page, ".gv-cell img", 9)
    expect(page.get_by_role("complementary", name="The current cell")).to_contain_text("The pick")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".gv-side h2")).to_have_text("version @3, strength 1")
    page.keyboard.press("h")
    expect(page.locator(".gv-scroll.is-hot")).to_be_visible()
    page.get_by_role("button", name="Scores").click()
    expect(page.locator(".gv-plot svg")).to_be_visible()
    page.get_by_role("button", name="Pictures").click()
    page.locator(".gv-cell").first.dblclick()
    expect(page.locator(".gv-stage img").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("#cell=0"))
    assert page.locator("main").count() == 1


def test_a_person_chooses_a_cell_and_gives_the_choice_back(page: Page, address: str) -> None:
    page.goto(f"{address}/grids/1#cell=2")
    page.get_by_role("button", name="Choose this cell").click()
    page.get_by_label("Why").fill("the cleanest collar")
    page.keyboard.press("Enter")
    pick = page.get_by_role("region", name="The pick")
    expect(pick).to_contain_text("weipin-lora@1")
    expect(pick).to_contain_text("the cleanest collar")
    expect(page.locator(".gv-cell.is-picked")).to_have_attribute("data-index", "2")
    expect(page.get_by_role("button", name="Choose this cell")).to_have_count(0)
    page.get_by_role("button", name="Let the scores choose").click()
    expect(pick).to_contain_text("weipin-lora@3")


def test_the_base_cannot_be_chosen(page: Page, address: str) -> None:
    page.goto(f"{address}/grids/1#cell=0")
    expect(page.locator(".gv-side h2")).to_have_text("version @1, strength 0")
    expect(page.get_by_role("button", name="Choose this cell")).to_have_count(0)


def test_cells_appear_while_they_are_drawn(
    page: Page, address: str, own_registry: Registry
) -> None:
    request = GridRequest(artifact="weipin-lora", strengths=(0.3, 0.6), prompts=("qzy, fold",))
    planned = plan(own_registry.engine, own_registry.store, own_registry.settings, request)
    first, *others = cells_to_draw(planned)
    page.goto(f"{address}/grids/{planned.grid_id}")
    status = page.get_by_role("region", name="How far it is")
    expect(status).to_contain_text("0 of 6 cells drawn")
    page.get_by_role("button", name="Heat").wait_for(state="detached")  # nothing is scored yet
    table = page.locator(".gv-table").element_handle()
    draw_cell(own_registry, planned, first)
    expect(status).to_contain_text("1 of 6 cells drawn")
    _arrived(page, ".gv-cell img", 1)
    for cell in others:
        draw_cell(own_registry, planned, cell)
    expect(page.locator(".gv-cell img")).to_have_count(6)
    assert page.evaluate("table => document.contains(table)", table)  # nothing was loaded anew


def test_votes_are_given_by_keyboard_and_the_next_pair_comes_at_once(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/grids/1/vote")
    count = page.locator("[data-votes]")
    seen = set()
    for number, key in enumerate(("ArrowLeft", "ArrowRight", " ", "t"), start=1):
        _arrived(page, ".ballot img", 2)
        ballot = page.locator(".ballot")
        seen.add((ballot.get_attribute("data-left"), ballot.get_attribute("data-right")))
        page.keyboard.press(key)
        expect(count).to_have_text(str(number))
    assert len(seen) > 2
    assert "weipin-lora" not in page.content()
    page.get_by_role("button", name="equal").click()
    expect(count).to_have_text("5")
    page.get_by_role("link", name="Show the ranking").click()
    expect(page.get_by_role("cell", name=re.compile("weipin-lora@3 at 1"))).to_be_visible()
    expect(page.get_by_text("5 votes:")).to_be_visible()


def test_a_vote_that_is_not_taken_says_why(page: Page, address: str, complaints: list[str]) -> None:
    page.goto(f"{address}/grids/1/vote")
    page.eval_on_selector(".ballot", "ballot => (ballot.dataset.right = 77)")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("alert")).to_contain_text("not two drawn cells")
    assert [said for said in complaints if "422" not in said] == []
    complaints.clear()  # the browser reports every answer that is an error


def test_pictures_appear_below_the_form_as_they_are_drawn(
    page: Page, address: str, own_registry: Registry, tiny_base: Path
) -> None:
    with transaction(own_registry.engine) as session:
        find_base(session, own_registry.store, str(tiny_base))
    page.goto(f"{address}/generations")
    page.get_by_label("Prompt", exact=True).fill("a mug")
    page.get_by_label("Pictures").fill("2")
    page.get_by_label("Steps").fill("1")
    page.get_by_label("Seed").fill("3")
    page.get_by_label("Base").select_option("base")
    page.get_by_role("button", name="Draw").click()
    expect(page.get_by_text("not yet")).to_have_count(2)
    expect(page.locator("#now .frame img")).to_have_count(2, timeout=90_000)
    _arrived(page, "#now .frame img", 2)
    expect(page.locator("#now .state.succeeded")).to_be_visible()
    page.get_by_role("link", name="Generation 2").click()
    expect(page.locator(".command").first).to_contain_text("--seed 3 --base base@1")
    page.get_by_role("button", name="Copy command").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()


def test_every_fault_of_the_form_is_told_beside_it(
    page: Page, address: str, complaints: list[str]
) -> None:
    page.goto(f"{address}/generations")
    page.get_by_label("Prompt", exact=True).fill("a mug <lora:wiepin-lora:1>")
    page.get_by_role("button", name="Draw").click()
    expect(page.get_by_role("alert")).to_contain_text("Did you mean 'weipin-lora'?")
    page.get_by_role("button", name="weipin-lora").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(
        re.compile("<lora:weipin-lora@best:0.5>$")
    )
    complaints.clear()


def test_without_javascript_the_grid_is_a_table_of_pictures(page: Page, address: str) -> None:
    assert page.context.browser is not None
    context = page.context.browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"{address}/grids/1")
    expect(plain.locator("table.cells img")).to_have_count(9)
    expect(plain.locator(".plot svg")).to_be_visible()
    plain.locator("table.cells a").nth(4).click()
    expect(plain.get_by_role("heading", name="weipin-lora@2 at 0.5")).to_be_visible()
    context.close()
