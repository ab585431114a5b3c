"""Freezing a set, its tree of tags and the filter of lists, as people use them in chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving

pytestmark = [pytest.mark.browser]


@pytest.fixture(scope="module")
def address(own_registry: Registry) -> Iterator[str]:
    """Where a real server serves a registry without users that these tests write to."""
    with serving(own_registry) as address:
        yield address


@pytest.mark.usefixtures("no_complaints")
def test_a_set_is_frozen_after_one_has_seen_what_it_would_hold(page: Page, address: str) -> None:
    page.goto(f"{address}/image-sets/weipin")
    page.get_by_role("link", name="Freeze").click()
    page.get_by_label("Dataset", exact=True).fill("spots")
    page.get_by_label("Only these pictures").fill("**/spot")
    page.get_by_label("Hold out").fill("0.25")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("status")).to_contain_text("spots@1 would be new, with 8 images")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_role("heading", name="spots@1")).to_be_visible()
    link = page.get_by_role("link", name="kohya", exact=True)
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "spots-1-kohya.zip"
    page.goto(f"{address}/image-sets/weipin/freeze")
    page.get_by_label("Dataset", exact=True).fill("spots")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_role("status")).to_contain_text("spots@1 holds just this already")


def test_what_cannot_be_frozen_is_said_beside_its_field(page: Page, address: str) -> None:
    page.goto(f"{address}/image-sets/weipin/freeze")
    page.get_by_label("Hold out").fill("7")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("a share is from 0 to 1")).to_be_visible()
    expect(page.get_by_label("Hold out")).to_have_attribute("aria-invalid", "true")


@pytest.mark.usefixtures("no_complaints")
def test_a_tag_is_renamed_after_a_preview_and_it_is_taken_back(page: Page, address: str) -> None:
    page.goto(f"{address}/image-sets/weipin")
    page.get_by_role("link", name="Tags", exact=True).click()
    page.get_by_role("navigation", name="Tags").get_by_text("spot").last.click()
    form = page.get_by_role("form", name="Rename")
    form.get_by_label("New name").fill("speck")
    form.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("status")).to_contain_text("Nothing is changed yet")
    form.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="qzy/flawed/speck")).to_be_visible()
    page.get_by_role("button", name="Undo the newest").click()
    expect(page.get_by_text("undone").first).to_be_visible()
    tree = page.get_by_role("navigation", name="Tags")
    expect(tree.get_by_text("speck")).to_have_count(0)


def test_a_list_is_filtered_and_a_fault_is_said(page: Page, address: str) -> None:
    page.goto(f"{address}/datasets")
    page.get_by_role("searchbox").fill("version:1 name:wei*")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="weipin@1")).to_be_visible()
    page.goto(f"{address}/image-sets?filter=nothing*")
    expect(page.get_by_text("Nothing is like this.")).to_be_visible()
    page.get_by_role("searchbox").fill("colour:red")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("alert")).to_contain_text("no such field")
