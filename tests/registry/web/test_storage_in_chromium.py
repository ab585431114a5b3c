"""The page of the storage as people use it, in Debian's chromium."""

import os
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_complaints")]


@pytest.fixture(scope="module")
def address(own_registry: Registry) -> Iterator[str]:
    """Where a real server serves a registry without users that these tests write to."""
    with serving(own_registry) as address:
        yield address


def test_garbage_goes_once_one_has_seen_how_much_it_is(
    page: Page, address: str, own_registry: Registry
) -> None:
    sha256 = own_registry.store.put_bytes(b"x" * 3400).sha256
    then = time.time() - 30 * 86_400
    os.utime(own_registry.store.path(sha256), (then, then))
    page.goto(address)
    page.get_by_role("link", name="Storage").click()
    expect(page.get_by_text("3.4 kB in 1 blob are needed by nothing")).to_be_visible()
    page.get_by_role("button", name="Remove garbage").click()
    sure = page.get_by_role("dialog", name="Remove 1 blob, 3.4 kB?")
    expect(sure.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sure).to_be_hidden()
    assert own_registry.store.has(sha256)
    page.get_by_role("button", name="Remove garbage").click()
    sure.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("1 blob, 3.4 kB were removed.")).to_be_visible()
    expect(page.get_by_text("Everything that is kept is needed.")).to_be_visible()
    assert not own_registry.store.has(sha256)
    page.get_by_role("button", name="Remove garbage").click()
    expect(page.get_by_text("Nothing is garbage.")).to_be_visible()


def test_a_check_is_shown_with_what_it_found(page: Page, address: str) -> None:
    page.goto(f"{address}/storage")
    expect(page.get_by_text("Nobody has checked this registry yet.")).to_be_visible()
    page.get_by_role("button", name="Compare lengths").click()
    expect(page.get_by_text("by their lengths")).to_be_visible()
    page.get_by_role("button", name="Read every byte").click()
    sure = page.get_by_role("dialog", name="Read all")
    sure.get_by_role("button", name="Read").click()
    expect(page.get_by_text("every byte read")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Compare lengths")).to_be_visible()
