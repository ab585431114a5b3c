"""What tests read from an opened viewer."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page

from sdxl_reg.evaluation.view import GridView
from sdxl_reg.evaluation.viewer.write import write_viewer


def opened(page: Page, view: GridView, to: Path, link: str = "") -> None:
    """Write the viewer of a view and open it."""
    page.goto(write_viewer(view, to).as_uri() + link)


def current(page: Page) -> str:
    """How the cell under the cursor is called."""
    return str(page.locator(".gv-cell.is-current").get_attribute("aria-label") or "")


def headers(page: Page, scope: str) -> list[str]:
    """The values above the columns (col) or beside the rows (row)."""
    texts: list[str] = page.locator(f".gv-table th[scope={scope}] div > span").all_inner_texts()
    return texts


def pixel(page: Page, locator: Locator, share: float) -> tuple[int, ...]:
    """What is seen at a share of an element's width, a third from its top."""
    box = locator.bounding_box()
    assert box is not None
    clip: FloatRect = {
        "x": box["x"] + box["width"] * share,
        "y": box["y"] + box["height"] / 3,
        "width": 1,
        "height": 1,
    }
    with Image.open(io.BytesIO(page.screenshot(clip=clip))) as shot:
        pixel = shot.convert("RGB").getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return pixel
