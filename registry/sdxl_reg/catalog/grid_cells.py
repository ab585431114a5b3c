"""The cells of grids: reused where their pictures exist, recorded one by one where they do not."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, Select, insert, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from sdxl_reg.catalog.artifacts import version_ref
from sdxl_reg.catalog.blobs import recorded
from sdxl_reg.catalog.list_filters import CELL_FIELDS, filtered
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.portions import portions
from sdxl_reg.errors import NotFound
from sdxl_reg.evaluation.plan import PlannedCell
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.jobs.spec import CellSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import ArtifactVersion, Blob, CellScore, Grid, GridCell

FIDELITY = "fidelity"
"""The metric that a pick rests on."""


def insert_cells(
    session: Session,
    store: BlobStore,
    grid: Grid,
    planned: Sequence[PlannedCell],
    *,
    versions: Sequence[ArtifactVersion],
) -> None:
    """Record the cells of a new grid; pictures and scores that exist are taken over.

    Args:
        session: The transaction.
        store: Holds the pictures.
        grid: Without cells yet.
        planned: In their order.
        versions: Those that are compared.
    """
    ids = {version_ref(version): version.id for version in versions}
    keys = sorted({cell.key for cell in planned})
    pictures = drawn_pictures(session, store, keys)
    session.execute(
        insert(GridCell),
        [
            {
                "grid_id": grid.id,
                "position": position,
                "cell_key": cell.key,
                "x": cell.x,
                "y": cell.y,
                "z": cell.z,
                "panel": cell.panel,
                "version_id": ids[cell.version],
                "strength": cell.strength,
                "prompt": cell.picture.prompt,
                "seed": cell.picture.seed,
                "picture": cell.picture.as_document(),
                "blob_id": pictures.get(cell.key),
                "reason": "",
            }
            for position, cell in enumerate(planned)
        ],
    )
    _take_scores(session, grid, [cell for cell in cells_of(session, grid) if cell.blob_id])


def take_over(session: Session, store: BlobStore, grid: Grid) -> None:
    """Give the cells that lack a picture those that other grids have drawn meanwhile.

    Args:
        session: The transaction.
        store: Holds the pictures.
        grid: With its cells.
    """
    query = _cells(grid).where(GridCell.blob_id.is_(None)).options(selectinload(GridCell.scores))
    lacking = session.scalars(query).all()
    pictures = drawn_pictures(session, store, sorted({cell.cell_key for cell in lacking}))
    found = [cell for cell in lacking if cell.cell_key in pictures]
    for cell in found:
        cell.blob_id, cell.reason = pictures[cell.cell_key], ""
    _take_scores(session, grid, found)


def cells_of(session: Session, grid: Grid) -> Sequence[GridCell]:
    """The cells of a grid in their order, with their versions, pictures and scores.

    As many queries for a thousand cells as for a few hundred: scores come apart from the cells, as
    a join would repeat each cell, request and all, as often as it has scores.
    """
    query = _cells(grid).options(selectinload(GridCell.scores))
    return session.scalars(query.execution_options(populate_existing=True)).all()


def cells_page(session: Session, grid: Grid, part: Slice) -> Page[GridCell]:
    """Some of the cells of a grid in their order, with their versions, pictures and scores.

    Args:
        session: The transaction.
        grid: The grid.
        part: Which of them; its filter knows `CELL_FIELDS`.

    Raises:
        InvalidValue: The cursor or the filter is none of ours.
        UnknownName: The filter asks for another field.
    """
    query = _cells(grid).order_by(None).options(selectinload(GridCell.scores))
    query = query.where(filtered(part.filter, CELL_FIELDS, name="prompt"))
    return page_of(session, query, GridCell.position, part)


def unscored_cells_of(session: Session, grid: Grid) -> Sequence[GridCell]:
    """The same without their scores, which are most of what there is to load."""
    return session.scalars(_cells(grid)).all()


def states_in(session: Session, grid: Grid) -> list[tuple[int, bool, str]]:
    """The cells of a grid as a reader needs them who looks every second.

    Returns:
        Position, whether it is drawn, why it is not.
    """
    query = select(GridCell.position, GridCell.blob_id, GridCell.reason)
    rows = session.execute(query.where(GridCell.grid_id == grid.id).order_by(GridCell.position))
    return [(position, blob_id is not None, reason) for position, blob_id, reason in rows]


def find_cell(session: Session, grid: Grid, position: int) -> GridCell:
    """The cell at a place of a grid.

    Raises:
        NotFound: The grid has no such place.
    """
    cell = session.scalar(
        select(GridCell).where(GridCell.grid_id == grid.id, GridCell.position == position)
    )
    if cell is None:
        raise NotFound(f"cell of grid {grid.id}", str(position), remedy="Cells count from 0")
    return cell


def job_cells(session: Session, store: BlobStore, grid: Grid) -> list[CellSpec]:
    """The pictures of a grid as a job takes them, as long as one lacks its file or its score.

    All of them, since some scores compare the pictures of a grid with each other.

    Args:
        session: The transaction.
        store: Holds the pictures; one that is missing there is drawn again.
        grid: With its cells.

    Returns:
        Each key once; none when nothing is left to do.
    """
    scorer: str = grid.spec["scorer"]  # empty when there is nothing to compare with
    found: dict[str, CellSpec] = {}
    is_complete = True
    for cell in cells_of(session, grid):
        path = store.path(cell.blob.sha256) if cell.blob and store.has(cell.blob.sha256) else None
        is_scored = not scorer or any(
            score.scorer == scorer and score.metric == FIDELITY for score in cell.scores
        )
        is_complete = is_complete and path is not None and is_scored
        if cell.cell_key not in found:
            picture = PictureSpec.model_validate(cell.picture)
            found[cell.cell_key] = CellSpec(key=cell.cell_key, picture=picture, path=path)
    return [] if is_complete else list(found.values())


def drawn_pictures(session: Session, store: BlobStore, keys: Sequence[str]) -> dict[str, int]:
    """Cell key → row of the blob, for the cells that were ever drawn.

    Args:
        session: The transaction.
        store: Holds the pictures; one that is missing there is left out.
        keys: Of cells, each once.
    """
    found: dict[str, int] = {}
    for some in portions(keys):
        query = (
            select(GridCell.cell_key, Blob.id, Blob.sha256)
            .join(Blob, GridCell.blob_id == Blob.id)
            .where(GridCell.cell_key.in_(some))
            .order_by(GridCell.id)
        )
        found |= {key: blob for key, blob, sha256 in session.execute(query) if store.has(sha256)}
    return found


def record_cell(engine: Engine, store: BlobStore, grid_id: int, key: str, path: Path) -> None:
    """Keep the picture of a cell: its bytes first, then the rows that point at them."""
    stored = store.put_file(path)
    with transaction(engine) as session:
        blob = recorded(session, stored)
        session.execute(
            update(GridCell)
            .where(GridCell.grid_id == grid_id, GridCell.cell_key == key)
            .values(blob_id=blob.id, reason="")
        )


def record_failure(engine: Engine, grid_id: int, key: str, reason: str) -> None:
    """Keep why a cell could not be drawn; drawing it later forgets that."""
    with transaction(engine) as session:
        session.execute(
            update(GridCell)
            .where(
                GridCell.grid_id == grid_id, GridCell.cell_key == key, GridCell.blob_id.is_(None)
            )
            .values(reason=reason)
        )


def record_score(
    engine: Engine, grid_id: int, key: str, *, metric: str, scorer: str, value: float
) -> None:
    """Keep a number for a cell; saying it again changes nothing."""
    with transaction(engine) as session:
        cells = session.scalars(
            select(GridCell.id).where(GridCell.grid_id == grid_id, GridCell.cell_key == key)
        ).all()
        known = select(CellScore).where(
            CellScore.cell_id.in_(cells), CellScore.metric == metric, CellScore.scorer == scorer
        )
        by_cell = {score.cell_id: score for score in session.scalars(known)}
        for cell_id in cells:
            if cell_id in by_cell:
                by_cell[cell_id].value = value
            else:
                score = CellScore(cell_id=cell_id, metric=metric, scorer=scorer, value=value)
                session.add(score)


def _cells(grid: Grid) -> Select[GridCell]:
    return (
        select(GridCell)
        .where(GridCell.grid_id == grid.id)
        .options(
            joinedload(GridCell.blob),
            joinedload(GridCell.version).joinedload(ArtifactVersion.artifact),
        )
        .order_by(GridCell.position)
    )


def _take_scores(session: Session, grid: Grid, cells: Sequence[GridCell]) -> None:
    """Give cells the scores that their pictures have elsewhere."""
    scorer: str = grid.spec["scorer"]
    scores = _scores(session, sorted({cell.cell_key for cell in cells}), scorer)
    for cell in cells:
        own = {score.metric for score in cell.scores if score.scorer == scorer}
        for metric, value in scores.get(cell.cell_key, {}).items():
            if metric not in own:
                session.add(CellScore(cell_id=cell.id, metric=metric, scorer=scorer, value=value))
    session.flush()


def _scores(session: Session, keys: Sequence[str], scorer: str) -> dict[str, dict[str, float]]:
    """Cell key → metric → value, by one scorer."""
    found: dict[str, dict[str, float]] = {}
    for some in portions(keys):
        query = (
            select(GridCell.cell_key, CellScore.metric, CellScore.value)
            .join(CellScore, CellScore.cell_id == GridCell.id)
            .where(GridCell.cell_key.in_(some), CellScore.scorer == scorer)
        )
        for key, metric, value in session.execute(query):
            found.setdefault(key, {})[metric] = value
    return found
