"""The pages as people see them, in Debian's chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving, tab

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(registry: Registry) -> Iterator[str]:
    """Where a real server serves the example registry."""
    with serving(registry) as address:
        yield address


@pytest.fixture(scope="module")
def page(address: str, complaints: list[str]) -> Iterator[Page]:
    """One tab that starts at home."""
    with tab(complaints) as page:
        page.goto(f"{address}/")
        yield page


@pytest.fixture(autouse=True)
def _arrived(page: Page) -> Iterator[None]:
    """Each test ends with everything loaded: a picture that the next one cuts off would count."""
    yield
    page.wait_for_load_state("networkidle")


def _pictures_loaded(page: Page) -> int:
    """How many pictures the page shows; each must have arrived with pixels."""
    for picture in page.locator("main img[src]").all():
        picture.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    widths = page.eval_on_selector_all(
        "main img[src]", "pictures => pictures.map(picture => picture.naturalWidth)"
    )
    assert all(width > 0 for width in widths), widths
    return len(widths)


def test_a_walk_from_home_to_the_lineage(page: Page, complaints: list[str]) -> None:
    expect(page.get_by_role("heading", name="Registry")).to_be_visible()
    assert _pictures_loaded(page) >= 5

    page.get_by_role("link", name="weipin 21 images").click()
    assert _pictures_loaded(page) == 21
    page.get_by_label("Tags").get_by_role("link", name="flawed").last.click()
    assert _pictures_loaded(page) == 8
    expect(page.get_by_text("8 pictures")).to_be_visible()

    page.get_by_role("option", name="qzy, flawed, fold").first.dblclick()
    expect(page.get_by_role("heading", name="Pictures like this one")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert _pictures_loaded(page) >= 1
    expect(page.get_by_text("160 × 120 pixels")).to_be_visible()

    page.get_by_role("link", name="weipin-lora@3").click()
    expect(page.get_by_text("recommended strength")).to_be_visible()
    expect(page.get_by_role("img", name="loss of run 1")).to_be_visible()
    assert _pictures_loaded(page) == 1

    page.get_by_role("link", name="open grid 1").click()
    expect(page.get_by_role("heading", name="Grid 1 of weipin-lora")).to_be_visible()
    expect(page.locator(".gv-cell img")).to_have_count(9)
    page.locator(".gv-cell").first.click()
    page.keyboard.press("Enter")
    opened = page.get_by_role("dialog")
    expect(opened.locator("img").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(opened).to_be_hidden()

    page.get_by_role("link", name="Lineage").click()
    drawn = page.get_by_role("group", name="Lineage as a graph")
    expect(drawn.get_by_role("link", name="weipin-lora@1")).to_be_visible()
    assert drawn.locator("path.arrow").count() >= 10
    assert complaints == []


def test_what_users_wrote_never_runs(page: Page, address: str, complaints: list[str]) -> None:
    page.goto(f"{address}/image-sets/weipin")
    expect(page.get_by_text("<script>document.title='owned'</script>").first).to_be_visible()
    assert "owned" not in page.title()
    assert complaints == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/image-sets/weipin",
        "/artifacts/weipin-lora",
        "/runs/1",
        "/datasets/weipin@1",
        "/grids/1",
        "/grids/2",
        "/grids/1/vote",
        "/grids/1/vote/ranking",
        "/generations",
        "/generations/1",
    ],
)
def test_a_narrow_screen_needs_no_sideways_scrolling(page: Page, address: str, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address + path)
    too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.set_viewport_size({"width": 1320, "height": 900})
    assert too_wide <= 0
