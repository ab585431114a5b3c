"""Grids as a use case: record the cells, draw what is missing, keep it, pick the best."""

import shutil
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_version
from sdxl_reg.catalog.drawing import (
    Scoring,
    bases_in,
    digests_of,
    draw_spec,
    versions_in,
)
from sdxl_reg.catalog.estimates import Estimate, estimate
from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grid_cells import (
    insert_cells,
    job_cells,
    record_cell,
    record_failure,
    record_score,
    take_over,
)
from sdxl_reg.catalog.grid_requests import (
    ResolvedGrid,
    references_of,
    resolve,
)
from sdxl_reg.catalog.grid_results import complete_grid
from sdxl_reg.catalog.lineage import new_node, record_input
from sdxl_reg.catalog.list_filters import GRID_FIELDS, filtered
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.runs import (
    AT_WORK,
    find_run,
    follow,
    mark_lost,
    new_run,
    requeue,
    require_queued,
)
from sdxl_reg.errors import Conflict, NotFound
from sdxl_reg.evaluation.batches import batch_size as usual_batch
from sdxl_reg.evaluation.layout import described, read_layout
from sdxl_reg.evaluation.plan import plan_cells, plan_pictures
from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import Starter, fresh_process, run_job
from sdxl_reg.jobs.spec import write_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Artifact, Grid, GridCell
from sdxl_reg.vocabulary import NodeKind, RunKind

Listener = Callable[[events.Event], None]


@dataclass(frozen=True, kw_only=True)
class PlannedGrid:
    """A grid that is recorded and whose missing cells can be drawn.

    Attributes:
        grid_id: Its number.
        run_id: The run that draws it.
        artifact: Name of the artifact.
        versions: References of the rows.
        prompts: What is asked for.
        cell_count: All places of the grid.
        missing_count: Pictures that have to be drawn; the others exist.
        job: What the process is told; None when nothing is left to draw or to score.
        is_resumed: Whether it was begun before.
        datasets: The dataset versions that prompts and references come from.
        axes: Rows by columns in words.
        estimate: What the pictures that are missing will cost.
    """

    grid_id: int
    run_id: int
    artifact: str
    versions: Sequence[str]
    prompts: Sequence[str]
    cell_count: int
    missing_count: int
    job: Path | None
    is_resumed: bool
    datasets: Sequence[str]
    axes: str
    estimate: Estimate


def grids(session: Session) -> Sequence[Grid]:
    """Every grid, newest first."""
    return session.scalars(select(Grid).order_by(Grid.id.desc())).all()


def grids_page(session: Session, part: Slice) -> Page[Grid]:
    """Some of the grids, newest first.

    Args:
        session: The transaction.
        part: Which page; its filter knows `GRID_FIELDS`.

    Raises:
        InvalidValue: The cursor or the filter is none of ours.
        UnknownName: The filter asks for another field.
    """
    query = select(Grid).where(filtered(part.filter, GRID_FIELDS, name="artifact"))
    return page_of(session, query, Grid.id, part, newest_first=True)


def grids_of(session: Session, artifact: Artifact) -> Sequence[Grid]:
    """The grids of an artifact, newest first."""
    query = select(Grid).where(Grid.artifact_id == artifact.id)
    return session.scalars(query.order_by(Grid.id.desc())).all()


def find_grid(session: Session, grid_id: int) -> Grid:
    """The grid of a number.

    Raises:
        NotFound: There is none.
    """
    grid = session.get(Grid, grid_id)
    if grid is None:
        raise NotFound("grid", str(grid_id), remedy="See: sdxl-reg grids")
    return grid


def plan(engine: Engine, store: BlobStore, settings: Settings, request: GridRequest) -> PlannedGrid:
    """Check everything and record the grid with its run, inputs and cells.

    The very same grid, begun before and not completed, is taken up again. Raises what
    `grid_requests.resolve` does.
    """
    with transaction(engine) as session:
        resolved = resolve(session, store, request)
        begun = _begun_before(session, resolved)
        grid = begun or _new_grid(session, store, resolved, request.batch_size)
        return _prepared(session, store, settings, grid, is_resumed=begun is not None)


def resume(engine: Engine, store: BlobStore, settings: Settings, grid_id: int) -> PlannedGrid:
    """A grid to be drawn on: what it lacks is drawn, what it has stays.

    Raises:
        NotFound: No such grid.
        Conflict: It is being drawn at this moment.
    """
    with transaction(engine) as session:
        grid = find_grid(session, grid_id)
        mark_lost(session)
        if find_run(session, grid.run_id).state in AT_WORK:
            raise Conflict(
                f"grid {grid_id} is being drawn", remedy=f"See: sdxl-reg run show {grid.run_id}"
            )
        return _prepared(session, store, settings, grid, is_resumed=True)


def in_turn(
    engine: Engine, store: BlobStore, settings: Settings, planned: PlannedGrid
) -> PlannedGrid:
    """A grid that has waited, without what others have drawn meanwhile.

    Raises:
        NotFound: It is gone.
        Conflict: It was ended meanwhile, or somebody else works on it.
    """
    with transaction(engine) as session:
        require_queued(find_run(session, planned.run_id))
        grid = find_grid(session, planned.grid_id)
        return _prepared(session, store, settings, grid, is_resumed=planned.is_resumed)


