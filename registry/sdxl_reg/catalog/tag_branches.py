"""The tag tree of a set as a page shows it: whole where it is small, else the branch looked at."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.tag_pages import tag_id_at
from sdxl_reg.catalog.tags import TagNode, tag_nodes, tag_tree
from sdxl_reg.catalog.totals import Totals, totals_of
from sdxl_reg.tables import ImageSet, Tag, TagClosure

WHOLE_UP_TO = 300
"""Tags of a tree that is shown whole."""


def tag_branches(session: Session, image_set: ImageSet, path: str) -> tuple[TagNode, ...]:
    """The tags of a set's present members; of a large tree only what lies beside the way to one.

    Args:
        session: The transaction.
        image_set: The set.
        path: The tag that is looked at; empty for none.

    Returns:
        The tags at the root. A tag that is not on the way has no `children` in a large tree, but
        more `members_below` than `members` where there are some.
    """
    totals = totals_of(session, image_set)
    if len(totals.below) <= WHOLE_UP_TO:
        return tag_tree(session, image_set)
    way = _way_to(session, tag_id_at(session, path)) if path else []
    below = _children(session, way, totals)
    return tag_nodes(below, totals, image_set.layout.split("/"))


def _way_to(session: Session, tag_id: int) -> Sequence[int]:
    return session.scalars(
        select(TagClosure.ancestor_id).where(TagClosure.descendant_id == tag_id)
    ).all()


def _children(
    session: Session, opened: Collection[int], totals: Totals
) -> Mapping[int | None, list[Any]]:
    """The tags at the root and right below some, by what is above them."""
    rows = session.execute(
        select(Tag.id, Tag.parent_id, Tag.name, Tag.path, Tag.depth)
        .where(Tag.parent_id.is_(None) | Tag.parent_id.in_(opened))
        .order_by(Tag.path)
    )
    below: dict[int | None, list[Any]] = defaultdict(list)
    for row in rows:
        if row.id in totals.below:
            below[row.parent_id].append(row)
    return below
