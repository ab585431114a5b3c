"""Lineage: what every run took and gave, and the edges that queries walk.

A node stands for something a run can take or give: a dataset version, an artifact version, a grid.
Nodes are numbered in the order they came to be, so that an edge from an older to a newer node can
never close a cycle.
"""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sdxl_reg.tables.base import Base, Created, Key
from sdxl_reg.vocabulary import Direction, NodeKind


class Node(Base):
    """A thing with lineage; its own table holds the facts and points here.

    Its project follows from that of the image set, artifact or run it belongs to, and is kept here
    so that a walk over many nodes need not ask their tables who sees them.
    """

    __tablename__ = "node"

    id: Mapped[Key]
    kind: Mapped[NodeKind]
    project: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Created]


class LineageEvent(Base):
    """The truth: a run took or gave a node, in a named slot (`base`, `dataset`, `version`)."""

    __tablename__ = "lineage_event"
    __table_args__ = (UniqueConstraint("run_id", "node_id", "direction", "slot"),)

    id: Mapped[Key]
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    node_id: Mapped[int] = mapped_column(ForeignKey("node.id"), index=True)
    direction: Mapped[Direction]
    slot: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Created]


class LineageDep(Base):
    """A derived edge: the child came from the parent, in that run, through that slot."""

    __tablename__ = "lineage_dep"
    __table_args__ = (
        CheckConstraint("child_id > parent_id", name="older_parent"),
        Index("ix_lineage_dep_parent_child", "parent_id", "child_id"),
    )

    child_id: Mapped[int] = mapped_column(ForeignKey("node.id"), primary_key=True)
    parent_id: Mapped[int] = mapped_column(ForeignKey("node.id"), primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"), primary_key=True)
    slot: Mapped[str] = mapped_column(String(64), primary_key=True)
