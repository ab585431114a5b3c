"""Training from the browser, in Debian's chromium: the form, the queue, a run as it happens."""

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.jobs import events
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.browser import serving
from tests.registry.web.puppet import Puppet, queued_run

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(own_registry: Registry) -> Iterator[str]:
    """Where a real server serves the example registry."""
    with serving(own_registry) as address:
        yield address


def _train_form(page: Page, address: str) -> None:
    page.goto(f"{address}/image-sets/weipin")
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_role("heading", name="Train on weipin")).to_be_visible()


def test_every_fault_stands_beside_its_field_and_opens_what_hides_it(
    page: Page, address: str
) -> None:
    _train_form(page, address)
    page.get_by_label("learning rate", exact=True).fill("fast")
    page.get_by_label("rank", exact=True).fill("0")
    page.get_by_text("More settings").click()
    page.get_by_label("noise offset").fill("9")
    page.get_by_text("More settings").click()
    page.keyboard.press("Escape")
    page.get_by_label("seed").press("Enter")
    expect(page.locator("#set-learning_rate-fault")).to_contain_text("valid number")
    expect(page.locator("#set-rank-fault")).to_contain_text("greater than or equal to 1")
    expect(page.locator("#set-noise_offset-fault")).to_be_visible()
    expect(page.get_by_label("learning rate", exact=True)).to_be_focused()
    expect(page.get_by_label("rank", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("rank", exact=True).fill("4")
    page.get_by_role("button", name="Train").click()
    expect(page.locator("#set-rank-fault")).to_be_hidden()
    expect(page.locator("#set-noise_offset-fault")).to_be_visible()


def test_what_is_wrong_with_the_whole_stands_above_the_button(page: Page, address: str) -> None:
    _train_form(page, address)
    page.get_by_label("Name").fill("micro")
    page.get_by_role("button", name="Train").click()
    expect(page.get_by_role("alert")).to_contain_text("is a checkpoint, not a lora")


def test_another_trainer_has_settings_of_its_own(page: Page, address: str) -> None:
    page.goto(f"{address}/datasets/weipin@1")
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_role("link", name="embedding", exact=True).click()
    expect(page.get_by_role("heading", name="Train on weipin@1")).to_be_visible()
    expect(page.get_by_label("num vectors")).to_be_visible()
    assert page.get_by_label("rank", exact=True).count() == 0
    page.get_by_role("link", name="kohya-lora").click()
    assert page.locator("#set-rank").count() == 1
    assert page.locator("#set-network_module, #set-sd_scripts_options").count() == 0


@pytest.mark.slow
def test_a_training_is_begun_cancelled_and_gone_on_with(
    page: Page, address: str, complaints: list[str]
) -> None:
    complaints.clear()
    _train_form(page, address)
    page.get_by_label("Name").fill("瓶盖")
    page.get_by_label("max train steps").fill("3")
    page.get_by_label("resolution", exact=True).fill("64")
    page.get_by_label("train batch size").fill("2")
    page.get_by_text("More settings").click()
    page.get_by_label("preview").select_option("no")
    page.get_by_role("button", name="Train").click()
    expect(page.get_by_role("heading", name="train lora on weipin@1")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".heading .state").first).to_have_text("cancelled", timeout=30_000)
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".heading .state").first).to_have_text("succeeded", timeout=120_000)
    expect(page.get_by_role("link", name="瓶盖@1")).to_be_visible()
    expect(page.get_by_role("img", name="loss: 3 values")).to_be_visible()
    assert page.get_by_role("button", name="Resume").count() == 0
    page.wait_for_load_state("networkidle")
    left_early = ("/events",)  # a page that is left while it listens leaves its stream
    assert [said for said in complaints if not said.endswith(left_early)] == []


def test_a_run_shows_what_happens_as_it_happens(
    page: Page, address: str, own_registry: Registry
) -> None:
    puppet = Puppet(own_registry, queued_run(own_registry))
    page.goto(f"{address}/runs/{puppet.run_id}")
    page.evaluate("window.isTheSame = true")
    worker = threading.Thread(target=puppet.work)
    worker.start()
    puppet.say(events.Message(text="<b>21</b> pictures"))
    expect(page.get_by_text("<b>21</b> pictures")).to_be_visible()
    for step in (1, 2, 3):
        puppet.say(
            events.Metric(step=step, values={"loss": 0.5 / step}),
            events.Progress(done=step, total=8, what="train"),
        )
    expect(page.get_by_text("train 3 of 8")).to_be_visible()
    expect(page.get_by_text("loss 0.1667")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_js_property("value", 3)
    expect(page.get_by_role("img", name="loss: 3 values")).to_be_visible()
    puppet.say(events.Finished())
    expect(page.locator(".heading .state").first).to_have_text("succeeded")
    assert page.get_by_role("button", name="Cancel").count() == 0
    assert page.evaluate("window.isTheSame")
    worker.join()


def test_the_queue_moves_on_and_keeps_the_focus(
    page: Page, address: str, own_registry: Registry
) -> None:
    puppet = Puppet(own_registry, queued_run(own_registry))
    page.goto(f"{address}/runs")
    card = page.locator(".queue li").filter(has=page.locator(f"a[href='/runs/{puppet.run_id}']"))
    expect(card).to_contain_text("nobody begins it here")
    card.get_by_role("link").focus()
    worker = threading.Thread(target=puppet.work)
    worker.start()
    puppet.say(events.Progress(done=2, total=8, what="train"))
    expect(card).to_contain_text("train 2 of 8")
    expect(card.get_by_role("link")).to_be_focused()
    puppet.say(events.Finished())
    row = page.get_by_role("row").filter(has_text="train by hand")
    expect(row.first).to_contain_text("succeeded")
    worker.join()


@pytest.mark.parametrize("width", [390, 1320])
@pytest.mark.parametrize("path", ["/runs", "/runs/1", "/runs/3", "/image-sets/weipin/train"])
def test_nothing_stands_out_of_the_page(page: Page, address: str, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{address}{path}")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1320, "height": 900})
