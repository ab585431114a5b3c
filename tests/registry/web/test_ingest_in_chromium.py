"""The page that adds pictures as people use it, in Debian's chromium."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sdxl_reg.web.dependencies import Registry
from tests.registry.catalog.pictures import jpeg, products, write
from tests.registry.web.browser import serving

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_complaints")]
DROPPING = """async () => {
  const picture = document.createElement("canvas");
  picture.width = picture.height = 40;
  const blob = await new Promise((made) => picture.toBlob(made, "image/png"));
  const file = (name) => ({
    name, isDirectory: false, file: (yes) => yes(new File([blob], name))
  });
  const folder = (name, ...inside) => ({
    name, isDirectory: true, createReader: () => {
      const portions = [inside, []];
      return { readEntries: (yes) => yes(portions.shift()) };
    }
  });
  const good = folder("good", file("1.png"));
  const root = folder("dropped", folder("cups", folder("white", good)));
  const event = new Event("drop", { cancelable: true, bubbles: true });
  event.dataTransfer = { items: [{ webkitGetAsEntry: () => root }] };
  document.querySelector("[data-drop]").dispatchEvent(event);
}"""
LONG = "a very long name of a folder, " * 4


@pytest.fixture(scope="module")
def address(own_registry: Registry) -> Iterator[str]:
    """Where a real server serves a registry without users that these tests write to."""
    with serving(own_registry) as address:
        yield address


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = products(tmp_path / "shirts")
    write(
        root,
        {
            f"weipin/品牌/{LONG}/x.jpg": jpeg(77),
            "weipin/qzy/flawed/spot/drawing.svg": b"<svg/>",
            "weipin/.sdxlregignore": b"*.gif\n",
            "weipin/qzy/x.gif": b"GIF",
        },
    )
    return root


def chosen(page: Page, address: str, root: Path, name: str) -> None:
    page.goto(f"{address}/image-sets")
    page.get_by_role("link", name="Add pictures").click()
    page.get_by_text("How it is read").click()
    page.get_by_label("Name of the set").fill(name)
    page.get_by_label("Choose a folder").set_input_files(root)
    expect(page.get_by_role("heading", name="What will be done")).to_be_focused()


def test_a_folder_is_chosen_looked_at_and_added(page: Page, address: str, root: Path) -> None:
    chosen(page, address, root, "shirts")
    plan = page.get_by_role("region", name="What will be done")
    expect(plan).to_contain_text("The folder is the image set 'shirts'")
    expect(plan).to_contain_text("13 pictures: 13 new")
    expect(plan).to_contain_text("lsbr (6)")
    expect(plan).to_contain_text(re.compile(r"1\d files are sent"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first button behind the heading
    done = page.get_by_role("region", name="Done")
    expect(done).to_contain_text("13 new, 1 skipped", timeout=60_000)
    expect(done).to_contain_text("drawing.svg")
    done.get_by_role("link", name="shirts").click()
    expect(page.get_by_role("heading", name="shirts")).to_be_visible()


def test_the_same_folder_again_sends_nothing(page: Page, address: str, root: Path) -> None:
    patches: list[str] = []
    page.on("request", lambda sent: patches.append(sent.url) if sent.method == "PATCH" else None)
    chosen(page, address, root, "shirts")
    plan = page.get_by_role("region", name="What will be done")
    expect(plan).to_contain_text("13 unchanged")
    expect(plan).to_contain_text("Nothing has to be sent")
    page.get_by_role("button", name="Add the pictures").click()
    expect(page.get_by_role("region", name="Done")).to_contain_text("13 unchanged", timeout=60_000)
    assert patches == []


def test_what_cannot_be_is_said_and_what_was_begun_is_given_up(
    page: Page, address: str, root: Path, tmp_path: Path, complaints: list[str]
) -> None:
    other = write(tmp_path / "other", {"a/1.jpg": jpeg(600)})
    page.goto(f"{address}/ingest")
    page.get_by_text("How it is read").click()
    page.get_by_label("Name of the set").fill("mugs")
    page.get_by_label("Choose a folder").set_input_files(other)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_label("Choose a folder")).to_be_focused()
    page.get_by_label("Choose a folder").set_input_files(other)
    expect(page.get_by_role("region", name="What will be done")).to_contain_text("mugs")
    page.get_by_label("Layout").fill("a//b")
    page.get_by_label("Layout").blur()
    expect(page.get_by_role("alert")).to_contain_text("layout")
    page.wait_for_load_state("networkidle")
    complaints.clear()  # the browser tells of every answer that is a problem


def test_a_page_that_may_not_hash_sends_everything(page: Page, address: str, root: Path) -> None:
    page.add_init_script("Object.defineProperty(globalThis.crypto, 'subtle', { value: undefined })")
    chosen(page, address, root, "shirts")
    expect(page.get_by_role("region", name="What will be done")).to_contain_text("13 changed")
    page.get_by_role("button", name="Add the pictures").click()
    expect(page.get_by_role("region", name="Done")).to_contain_text("13 unchanged", timeout=60_000)


def test_a_dropped_folder_is_taken_as_one_that_is_chosen(page: Page, address: str) -> None:
    """Only a real drop has entries; here the page is given what a browser would give it."""
    page.goto(f"{address}/ingest")
    page.evaluate(DROPPING)
    plan = page.get_by_role("region", name="What will be done")
    expect(plan).to_contain_text("cups")
    expect(plan).to_contain_text("white (1)")
