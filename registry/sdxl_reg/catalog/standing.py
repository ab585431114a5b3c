"""What is being worked on at this moment, and how far it is as the database knows it."""

from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from sdxl_reg.tables import Artifact, GeneratedPicture, Generation, Grid, GridCell, Run, RunMetric
from sdxl_reg.vocabulary import RunKind, RunState

_AT_WORK = (RunState.RUNNING, RunState.CANCELLING, RunState.QUEUED)
_LOSS = "loss"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a run is.

    Attributes:
        what: `pictures`, or `steps`.
        done: So many of them.
        total: All of them; None where that is not recorded.
        loss: The last one that a training told; None where there is none.
    """

    what: str
    done: int
    total: int | None
    loss: float | None = None


def at_work(session: Session, *, limit: int) -> list[tuple[Run, Standing | None]]:
    """The runs that work, then those that wait; none of those that are over.

    Args:
        session: The transaction.
        limit: How many at most.
    """
    waits = case((Run.state == RunState.QUEUED, 1), else_=0)
    query = select(Run).where(Run.state.in_(_AT_WORK)).order_by(waits, Run.id).limit(limit)
    return [(run, standing(session, run)) for run in session.scalars(query)]


def standing(session: Session, run: Run) -> Standing | None:
    """How far a run is; None where it has said nothing yet."""
    if run.kind == RunKind.GRID:
        drawn = GridCell.blob_id.is_not(None) | (GridCell.reason != "")
        cells = select(func.count(case((drawn, 1))), func.count()).select_from(GridCell)
        done, total = session.execute(cells.join(Grid).where(Grid.run_id == run.id)).one()
    elif run.kind == RunKind.GENERATE:
        over = GeneratedPicture.image_id.is_not(None) | (GeneratedPicture.reason != "")
        pictures = select(func.count(case((over, 1))), func.count()).select_from(GeneratedPicture)
        query = pictures.join(Generation).where(Generation.run_id == run.id)
        done, total = session.execute(query).one()
    else:
        return _steps(session, run)
    return Standing(what="pictures", done=done, total=total) if total else None


def held(session: Session) -> dict[str, int]:
    """How many artifacts, grids, generations and runs one sees."""
    tables = {"artifacts": Artifact, "grids": Grid, "generations": Generation, "runs": Run}
    return {
        name: session.scalar(select(func.count()).select_from(table)) or 0
        for name, table in tables.items()
    }


def _steps(session: Session, run: Run) -> Standing | None:
    query = select(RunMetric).where(RunMetric.run_id == run.id, RunMetric.name == _LOSS)
    last = session.scalar(query.order_by(RunMetric.step.desc(), RunMetric.id.desc()).limit(1))
    if last is None:
        return None
    return Standing(what="steps", done=last.step, total=None, loss=last.value)
