"""The sheet: its pages, what stands on them, and that they are the same every time."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from sdxl_reg.errors import UnknownName
from sdxl_reg.evaluation.sheet import ACCENT, FAULT, count_sheets, draw_sheet, draw_sheets
from sdxl_reg.evaluation.sheet_pages import MAX_PAGE, PageLimit, shown_size
from sdxl_reg.evaluation.view import Axis, CellState, GridView, Panel
from tests.registry.evaluation.example_view import (
    REFERENCE,
    cells,
    example_view,
    picture,
    without_picture,
)

AREA = 192 * 192


def _count(sheet: Image.Image, colour: str) -> int:
    same = ImageChops.difference(sheet, Image.new("RGB", sheet.size, colour)).convert("L")
    return same.histogram()[0]


def _differs(one: Image.Image, other: Image.Image) -> bool:
    return one.size != other.size or ImageChops.difference(one, other).getbbox() is not None


def _wide(folder: Path, columns: int, rows: int, panels: int = 1) -> GridView:
    return example_view(
        folder,
        x=Axis(field="steps", label="steps", values=[str(n) for n in range(columns)]),
        y=Axis(field="version", label="version", values=[f"@{n}" for n in range(rows)]),
        panels=[Panel(prompt="a mug", seed=n) for n in range(panels)],
        cells=cells(folder, (columns, rows, 1, panels)),
        pick=None,
    )


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((64, 64), (192, 192)),
        ((96, 96), (192, 192)),
        ((128, 128), (256, 256)),
        ((256, 256), (256, 256)),
        ((1024, 1024), (320, 320)),
        ((1024, 512), (320, 160)),
        ((64, 128), (128, 256)),
    ],
)
def test_tiny_pictures_grow_by_a_whole_factor_and_large_ones_shrink(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert shown_size(size) == shown


def test_every_picture_stands_on_the_sheet_in_whole(tmp_path: Path) -> None:
    sheet = draw_sheet(example_view(tmp_path))
    assert _count(sheet, "#ff0000") == 4 * AREA  # strength 0 of two versions in two panels
    assert _count(sheet, "#0000ff") == 4 * AREA
    assert _count(sheet, REFERENCE) == 2 * AREA  # one reference a panel


def test_the_same_view_gives_the_same_pixels(tmp_path: Path) -> None:
    assert not _differs(draw_sheet(example_view(tmp_path)), draw_sheet(example_view(tmp_path)))


@pytest.mark.parametrize(
    "change",
    [
        {"title": "other"},
        {"facts": ["base micro@2", "20 steps"]},
        {"x": Axis(field="strength", label="strength", values=["0", "0.5", "0.9"])},
        {"x": Axis(field="strength", label="power", values=["0", "0.5", "1"])},
        {"y": Axis(field="version", label="version", values=["@1", "@2"])},
        {"y": Axis(field="version", label="version", values=["@1", "@3"])},
        {"panels": [Panel(prompt="a mug", seed=8), Panel(prompt="a bowl", seed=7)]},
        {"verdict": "Pick: @2 at 0.9"},
        {"pick": None},
        {"metrics": []},
    ],
)
def test_every_label_is_drawn(tmp_path: Path, change: dict[str, object]) -> None:
    assert _differs(
        draw_sheet(example_view(tmp_path)), draw_sheet(example_view(tmp_path, **change))
    )


def test_another_metric_gives_other_numbers(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    assert _differs(draw_sheet(view), draw_sheet(view, metric="nearest"))
    with pytest.raises(UnknownName):
        draw_sheet(view, metric="beauty")


def test_the_pick_is_outlined_in_every_panel(tmp_path: Path) -> None:
    with_pick = _count(draw_sheet(example_view(tmp_path, verdict="")), ACCENT)
    without = _count(draw_sheet(example_view(tmp_path, verdict="", pick=None)), ACCENT)
    assert without == 0
    assert with_pick > 2 * 4 * 192 * 4


@pytest.mark.parametrize("change", ["missing", "left out"])
def test_a_picture_that_is_missing_leaves_a_frame(tmp_path: Path, change: str) -> None:
    view = example_view(tmp_path)
    left = without_picture(view, 0, CellState.MISSING)
    if change == "left out":
        left = [cell for cell in left if cell.position != 0]
    sheet = draw_sheet(replace(view, cells=left))
    assert _count(sheet, "#ff0000") == 3 * AREA
    assert _count(sheet, FAULT) == 0


def test_a_cell_that_failed_says_why(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    one, other = (
        draw_sheet(replace(view, cells=without_picture(view, 0, CellState.FAILED, reason)))
        for reason in ("out of memory", "a NaN after step 3 " * 40)
    )
    assert _count(one, FAULT) > 4 * 190
    assert _differs(one, other)
    assert one.size == other.size


def test_a_picture_that_cannot_be_read_is_told_in_its_place(tmp_path: Path) -> None:
    picture(tmp_path, "#ff0000").write_bytes(b"no picture")
    view = example_view(tmp_path)
    picture(tmp_path, "#ff0000").write_bytes(b"no picture")
    assert _count(draw_sheet(view), FAULT) > 4 * 4 * 190


def test_a_panel_without_pictures_stays_on_the_sheet(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    sheet = draw_sheet(replace(view, cells=[cell for cell in view.cells if cell.panel == 0]))
    assert sheet.size == draw_sheet(view).size
    assert _count(sheet, "#ff0000") == 2 * AREA


def test_long_texts_stay_on_the_sheet(tmp_path: Path) -> None:
    plain = draw_sheet(example_view(tmp_path))
    references = [picture(tmp_path, REFERENCE)]
    values = ["a value that goes on " * 20, "x" * 300, "Größe und 長い"]
    sheet = draw_sheet(
        example_view(
            tmp_path,
            title="a title that goes on " * 20,
            verdict="a reason that goes on " * 30,
            panels=[
                Panel(prompt="a very long prompt " * 30, seed=1, references=references),
                Panel(prompt="b", seed=2),
            ],
            x=Axis(field="prompt", label="replaced words of the prompt", values=values),
            y=Axis(field="base", label="base", values=["y" * 90, "@2"], notes=[["n " * 99], []]),
        )
    )
    assert sheet.width == plain.width
    assert sheet.height > plain.height
    for edge in ((sheet.width - 20, 0, sheet.width, sheet.height), (0, 0, 20, sheet.height)):
        margin = sheet.crop(edge)
        assert _count(margin, "#ffffff") == margin.width * margin.height
    assert _count(sheet, "#ff0000") == 4 * AREA  # no label runs over a picture


def test_each_value_of_z_is_a_page(tmp_path: Path) -> None:
    z = Axis(field="cfg", label="guidance", values=["3", "7"])
    view = example_view(tmp_path, z=z, cells=cells(tmp_path, (3, 2, 2, 2)))
    one, other = draw_sheets(view)
    assert count_sheets(view) == 2
    assert _count(one, "#ff0000") == _count(other, "#ff0000") == 4 * AREA
    assert _differs(one, other)  # the value in the title, and the pick


@pytest.mark.parametrize(
    "limit",
    [
        PageLimit(pixels=1_500_000, side=4_000),
        PageLimit(pixels=40_000_000, side=1_200),
        PageLimit(pixels=400_000, side=900),
    ],
)
def test_a_sheet_that_is_too_large_goes_on_on_further_pages(
    tmp_path: Path, limit: PageLimit
) -> None:
    view = _wide(tmp_path, 9, 7, panels=2)
    pages = list(draw_sheets(view, limit=limit))
    assert len(pages) == count_sheets(view, limit=limit) > 1
    assert all(max(page.size) <= limit.side for page in pages)
    assert all(page.width * page.height <= limit.pixels for page in pages)
    assert sum(_count(page, "#ff0000") for page in pages) == 3 * 7 * 2 * AREA


def test_no_page_of_a_very_large_grid_exceeds_what_webp_and_memory_hold(tmp_path: Path) -> None:
    view = replace(_wide(tmp_path, 60, 45), cells=[], size=(1024, 1024))
    sizes = [page.size for page in draw_sheets(view)]
    assert len(sizes) > 1
    assert all(max(size) <= MAX_PAGE.side for size in sizes)
    assert all(width * height <= MAX_PAGE.pixels for width, height in sizes)