def carry_out(
    engine: Engine,
    store: BlobStore,
    planned: PlannedGrid,
    listen: Listener,
    *,
    stop: threading.Event | None = None,
    start: Starter = fresh_process,
) -> None:
    """Draw and score a planned grid to its end, then pick; every cell is kept as it is finished.

    Args:
        engine: The database.
        store: Receives the pictures and the sheet.
        planned: What `plan` or `resume` returned.
        listen: Called with every event of the job.
        stop: Set by another thread, it interrupts as a user would.
        start: Starts the process of the job.

    Raises:
        RunFailed: The job failed; the cells finished before stay.
        KeyboardInterrupt: The user interrupted; likewise.
    """

    def handle(event: events.Event) -> None:
        if isinstance(event, events.Cell):
            record_cell(engine, store, planned.grid_id, event.key, event.path)
        elif isinstance(event, events.CellFailed):
            record_failure(engine, planned.grid_id, event.key, event.reason)
        elif isinstance(event, events.Score):
            record_score(
                engine,
                planned.grid_id,
                event.key,
                metric=event.metric,
                scorer=event.scorer,
                value=event.value,
            )
        elif isinstance(event, events.Finished):
            _complete(engine, store, planned)
        listen(event)

    job = planned.job
    happenings = _nothing_to_do() if job is None else run_job(job.parent, stop=stop, start=start)
    follow(engine, planned.run_id, happenings, handle)
    if planned.job is not None:  # its pictures are in the store now
        shutil.rmtree(planned.job.parent / "files", ignore_errors=True)


def _nothing_to_do() -> Generator[events.Event, None, None]:
    """What a job would say that has nothing to draw and nothing to score."""
    yield events.Finished()


def _begun_before(session: Session, resolved: ResolvedGrid) -> Grid | None:
    """The newest grid of this very content that nobody is drawing and that was not completed."""
    mark_lost(session)
    open_grids = session.scalars(
        select(Grid)
        .where(Grid.artifact_id == resolved.artifact.id, Grid.sheet_id.is_(None))
        .order_by(Grid.id.desc())
    )
    for grid in open_grids:
        is_running = find_run(session, grid.run_id).state in AT_WORK
        if grid.spec["key"] == resolved.document["key"] and not is_running:
            return grid
    return None


def _new_grid(
    session: Session, store: BlobStore, resolved: ResolvedGrid, batch_size: int | None
) -> Grid:
    layout = resolved.layout
    pictures = plan_pictures(layout)
    digests = digests_of(session, [*bases_in(pictures), *versions_in(pictures)])
    cells = plan_cells(layout, digests)
    title = f"grid of {resolved.artifact.name}: {described(layout)}"
    run = new_run(
        session, RunKind.GRID, title, resolved.document, project=resolved.artifact.project
    )
    for slot, refs in (("base", bases_in(pictures)), ("version", versions_in(pictures))):
        for ref in refs:
            record_input(session, run.id, find_version(session, ref).node_id, slot)
    for dataset in resolved.datasets:
        record_input(session, run.id, dataset.node_id, "dataset")
    size = layout.common
    grid = Grid(
        node_id=new_node(session, NodeKind.GRID, resolved.artifact.project).id,
        artifact=resolved.artifact,
        run_id=run.id,
        spec=resolved.document
        | {
            "batch_size": batch_size
            or usual_batch(len({cell.key for cell in cells}), width=size.width, height=size.height)
        },
    )
    session.add(grid)
    session.flush()
    insert_cells(session, store, grid, cells, versions=resolved.versions)
    return grid


def _prepared(
    session: Session, store: BlobStore, settings: Settings, grid: Grid, *, is_resumed: bool
) -> PlannedGrid:
    """Write the job file of what is left to do for a grid."""
    requeue(session, find_run(session, grid.run_id))
    take_over(session, store, grid)
    document = grid.spec
    left = job_cells(session, store, grid)
    folder = settings.runs_path / str(grid.run_id)
    if left:
        spec = draw_spec(
            session,
            store,
            folder,
            run_id=grid.run_id,
            cells=left,
            names=document.get("names", {}),
            batch_size=document["batch_size"],
            scoring=Scoring(
                references=references_of(session, store, document["datasets"]),
                cache_path=settings.cache_path,
                **document.get("networks", {}),
            ),
        )
        write_job(spec, folder / "job.json")
    cells = select(func.count()).select_from(GridCell).where(GridCell.grid_id == grid.id)
    layout = read_layout(document)
    return PlannedGrid(
        grid_id=grid.id,
        run_id=grid.run_id,
        artifact=grid.artifact.name,
        versions=document["versions"],
        prompts=list(dict.fromkeys(panel.prompt for panel in layout.panels)),
        datasets=document["datasets"],
        axes=described(layout),
        cell_count=session.scalar(cells) or 0,
        missing_count=sum(cell.path is None for cell in left),
        estimate=estimate(session, [cell.picture for cell in left if cell.path is None]),
        job=folder / "job.json" if left else None,
        is_resumed=is_resumed,
    )


def _complete(engine: Engine, store: BlobStore, planned: PlannedGrid) -> None:
    with transaction(engine) as session:
        grid = find_grid(session, planned.grid_id)
        references = references_of(session, store, grid.spec["datasets"])
        complete_grid(session, store, grid, references=references)
