"""The pages as people see them, in Debian's chromium."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Page, expect, sync_playwright

from sdxl_reg.web.app import create_app
from sdxl_reg.web.dependencies import Registry
from sdxl_reg_cli.serve import address_of, listening

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(registry: Registry) -> Iterator[str]:
    """Where a real server serves the example registry."""
    with listening("127.0.0.1", 0) as bound:
        server = uvicorn.Server(uvicorn.Config(create_app(registry), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        yield address_of(bound).rstrip("/")
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What the browser had to complain about."""
    return []


@pytest.fixture(scope="module")
def page(address: str, complaints: list[str]) -> Iterator[Page]:
    """One tab that starts at home; without chromium, the test skips."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}; install it with: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1320, "height": 900})
        page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.goto(f"{address}/")
        yield page
        browser.close()


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
    expect(page.get_by_text("1–8 of 8")).to_be_visible()

    page.get_by_role("link", name="qzy, flawed, fold").first.click()
    assert _pictures_loaded(page) == 1
    expect(page.get_by_text("160 × 120 pixels")).to_be_visible()

    page.get_by_role("link", name="weipin-lora@3").click()
    expect(page.get_by_text("recommended strength")).to_be_visible()
    expect(page.get_by_role("img", name="loss of run 1")).to_be_visible()
    assert _pictures_loaded(page) == 1

    page.get_by_role("link", name="open grid 1").click()
    assert _pictures_loaded(page) == 10
    page.get_by_role("link", name="weipin-lora@3 at strength 0.5").click()
    opened = page.get_by_role("dialog")
    expect(opened.locator("[data-fact=score]")).to_have_text("0.790")
    page.keyboard.press("ArrowRight")
    expect(opened.locator("[data-fact=strength]")).to_have_text("1")
    opened.get_by_role("button", name="Close").click()
    expect(opened).to_be_hidden()

    page.get_by_role("link", name="Lineage").click()
    drawn = page.get_by_role("group", name="Lineage as a graph")
    expect(drawn.get_by_role("link", name="weipin-lora@1")).to_be_visible()
    assert drawn.locator("path.arrow").count() >= 10
    assert complaints == []


def test_the_sheet_is_enlarged_by_a_click_and_made_small_by_another(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/grids/1")
    sheet = page.locator("main .sheet-view")
    sheet.click()
    expect(sheet).to_have_class("sheet-view is-zoomed")
    sheet.click()
    expect(sheet).to_have_class("sheet-view")


def test_what_users_wrote_never_runs(page: Page, address: str, complaints: list[str]) -> None:
    page.goto(f"{address}/image-sets/weipin")
    expect(page.get_by_text("<script>document.title='owned'</script>").first).to_be_visible()
    assert "owned" not in page.title()
    assert complaints == []


def test_a_page_about_work_that_goes_on_renews_itself(page: Page, address: str) -> None:
    page.goto(f"{address}/runs/3")
    first = page.locator("main").element_handle()
    page.wait_for_function("main => !document.contains(main)", arg=first, timeout=10_000)
    expect(page.get_by_text("this page renews itself")).to_be_visible()


@pytest.mark.parametrize(
    "path", ["/", "/image-sets/weipin", "/artifacts/weipin-lora", "/runs/1", "/datasets/weipin@1"]
)
def test_a_narrow_screen_needs_no_sideways_scrolling(page: Page, address: str, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address + path)
    too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.set_viewport_size({"width": 1320, "height": 900})
    assert too_wide <= 0
