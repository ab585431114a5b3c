"""Pages by keyboard alone: everything is reached by Tab, and one sees where one is."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.web.dependencies import Registry
from tests.registry.web.open_pages import MORE, TEMPLATES, OpenPages, open_pages

pytestmark = pytest.mark.browser

_MARKED = """() => {
  const roots = "a[href], button, input, select, textarea, summary, [tabindex]";
  const isReached = (one) =>
    one.tabIndex >= 0 && !one.disabled && one.type !== "hidden" && one.checkVisibility({
      visibilityProperty: true, contentVisibilityAuto: false });
  const all = [...document.querySelectorAll(roots)].filter(isReached);
  all.forEach((one, number) => (one.dataset.stop = number));
  return all.length;
}"""

_HERE = """() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const ring = one.getBoundingClientRect();
  const isDrawn = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  const away = parseFloat(style.outlineOffset);
  const sides = { left: ring.left - away, right: ring.right + away,
                  top: ring.top - away, bottom: ring.bottom + away };
  const cut = new Set();  // sides of the ring that something around the element cuts off
  for (let around = one.parentElement; around; around = around.parentElement) {
    if (around === document.body || getComputedStyle(around).overflow === "visible") continue;
    const room = around.getBoundingClientRect();
    if (sides.left < room.left) cut.add("left");
    if (sides.right > room.right) cut.add("right");
    if (sides.top < room.top) cut.add("top");
    if (sides.bottom > room.bottom) cut.add("bottom");
  }
  const isOnScreen = ring.bottom > 0 && ring.top < innerHeight && ring.width > 0;
  return { stop: one.dataset.stop, isSeen: isDrawn && cut.size < 2 && isOnScreen,
           html: `${[...cut]} ${one.outerHTML.slice(0, 160)}` };
}"""


@pytest.fixture(scope="module")
def pages(own_registry: Registry, page: Page) -> Iterator[OpenPages]:
    """The pages, seen by an admin."""
    with open_pages(own_registry, page) as pages:
        yield pages


@pytest.mark.parametrize("template", [*TEMPLATES, *MORE])
def test_everything_is_reached_by_tab_and_one_sees_where_one_is(
    pages: OpenPages, template: str
) -> None:
    pages.open(template)
    count: int = pages.page.evaluate(_MARKED)
    stops = list(_stops(pages.page, count))
    unseen = [stop["html"] for stop in stops if not stop["isSeen"]]
    assert not unseen
    reached = {stop["stop"] for stop in stops}
    missed = [number for number in range(count) if str(number) not in reached]
    left = [pages.page.locator(f"[data-stop='{number}']") for number in missed]
    assert not [one.evaluate("one => one.outerHTML.slice(0, 160)") for one in left]


def test_the_first_stop_skips_to_the_content(pages: OpenPages) -> None:
    pages.open("/image-sets")
    pages.page.keyboard.press("Tab")
    skip = pages.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport(ratio=1)
    pages.page.keyboard.press("Enter")
    pages.page.keyboard.press("Tab")
    assert pages.page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_escape_closes_what_a_key_has_opened_and_leads_back(pages: OpenPages) -> None:
    page = pages.page
    pages.open("/grids/1")
    page.locator(".gv-cell").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator(".gv-cell").first).to_be_focused()

    pages.open("/image-sets/weipin")
    page.locator("#pictures [role=option]").first.focus()
    page.keyboard.press("Space")
    tool = page.get_by_role("button", name="Caption words")
    tool.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Add, between commas")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Add, between commas")).to_be_hidden()
    expect(tool).to_be_focused()


def _stops(page: Page, count: int) -> Iterator[dict[str, Any]]:
    """Where Tab leads, from the beginning of the page until it comes round."""
    page.evaluate("document.activeElement?.blur()")
    page.mouse.click(1, 1)
    for _ in range(count + 2):
        page.keyboard.press("Tab")
        here = page.evaluate(_HERE)
        if here["stop"] is not None:
            yield here
