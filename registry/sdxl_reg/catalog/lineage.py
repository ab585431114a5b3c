"""Lineage: recording what runs take and give."""

from collections.abc import Iterable
from typing import Literal, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.tables import LineageDep, LineageEvent, Node
from sdxl_reg.vocabulary import Direction, NodeKind

Way = Literal["up", "down"]
SYNTHETIC = "synthetic"
"""The slot of what drew pictures of a dataset."""


class Origin(Protocol):
    """What a synthetic picture was drawn by."""

    @property
    def node_id(self) -> int:
        """Its node."""

    @property
    def run_id(self) -> int:
        """The run that drew the picture."""


def new_node(session: Session, kind: NodeKind, project: str) -> Node:
    """A fresh node, newer than every other one.

    Args:
        session: The transaction.
        kind: What will stand there.
        project: That of the image set, artifact or run it belongs to.
    """
    node = Node(kind=kind, project=project)
    session.add(node)
    session.flush()
    return node


def record_input(session: Session, run_id: int, node_id: int, slot: str) -> None:
    """Record that a run takes a node; inputs come before outputs."""
    _record(session, run_id, node_id, Direction.INPUT, slot)


def record_output(session: Session, run_id: int, node_id: int, slot: str) -> None:
    """Record that a run gave a node: the event, and an edge from each of the run's inputs."""
    _record(session, run_id, node_id, Direction.OUTPUT, slot)
    inputs = session.execute(
        select(LineageEvent.node_id, LineageEvent.slot).where(
            LineageEvent.run_id == run_id, LineageEvent.direction == Direction.INPUT
        )
    )
    for parent_id, parent_slot in inputs:
        edge = LineageDep(child_id=node_id, parent_id=parent_id, run_id=run_id, slot=parent_slot)
        session.merge(edge)
    session.flush()


def record_origins(session: Session, node_id: int, origins: Iterable[Origin]) -> None:
    """Record that pictures of a node were drawn by others: an edge from each of these.

    Args:
        session: The transaction.
        node_id: Of a dataset version, newer than all of them.
        origins: What its synthetic pictures were drawn by.
    """
    for node, run in sorted({(origin.node_id, origin.run_id) for origin in origins}):
        edge = LineageDep(child_id=node_id, parent_id=node, run_id=run, slot=SYNTHETIC)
        session.merge(edge)
    session.flush()


def _record(session: Session, run_id: int, node_id: int, direction: Direction, slot: str) -> None:
    known = session.scalar(
        select(LineageEvent.id).where(
            LineageEvent.run_id == run_id,
            LineageEvent.node_id == node_id,
            LineageEvent.direction == direction,
            LineageEvent.slot == slot,
        )
    )
    if known is None:
        session.add(LineageEvent(run_id=run_id, node_id=node_id, direction=direction, slot=slot))
        session.flush()
