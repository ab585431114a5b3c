"""The gallery, the page of an image and the reports as people use them, in Debian's chromium."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_complaints")]

CHOSEN = '#pictures [aria-selected="true"]'


@pytest.fixture(scope="module")
def address(own_registry: Registry) -> Iterator[str]:
    """Where a real server serves a registry that these tests write to."""
    with serving(own_registry) as address:
        yield f"{address}/image-sets/weipin"


def test_pictures_are_selected_by_mouse_as_in_a_file_manager(page: Page, address: str) -> None:
    page.goto(address)
    tiles = page.locator("#pictures [role=option]")
    expect(tiles).to_have_count(21)
    tiles.nth(1).locator("img").click()
    expect(page.locator(CHOSEN)).to_have_count(1)
    tiles.nth(4).locator("img").click(modifiers=["Shift"])
    expect(page.locator(CHOSEN)).to_have_count(4)
    tiles.nth(6).locator("img").click(modifiers=["Control"])
    expect(page.locator(CHOSEN)).to_have_count(5)
    tiles.nth(2).locator(".mark").click()
    expect(page.locator(CHOSEN)).to_have_count(4)
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(CHOSEN)).to_have_count(0)
    expect(page.locator(".bulk")).to_be_hidden()


def test_the_keyboard_moves_selects_extends_and_opens(page: Page, address: str) -> None:
    page.goto(address)
    first = page.locator("#pictures [role=option]").first
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    columns = page.evaluate(
        "() => { const all = [...document.querySelectorAll('#pictures li')];"
        " return all.findIndex((one) => one.offsetTop !== all[0].offsetTop); }"
    )
    expect(page.locator(CHOSEN)).to_have_count(columns + 1)
    page.keyboard.press("Escape")
    expect(page.locator(CHOSEN)).to_have_count(0)
    page.keyboard.press("Control+a")
    expect(page.locator(CHOSEN)).to_have_count(21)
    page.keyboard.press("End")
    expect(page.locator("#pictures li").last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("jpg"))).to_be_visible()


def test_one_tab_stop_leads_into_the_pictures(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator('#pictures [role=option][tabindex="0"]')).to_have_count(1)
    page.locator("#pictures li").nth(3).locator("img").click()
    expect(page.locator('#pictures [role=option][tabindex="0"]')).to_have_count(1)
    listed = page.get_by_role("listbox", name="Pictures")
    expect(listed).to_have_attribute("aria-multiselectable", "true")
    expect(listed.get_by_role("option", selected=True)).to_have_count(1)


def test_a_tag_is_given_to_what_is_selected_and_the_gallery_says_so(
    page: Page, address: str
) -> None:
    page.goto(f"{address}?tag=qzy/flawed/fold")
    page.locator("#pictures li").first.focus()
    page.keyboard.press("Control+a")
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tag", exact=True).last.fill("待查/again")
    page.get_by_label("Make it if there is none").check()
    page.get_by_role("button", name="Attach").click()
    expect(page.get_by_role("status").first).to_have_text(
        "Attached 待查/again to 4 images of weipin"
    )
    tree = page.get_by_label("Tags", exact=True)
    expect(tree.get_by_role("link", name="待查 4")).to_be_visible()
    expect(page.locator("#pictures .tag", has_text="待查/again")).to_have_count(4)
    expect(page.locator(CHOSEN)).to_have_count(4)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Undone: Attached")
    expect(tree.get_by_role("link", name="待查 4")).to_have_count(0)


def test_captions_are_replaced_after_a_look_at_what_would_become_of_them(
    page: Page, address: str
) -> None:
    page.goto(f"{address}?tag=qzy/flawed")
    page.locator("#pictures li").first.locator("img").click()
    page.get_by_role("button", name="Select all 8 that match").click()
    expect(page.get_by_text("8 selected")).to_be_visible()
    page.get_by_role("button", name="Replace").first.click()
    page.get_by_label("Search").fill("spot")
    page.get_by_label("Replace by").fill("white spot")
    page.get_by_role("button", name="Preview").first.click()
    expect(page.locator(".examples li")).to_have_count(4)
    expect(page.locator(".examples ins").first).to_have_text("white ")
    expect(page.get_by_text("4 captions would change")).to_be_visible()
    page.get_by_label("Replace", exact=True).get_by_role("button", name="Replace").click()
    expect(page.locator("#pictures .text", has_text="white spot")).to_have_count(4)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator("#pictures .text", has_text="white spot")).to_have_count(0)


def test_a_faulty_selector_is_explained_where_it_is_written(
    page: Page, address: str, complaints: list[str]
) -> None:
    page.goto(address)
    page.get_by_label("Selector, as in commands").fill("brand:qzy AND (")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("the selector is not of the right form")
    expect(page.get_by_label("Selector, as in commands")).to_have_value("brand:qzy AND (")
    complaints.clear()  # the browser reports every answer that is an error


def test_what_cannot_be_done_is_said_and_nothing_changes(
    page: Page, address: str, complaints: list[str]
) -> None:
    page.goto(address)
    page.locator("#pictures li").first.locator("img").click()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("Tag", exact=True).last.fill("qzy/flawd")
    page.get_by_role("button", name="Attach").click()
    expect(page.get_by_role("alert")).to_contain_text("Did you mean 'qzy/flawed'")
    complaints.clear()


def test_filters_narrow_down_and_are_given_back(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_label("Caption holds").fill("fold")
    page.keyboard.press("Enter")
    expect(page.locator("#pictures li")).to_have_count(4)
    page.get_by_role("link", name="Dark").click()
    expect(page).to_have_url(re.compile("words=fold&only=dark"))
    page.get_by_role("link", name="Show all").first.click()
    expect(page.locator("#pictures li")).to_have_count(21)


def test_the_next_page_comes_by_itself(page: Page, address: str) -> None:
    page.goto(f"{address}?limit=6")
    expect(page.locator("#pictures li").nth(5)).to_be_visible()
    page.mouse.wheel(0, 5000)
    expect(page.locator("#pictures [role=option]")).to_have_count(21)
    page.mouse.wheel(0, -9000)


def test_a_caption_is_written_and_taken_back_on_the_page_of_an_image(
    page: Page, address: str
) -> None:
    page.goto(f"{address}?tag=qzy/flawed/fold")
    page.locator("#pictures li").first.dblclick()
    expect(page.get_by_text("160 × 120 pixels")).to_be_visible()
    page.get_by_label("Caption", exact=True).fill("qzy, flawed, long fold")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator(".captions ins").first).to_have_text("long ")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").first).to_contain_text("Undone")
    expect(page.get_by_label("Caption", exact=True)).to_have_value("qzy, flawed, fold")


def test_a_crop_is_drawn_on_the_picture(page: Page, address: str) -> None:
    page.goto(f"{address}?tag=lsbr/flawless")
    page.locator("#pictures li").first.dblclick()
    page.get_by_role("button", name="Change").click()
    box = page.locator("#crop").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.7, steps=4)
    page.mouse.up()
    left = int(page.get_by_label("Left").input_value())
    assert 40 <= left <= 56  # of 160 pixels
    page.get_by_label("Right").fill("150")
    page.get_by_label("Crop").or_(page.locator("[data-crop-form]")).get_by_role(
        "button", name="Save"
    ).click()
    expect(page.locator("[data-crop]")).to_contain_text(f"{left}, ")
    expect(page.locator("[data-crop]")).to_contain_text("to 150, ")
    expect(page.locator("#crop .veil")).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-crop]")).to_contain_text("The whole picture is used")
    expect(page.locator("#crop .veil")).to_have_count(0)


def test_neighbours_and_parts_of_a_report_come_by_themselves(
    page: Page, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.goto(address)
    page.locator("#pictures li").nth(2).dblclick()
    expect(page.locator("#neighbours .row img").first).to_be_visible()
    monkeypatch.setattr("sdxl_reg.web.pages.reports.AT_ONCE", 3)
    page.goto(f"{address}/report")
    expect(page.get_by_role("img", name=re.compile("sharpness of 21"))).to_be_visible()
    expect(page.get_by_role("heading", name="Small: 21")).to_be_visible()
    expect(page.locator("[data-load]")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_needs_no_sideways_scrolling(page: Page, address: str, scheme: str) -> None:
    assert page.context.browser is not None
    context = page.context.browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True
    )
    phone = context.new_page()
    phone.goto(address)
    phone.locator("#pictures .mark").first.tap()
    expect(phone.get_by_text("1 selected")).to_be_visible()
    phone.locator("#pictures li img").nth(1).tap()
    expect(phone.get_by_text("2 selected")).to_be_visible()
    for path in ("", "/report"):
        phone.goto(address + path)
        assert phone.evaluate("document.documentElement.scrollWidth") == 390
    phone.goto(address)
    phone.locator("#pictures li img").nth(1).tap()
    expect(phone.get_by_role("heading", name=re.compile("jpg"))).to_be_visible()
    context.close()


def test_without_javascript_everything_is_shown_and_filtered(page: Page, address: str) -> None:
    assert page.context.browser is not None
    context = page.context.browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto(address)
    plain.get_by_label("Selector, as in commands").fill("**/fold")
    plain.get_by_role("button", name="Show").click()
    expect(plain.locator("#pictures li")).to_have_count(4)
    expect(plain.locator(".bulk")).to_be_hidden()
    plain.locator("#pictures a.shot").first.click()
    expect(plain.get_by_text("160 × 120 pixels")).to_be_visible()
    expect(plain.get_by_role("link", name="Look for them")).to_be_visible()
    context.close()
