"""What is being worked on at this moment, and how much there is to be seen."""

from collections.abc import Sequence

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from sdxl_reg.tables import Artifact, Generation, Grid, Run
from sdxl_reg.vocabulary import RunState

_AT_WORK = (RunState.RUNNING, RunState.CANCELLING, RunState.QUEUED)


def at_work(session: Session, *, limit: int) -> Sequence[Run]:
    """The runs that work, then those that wait; none of those that are over.

    Args:
        session: The transaction.
        limit: How many at most.
    """
    waits = case((Run.state == RunState.QUEUED, 1), else_=0)
    query = select(Run).where(Run.state.in_(_AT_WORK)).order_by(waits, Run.id).limit(limit)
    return session.scalars(query).all()


def held(session: Session) -> dict[str, int]:
    """How many artifacts, grids, generations and runs one sees."""
    tables = {"artifacts": Artifact, "grids": Grid, "generations": Generation, "runs": Run}
    return {
        name: session.scalar(select(func.count()).select_from(table)) or 0
        for name, table in tables.items()
    }
