"""The sheet of a grid: every picture in its row and column, labelled, for people to choose by.

X are columns, Y rows; there is a block of them for each panel, and the last column shows pictures
of the set. Z turns pages. A page that would grow too large becomes several, so that the memory a
page takes is bounded. The same view gives the same pixels. No torch here.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from sdxl_reg.evaluation.sheet_pages import (
    GAP,
    HEADING_BREAK,
    LABEL_WIDTH,
    MARGIN,
    MAX_PAGE,
    SCORE_HEIGHT,
    Block,
    Page,
    PageLimit,
    column_lines,
    pages_of,
    prompt_lines,
)
from sdxl_reg.evaluation.view import Cell, CellState, GridView, Metric
from sdxl_reg.imaging.lettering import (
    SMALL,
    TEXT,
    TITLE,
    Line,
    centred,
    fitted,
    height_of,
    wrapped,
    write,
)

PAPER, INK, FAINT, LINE, ACCENT = "#ffffff", "#1c2024", "#6b7480", "#dfe3e8", "#d9480f"
FAULT, FAULT_PAPER = "#a3262a", "#fbf1f0"
OUTLINE = 5


def draw_sheets(
    view: GridView, *, metric: str = "", limit: PageLimit = MAX_PAGE
) -> Iterator[Image.Image]:
    """The pages of a sheet, one at a time.

    Tiny pictures are enlarged by a whole factor, so that their pixels stay what they are; large
    ones are made smaller. A place without a picture is an empty frame; one that failed says why.

    Args:
        view: What is shown.
        metric: Whose score stands below each picture; empty for the view's first.
        limit: What a page may measure.

    Yields:
        One page for each value of Z, or several where one would exceed the limit.

    Raises:
        UnknownName: The view has no such metric.
    """
    shown = view.metric(metric)
    pages = _pages(view, shown, limit)
    for number, page in enumerate(pages, start=1):
        yield _draw_page(view, page, metric=shown, title=_title(view, page, number, len(pages)))


def draw_sheet(view: GridView, *, metric: str = "") -> Image.Image:
    """The first page of a sheet.

    Args:
        view: What is shown.
        metric: Whose score stands below each picture; empty for the view's first.

    Raises:
        UnknownName: The view has no such metric.
    """
    return next(draw_sheets(view, metric=metric))


def count_sheets(view: GridView, *, metric: str = "", limit: PageLimit = MAX_PAGE) -> int:
    """How many pages `draw_sheets` draws.

    Args:
        view: What is shown.
        metric: Whose score stands below each picture; empty for the view's first.
        limit: What a page may measure.

    Raises:
        UnknownName: The view has no such metric.
    """
    return len(_pages(view, view.metric(metric), limit))


def _pages(view: GridView, metric: Metric | None, limit: PageLimit) -> Sequence[Page]:
    def heading(width: int) -> int:
        return _heading_height(view, metric, width)

    return pages_of(view, limit=limit, heading=heading)


def _title(view: GridView, page: Page, number: int, count: int) -> str:
    parts = [view.title]
    if view.z is not None:
        parts.append(f"{view.z.label} {view.z.values[page.z]}")
    if count > 1:
        parts.append(f"page {number} of {count}")
    return " · ".join(parts)


def _heading_lines(view: GridView, metric: Metric | None, title: str, width: int) -> list[Line]:
    below = [f"below each picture: its {metric.name}"] if metric else []
    room = width - 2 * MARGIN
    lines = wrapped(title, TITLE, room, INK)
    lines += wrapped(" · ".join([*view.facts, *below]), SMALL, room, FAINT)
    return lines + wrapped(view.verdict, TEXT, room, ACCENT)


def _heading_height(view: GridView, metric: Metric | None, width: int) -> int:
    """With room for what tells a page from the others."""
    longest = max(view.z.values, key=len) if view.z is not None else ""
    label = view.z.label if view.z is not None else ""
    title = f"{view.title} · {label} {longest} · page 100 of 100"
    return MARGIN + height_of(_heading_lines(view, metric, title, width)) + HEADING_BREAK


def _draw_page(view: GridView, page: Page, *, metric: Metric | None, title: str) -> Image.Image:
    lines = _heading_lines(view, metric, title, page.width)
    top = MARGIN + height_of(lines) + HEADING_BREAK
    height = top + sum(block.height for block in page.blocks) + MARGIN
    paper = Image.new("RGB", (page.width, height), PAPER)
    write(ImageDraw.Draw(paper), (MARGIN, MARGIN), lines)
    for block in page.blocks:
        _draw_block(paper, view, page, block, top=top, metric=metric)
        top += block.height
    return paper


def _draw_block(
    paper: Image.Image,
    view: GridView,
    page: Page,
    block: Block,
    *,
    top: int,
    metric: Metric | None,
) -> None:
    pen = ImageDraw.Draw(paper)
    top += GAP
    pen.line([(MARGIN, top), (paper.width - MARGIN, top)], fill=LINE, width=2)
    top = write(pen, (MARGIN, top + GAP), prompt_lines(view.panels[block.panel], page.width, INK))
    top += GAP
    write(pen, (MARGIN, top), fitted(view.x.label, SMALL, LABEL_WIDTH - GAP, FAINT, most=2))
    for column, x in enumerate(page.columns):
        lines = column_lines(view.x, x, page.side[0], (INK, FAINT))
        centred(pen, (_left(column, page), top), page.side[0], lines)
    if page.has_references:
        left = _left(len(page.columns), page)
        centred(pen, (left, top), page.side[0], [Line("from the set", SMALL, FAINT)])
    top += block.label_height
    best = _best_score(view, page, block, metric)
    references = view.panels[block.panel].references
    for y in block.rows:
        _draw_row(paper, view, page, (block.panel, y), top=top, metric=metric, best=best)
        if y < len(references):
            _place(paper, references[y], (_left(len(page.columns), page), top), page.side)
        top += page.side[1] + SCORE_HEIGHT + GAP


def _draw_row(
    paper: Image.Image,
    view: GridView,
    page: Page,
    at: tuple[int, int],
    *,
    top: int,
    metric: Metric | None,
    best: float | None,
) -> None:
    panel, y = at
    pen = ImageDraw.Draw(paper)
    write(pen, (MARGIN, top), _row_lines(view, y, page.side[1] + SCORE_HEIGHT))
    for column, x in enumerate(page.columns):
        corner = (_left(column, page), top)
        cell = view.cell((x, y, page.z, panel))
        _draw_cell(paper, cell, corner, page.side)
        if cell is None:
            continue
        is_picked = view.is_picked(cell)
        if is_picked:
            _outline(pen, corner, page.side)
        score = cell.scores.get(metric.name) if metric else None
        if score is not None:
            text = f"{score:.3f}" + (" · pick" if is_picked else "")
            colour = ACCENT if is_picked else INK if score == best else FAINT
            below = (corner[0], top + page.side[1] + 5)
            centred(pen, below, page.side[0], [Line(text, SMALL, colour)])


def _row_lines(view: GridView, y: int, height: int) -> list[Line]:
    """Name and notes of a row, as much of them as its height holds."""
    room = LABEL_WIDTH - 2 * GAP
    name = view.y.values[y]
    lines = wrapped(name, TITLE, room, INK)
    if len(lines) > 1:
        lines = wrapped(name, TEXT, room, INK)
    most = max(1, (height - (SMALL + 8) * len(view.y.notes_of(y))) // (TEXT + 8))
    lines = fitted(name, lines[0].size, room, INK, most=most)
    for note in view.y.notes_of(y):
        lines += wrapped(note, SMALL, room, FAINT)
    while height_of(lines) > height and len(lines) > 1:
        lines.pop()
    return lines


def _best_score(view: GridView, page: Page, block: Block, metric: Metric | None) -> float | None:
    """The best score of the panel on this value of Z, on whichever page it is."""
    if metric is None:
        return None
    scores = [
        cell.scores[metric.name]
        for cell in view.cells
        if (cell.z, cell.panel) == (page.z, block.panel) and metric.name in cell.scores
    ]
    return metric.best(scores)


def _left(column: int, page: Page) -> int:
    return MARGIN + LABEL_WIDTH + column * (page.side[0] + GAP)


def _outline(pen: ImageDraw.ImageDraw, corner: tuple[int, int], side: tuple[int, int]) -> None:
    left, top = corner
    box = [left - OUTLINE, top - OUTLINE, left + side[0] + 4, top + side[1] + 4]
    pen.rectangle(box, outline=ACCENT, width=OUTLINE)


def _draw_cell(
    paper: Image.Image, cell: Cell | None, corner: tuple[int, int], side: tuple[int, int]
) -> None:
    if cell is None or cell.state is CellState.MISSING:
        _frame(paper, corner, side)
    elif cell.state is CellState.FAILED or cell.picture is None:
        _draw_fault(paper, cell.reason or "no picture", corner, side)
    else:
        _place(paper, cell.picture, corner, side)


def _frame(paper: Image.Image, corner: tuple[int, int], side: tuple[int, int]) -> None:
    box = [*corner, corner[0] + side[0] - 1, corner[1] + side[1] - 1]
    ImageDraw.Draw(paper).rectangle(box, outline=LINE, width=2)


def _draw_fault(
    paper: Image.Image, reason: str, corner: tuple[int, int], side: tuple[int, int]
) -> None:
    pen = ImageDraw.Draw(paper)
    box = [*corner, corner[0] + side[0] - 1, corner[1] + side[1] - 1]
    pen.rectangle(box, fill=FAULT_PAPER, outline=FAULT, width=2)
    most = max(1, (side[1] - 4 * GAP) // (SMALL + 8) - 1)
    lines = [Line("failed", SMALL, FAULT)]
    lines += fitted(reason, SMALL, side[0] - 4 * GAP, INK, most=most)
    write(pen, (corner[0] + 2 * GAP, corner[1] + 2 * GAP), lines)


def _place(paper: Image.Image, path: Path, corner: tuple[int, int], side: tuple[int, int]) -> None:
    """A picture, in whole, in the middle of its place; one that cannot be read says so there."""
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError) as error:
        _draw_fault(paper, f"cannot be read: {error.__class__.__name__}", corner, side)
        return
    scale = min(side[0] / picture.width, side[1] / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    is_whole = size[0] % picture.width == 0 and size[1] % picture.height == 0
    resampling = Image.Resampling.NEAREST if is_whole else Image.Resampling.LANCZOS
    shown = picture.resize(size, resampling)
    left, top = corner[0] + (side[0] - size[0]) // 2, corner[1] + (side[1] - size[1]) // 2
    paper.paste(shown, (left, top), shown)
