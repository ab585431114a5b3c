"""The sheet of a grid: every picture in its row and column, labelled, for people to choose by.

Rows are versions, columns are strengths; there is a block of them for each prompt and seed. The
last column shows pictures of the set that the prompt asks for. No torch here.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

PAPER, INK, FAINT, LINE, ACCENT = "#ffffff", "#1c2024", "#6b7480", "#dfe3e8", "#d9480f"
MIN_SIDE, MAX_SIDE = 160, 320  # pixels a picture shall take on the sheet
GAP, MARGIN, OUTLINE = 8, 32, 5
TITLE, TEXT, SMALL = 30, 20, 16  # font sizes
LABEL_WIDTH = 190
SCORE_HEIGHT = 24


@dataclass(frozen=True, kw_only=True)
class Row:
    """A version in a block.

    Attributes:
        name: Such as `@3`.
        notes: Short lines below it: epoch, loss.
        pictures: One a strength; None where it is missing.
        scores: One a strength; None where it is missing.
    """

    name: str
    notes: Sequence[str]
    pictures: Sequence[Path | None]
    scores: Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class Block:
    """All versions and strengths for one prompt and one seed.

    Attributes:
        prompt: What was asked for.
        seed: Of the noise.
        rows: One a version.
        references: Pictures of the set to compare with; the first ones are shown, one a row.
    """

    prompt: str
    seed: int
    rows: Sequence[Row]
    references: Sequence[Path] = ()


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What a sheet shows.

    Attributes:
        title: One line.
        facts: Short statements below it: base, steps, sampler.
        strengths: The columns.
        blocks: From the top down.
        best: Row and column of the pick, both from 0; outlined in every block.
        verdict: The pick in words; empty without one.
        size: Width and height of a picture, in pixels.
    """

    title: str
    facts: Sequence[str]
    strengths: Sequence[float]
    blocks: Sequence[Block]
    size: tuple[int, int]
    best: tuple[int, int] | None = None
    verdict: str = ""


def draw_sheet(sheet: Sheet) -> Image.Image:
    """The sheet as a picture; the same sheet gives the same pixels.

    Tiny pictures are enlarged by a whole factor, so that their pixels stay what they are; large
    ones are made smaller.
    """
    side = shown_size(sheet.size)
    columns = len(sheet.strengths) + any(block.references for block in sheet.blocks)
    width = 2 * MARGIN + LABEL_WIDTH + columns * (side[0] + GAP) - GAP
    heading = _heading(sheet, width)
    heights = [_block_height(block, side) for block in sheet.blocks]
    paper = Image.new("RGB", (width, heading.height + sum(heights) + MARGIN), PAPER)
    paper.paste(heading, (0, 0))
    top = heading.height
    for block, height in zip(sheet.blocks, heights, strict=True):
        _draw_block(paper, sheet, block, top=top, side=side)
        top += height
    return paper


def shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height a picture takes on the sheet.

    Args:
        size: Its own, in pixels.

    Returns:
        A whole multiple of it when its longer side is below 160, a fraction when above 320.
    """
    longest = max(size)
    if longest < MIN_SIDE:
        factor = -(-MIN_SIDE // longest)
        return size[0] * factor, size[1] * factor
    scale = min(1.0, MAX_SIDE / longest)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _heading(sheet: Sheet, width: int) -> Image.Image:
    lines = [(sheet.title, TITLE, INK), (" · ".join(sheet.facts), SMALL, FAINT)]
    if sheet.verdict:
        lines.append((sheet.verdict, TEXT, ACCENT))
    wrapped = [
        (part, size, colour)
        for text, size, colour in lines
        for part in _wrapped(text, size, width - 2 * MARGIN)
    ]
    heading = Image.new("RGB", (width, MARGIN + sum(size + 12 for _, size, _ in wrapped)), PAPER)
    pen, top = ImageDraw.Draw(heading), MARGIN
    for text, size, colour in wrapped:
        pen.text((MARGIN, top), text, fill=colour, font=_font(size))
        top += size + 12
    return heading


def _block_height(block: Block, side: tuple[int, int]) -> int:
    return 2 * GAP + 2 * (TEXT + 14) + len(block.rows) * (side[1] + SCORE_HEIGHT + GAP)


def _draw_block(
    paper: Image.Image, sheet: Sheet, block: Block, *, top: int, side: tuple[int, int]
) -> None:
    pen = ImageDraw.Draw(paper)
    top += GAP
    pen.line([(MARGIN, top), (paper.width - MARGIN, top)], fill=LINE, width=2)
    top += GAP
    asked = _shortened(f"{block.prompt}  · seed {block.seed}", TEXT, paper.width - 2 * MARGIN)
    pen.text((MARGIN, top), asked, fill=INK, font=_font(TEXT))
    top += TEXT + 14
    pen.text((MARGIN, top), "strength", fill=FAINT, font=_font(SMALL))
    for column, strength in enumerate(sheet.strengths):
        label = f"{strength:g}" if strength else "0 (base)"
        _centred(pen, label, _left(column, side), top, side[0], size=TEXT, colour=INK)
    if block.references:
        left = _left(len(sheet.strengths), side)
        _centred(pen, "from the set", left, top, side[0], size=SMALL, colour=FAINT)
    top += TEXT + 14
    best_score = max((score for row in block.rows for score in row.scores if score), default=None)
    for number, row in enumerate(block.rows):
        pen.text((MARGIN, top), row.name, fill=INK, font=_font(TITLE))
        for line, note in enumerate(row.notes):
            at = (MARGIN, top + TITLE + 12 + line * (SMALL + 7))
            pen.text(at, note, fill=FAINT, font=_font(SMALL))
        for column, (path, score) in enumerate(zip(row.pictures, row.scores, strict=True)):
            is_best = sheet.best == (number, column)
            left = _left(column, side)
            _place(paper, path, (left, top), side)
            if is_best:
                pen.rectangle(
                    [left - OUTLINE, top - OUTLINE, left + side[0] + 4, top + side[1] + 4],
                    outline=ACCENT,
                    width=OUTLINE,
                )
            if score is not None:
                text = f"{score:.3f}" + (" · pick" if is_best else "")
                colour = ACCENT if is_best else INK if score == best_score else FAINT
                _centred(pen, text, left, top + side[1] + 5, side[0], size=SMALL, colour=colour)
        if number < len(block.references):
            left = _left(len(sheet.strengths), side)
            _place(paper, block.references[number], (left, top), side)
        top += side[1] + SCORE_HEIGHT + GAP


def _left(column: int, side: tuple[int, int]) -> int:
    return MARGIN + LABEL_WIDTH + column * (side[0] + GAP)


def _place(
    paper: Image.Image, path: Path | None, at: tuple[int, int], side: tuple[int, int]
) -> None:
    if path is None:
        box = [at[0], at[1], at[0] + side[0] - 1, at[1] + side[1] - 1]
        ImageDraw.Draw(paper).rectangle(box, outline=LINE, width=2)
        return
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGBA")
    scale = min(side[0] / picture.width, side[1] / picture.height)
    fitted = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    whole = fitted[0] % picture.width == 0 and fitted[1] % picture.height == 0
    resampling = Image.Resampling.NEAREST if whole else Image.Resampling.LANCZOS
    shown = picture.resize(fitted, resampling)
    corner = (at[0] + (side[0] - fitted[0]) // 2, at[1] + (side[1] - fitted[1]) // 2)
    paper.paste(shown, corner, shown)


def _centred(
    pen: ImageDraw.ImageDraw,
    text: str,
    left: int,
    top: int,
    width: int,
    *,
    size: int,
    colour: str,
) -> None:
    length = _font(size).getlength(text)
    pen.text((left + (width - length) / 2, top), text, fill=colour, font=_font(size))


def _wrapped(text: str, size: int, width: int) -> list[str]:
    characters = max(20, int(width / (_font(size).getlength("abcdefghij klmno") / 16)))
    return textwrap.wrap(text, characters)


def _shortened(text: str, size: int, width: int) -> str:
    while len(text) > 1 and _font(size).getlength(text) > width:
        text = text[:-2].rstrip() + "…"
    return text


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own scalable font: the same on every machine."""
    return ImageFont.load_default(size=size)
