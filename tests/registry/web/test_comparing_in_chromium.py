"""Comparing from the browser, in Debian's chromium: the form, and a grid as it is drawn."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.jobs import events
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving
from tests.registry.web.puppet import Puppet

pytestmark = pytest.mark.browser
GRID = 2


@pytest.fixture(scope="module")
def address(own_registry: Registry) -> Iterator[str]:
    """Where a real server serves the example registry."""
    with serving(own_registry) as address:
        yield address


def _form(page: Page, address: str) -> None:
    page.goto(f"{address}/artifacts/weipin-lora")
    page.get_by_role("link", name="Compare in a grid").click()
    expect(page.get_by_role("heading", name="Compare weipin-lora")).to_be_visible()


def test_the_form_says_what_a_grid_comes_to_before_it_is_begun(page: Page, address: str) -> None:
    _form(page, address)
    outline = page.locator("[data-outline]")
    expect(outline).to_contain_text("3 versions × 11 strengths")
    page.get_by_label("weipin-lora@1").uncheck()
    page.get_by_label("Strengths").fill("0,1")
    page.get_by_label("Prompts").fill("a mug\n\na shirt")
    page.get_by_label("Seeds").fill("1, 2, 3")
    expect(outline).to_contain_text("24 cells: 2 versions × 2 strengths")
    expect(outline).to_contain_text("18 to draw")
    expect(outline).to_contain_text("Prompts: a mug · a shirt.")


def test_every_fault_of_a_grid_stands_beside_its_field(page: Page, address: str) -> None:
    _form(page, address)
    page.get_by_label("Strengths").fill("0:1")
    page.get_by_label("Seeds").fill("1, two")
    page.get_by_text("More settings").click()
    page.get_by_label("Steps", exact=True).fill("0")
    page.get_by_label("kid", exact=True).fill("much")
    page.get_by_text("More settings").click()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("#is-strengths-fault")).to_contain_text("0:1:0.1")
    expect(page.locator("#is-seeds-fault")).to_contain_text("valid integer")
    expect(page.locator("#is-num_inference_steps-fault")).to_be_visible()
    expect(page.get_by_label("Strengths")).to_be_focused()


def test_a_grid_shows_how_far_it_is_and_is_ended_from_its_page(
    page: Page, address: str, own_registry: Registry
) -> None:
    page.goto(f"{address}/grids/{GRID}")
    status = page.locator("[data-part=status]")
    expect(status).to_contain_text("queued")
    expect(status.get_by_role("button", name="Begin")).to_be_visible()
    run = page.locator("main").get_attribute("data-run") or ""
    run_id = int(run.rpartition("/")[2])
    puppet = Puppet(own_registry, run_id)

    def work() -> None:
        with suppress(KeyboardInterrupt):  # as it is told to a process that shall end
            puppet.work()

    thread = threading.Thread(target=work)
    thread.start()
    puppet.say(events.Started(pid=1, packages={}), events.Progress(done=3, total=9, what="drawing"))
    expect(status).to_contain_text("running", timeout=15_000)
    expect(status).to_contain_text("drawing 3 of 9", timeout=15_000)
    puppet.say(events.Progress(done=5, total=9, what="drawing"))
    expect(status).to_contain_text("drawing 5 of 9", timeout=15_000)
    status.get_by_role("button", name="Cancel").click()
    expect(status).to_contain_text("cancelling")
    puppet.say(events.Metric(step=1, values={"rate": 1.0}))
    expect(status).to_contain_text("cancelled", timeout=15_000)
    expect(status.get_by_role("button", name="Go on")).to_be_visible()
    thread.join()
