"""The sheet: its size, what stands on it, and that it is the same every time."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from sdxl_reg.evaluation.sheet import ACCENT, Block, Row, Sheet, draw_sheet, shown_size

SIZE = (64, 64)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    paths = []
    for number, colour in enumerate(("red", "green", "blue", "black")):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", SIZE, colour).save(paths[-1])
    return paths


def _sheet(pictures: list[Path | None], **changes: object) -> Sheet:
    references = [path for path in pictures[3:] if path]
    rows = [
        Row(name=f"@{n}", notes=["epoch 1"], pictures=pictures[:3], scores=[0.1, 0.2, None])
        for n in (1, 2)
    ]
    facts: dict[str, object] = {
        "title": "weipin-lora",
        "facts": ["base micro@1", "20 steps"],
        "strengths": [0.0, 0.5, 1.0],
        "blocks": [Block(prompt="a mug", seed=1, rows=rows, references=references)],
        "size": SIZE,
        "best": (1, 2),
        "verdict": "Pick: @2 at 1",
    }
    return Sheet(**(facts | changes))  # type: ignore[arg-type]


def _count(sheet: Image.Image, colour: str) -> int:
    same = ImageChops.difference(sheet, Image.new("RGB", sheet.size, colour)).convert("L")
    return same.histogram()[0]


def _differs(one: Image.Image, other: Image.Image) -> bool:
    return one.size != other.size or ImageChops.difference(one, other).getbbox() is not None


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


def test_every_picture_stands_on_the_sheet_in_whole(pictures: list[Path | None]) -> None:
    sheet = draw_sheet(_sheet(pictures))
    area = 192 * 192
    assert _count(sheet, "#ff0000") == 2 * area  # strength 0 of both versions
    assert _count(sheet, "#0000ff") == 2 * area
    assert _count(sheet, "#000000") == 1 * area  # the one reference


def test_the_same_sheet_gives_the_same_pixels(pictures: list[Path | None]) -> None:
    assert not _differs(draw_sheet(_sheet(pictures)), draw_sheet(_sheet(pictures)))


@pytest.mark.parametrize(
    "change",
    [
        {"title": "other"},
        {"facts": ["base micro@2", "20 steps"]},
        {"strengths": [0.0, 0.5, 0.9]},
        {"verdict": "Pick: @2 at 0.9"},
        {"best": (0, 0)},
    ],
)
def test_every_label_is_drawn(pictures: list[Path | None], change: dict[str, object]) -> None:
    assert _differs(draw_sheet(_sheet(pictures)), draw_sheet(_sheet(pictures, **change)))


def test_the_pick_is_outlined(pictures: list[Path | None]) -> None:
    with_pick = _count(draw_sheet(_sheet(pictures, verdict="")), ACCENT)
    without = _count(draw_sheet(_sheet(pictures, verdict="", best=None)), ACCENT)
    assert without == 0
    assert with_pick > 4 * 192 * 4


def test_a_picture_that_is_missing_leaves_a_frame(pictures: list[Path | None]) -> None:
    pictures[0] = None
    sheet = draw_sheet(_sheet(pictures))
    assert _count(sheet, "#ff0000") == 0


def test_a_long_prompt_and_a_long_verdict_stay_on_the_sheet(pictures: list[Path | None]) -> None:
    plain = draw_sheet(_sheet(pictures))
    block = _sheet(pictures).blocks[0]
    long = Block(prompt="a very long prompt " * 30, seed=1, rows=block.rows)
    sheet = draw_sheet(_sheet(pictures, blocks=[long], verdict="a reason that goes on " * 30))
    assert sheet.height > plain.height
    margin = sheet.crop((sheet.width - 20, 0, sheet.width, sheet.height))
    assert _count(margin, "#ffffff") == margin.width * margin.height
