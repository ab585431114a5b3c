"""How long a drawing will take and how much disk it needs, by what was drawn here before."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_version
from sdxl_reg.catalog.drawing import bases_in
from sdxl_reg.evaluation.work import RATE, work_of
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.tables import (
    Blob,
    GridCell,
    LineageEvent,
    Run,
    RunMetric,
)
from sdxl_reg.vocabulary import Direction, RunKind

_RECENT = 40
"""So many of the newest figures are looked at: machines change."""
_BYTES_A_PIXEL = 1.6
"""Of a photographic PNG, where nothing was drawn yet."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What pictures will cost.

    Attributes:
        seconds: By the clock; None when nothing was drawn on this base before.
        size_bytes: On disk.
    """

    seconds: float | None
    size_bytes: int


def estimate(session: Session, pictures: Sequence[PictureSpec]) -> Estimate:
    """What it will cost to draw pictures.

    Args:
        session: The transaction.
        pictures: Those that are not there yet.
    """
    rate = _rate(session, bases_in(pictures))
    work = sum(work_of(picture) for picture in pictures)
    pixels = sum(width * height for width, height in (p.final_size for p in pictures))
    return Estimate(
        seconds=None if rate is None else rate * work,
        size_bytes=round(pixels * _bytes_a_pixel(session)),
    )


def _rate(session: Session, bases: Sequence[str]) -> float | None:
    """Seconds a megapixel step took lately, on the same base."""
    nodes = [find_version(session, ref).node_id for ref in bases[:1]]
    values = session.scalars(
        select(RunMetric.value)
        .join(Run, Run.id == RunMetric.run_id)
        .join(LineageEvent, LineageEvent.run_id == Run.id)
        .where(
            RunMetric.name == RATE,
            Run.kind.in_([RunKind.GRID, RunKind.GENERATE]),
            LineageEvent.node_id.in_(nodes),
            LineageEvent.direction == Direction.INPUT,
        )
        .order_by(RunMetric.id.desc())
        .limit(_RECENT)
    ).all()
    return median(values) if values else None


def _bytes_a_pixel(session: Session) -> float:
    rows = session.execute(
        select(Blob.size_bytes, GridCell.picture)
        .join(GridCell, GridCell.blob_id == Blob.id)
        .order_by(GridCell.id.desc())
        .limit(_RECENT)
    ).all()
    known = [
        size / (picture["width"] * picture["height"])
        for size, picture in rows
        if picture.get("hires_scale", 1) == 1
    ]
    return median(known) if known else _BYTES_A_PIXEL
