"""Hierarchical tags: the adjacency list is the truth, the closure is derived from it."""

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sdxl_reg.tables.base import Base, Key, Name
from sdxl_reg.tables.images import Member


class Tag(Base):
    """A word at a place of the tree, such as `spot` at `qzy/flawed/spot`."""

    __tablename__ = "tag"
    __table_args__ = (
        Index("uq_tag_sibling", text("COALESCE(parent_id, 0)"), "name_key", unique=True),
    )

    id: Mapped[Key]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("tag.id"), index=True)
    name: Mapped[Name]  # as the user wrote it
    name_key: Mapped[Name]  # NFC, casefolded
    path: Mapped[str] = mapped_column(Text, index=True)  # names from the root, joined by /
    depth: Mapped[int]  # 0 at the root
    level: Mapped[str] = mapped_column(String(64))  # what the layout calls this depth: brand


class TagClosure(Base):
    """Every ancestor of every tag, itself at depth 0 included."""

    __tablename__ = "tag_closure"

    ancestor_id: Mapped[int] = mapped_column(ForeignKey("tag.id"), primary_key=True)
    descendant_id: Mapped[int] = mapped_column(ForeignKey("tag.id"), primary_key=True, index=True)
    depth: Mapped[int]


class TagAlias(Base):
    """Another name of a tag among its siblings: of one that was merged into it or renamed."""

    __tablename__ = "tag_alias"
    __table_args__ = (
        Index("uq_tag_alias_sibling", text("COALESCE(parent_id, 0)"), "name_key", unique=True),
    )

    id: Mapped[Key]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("tag.id"))
    name_key: Mapped[Name]
    tag_id: Mapped[int] = mapped_column(ForeignKey("tag.id"), index=True)


class MemberTag(Base):
    """A tag explicitly on a member; its ancestors follow from the closure."""

    __tablename__ = "member_tag"
    __table_args__ = (
        Index("ix_member_tag_in_set", "image_set_id", "tag_id", "member_id"),  # a page of a tag
    )

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tag.id"), primary_key=True, index=True)
    image_set_id: Mapped[int] = mapped_column(ForeignKey("image_set.id"))  # the member's
    by_folder: Mapped[bool] = mapped_column(default=True)  # else a person attached it

    member: Mapped[Member] = relationship()
    tag: Mapped[Tag] = relationship()
