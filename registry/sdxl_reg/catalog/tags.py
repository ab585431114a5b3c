"""Hierarchical tags: made from folder names, with their closure; finding them; their tree."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, insert, literal, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.totals import Totals, totals_of
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging.names import name_key, near_names
from sdxl_reg.tables import ImageSet, MemberTag, Tag, TagAlias, TagClosure


@dataclass(frozen=True, kw_only=True)
class TagNode:
    """A tag of an image set with what lies below it.

    Attributes:
        tag_id: Its row.
        name: As first written.
        path: Names from the root, joined by /.
        level: What the set's layout calls its depth: brand, state, defect.
        members: How many present members have it explicitly.
        members_below: How many have it or any tag below it.
        children: The tags right below it, by name.
    """

    tag_id: int
    name: str
    path: str
    level: str
    members: int
    members_below: int
    children: "tuple[TagNode, ...]"


def ensure_tag(session: Session, names: Sequence[str], levels: Sequence[str]) -> Tag | None:
    """The tag at a path of names; it, its ancestors and their closure are made where missing.

    A name that a tag had before it was renamed, moved or merged leads to that tag.

    Args:
        session: The transaction.
        names: Folder names from the root of the tag tree.
        levels: What the depths of the tree are called; at least as many as `names`.

    Returns:
        The last tag of the path; None for an empty path.
    """
    share_tree(session)
    tag: Tag | None = None
    for name in names:
        tag = child_named(session, tag, name) or new_tag(
            session, tag, name, level=level_at(levels, tag.depth + 1 if tag else 0)
        )
    return tag


def find_tag(session: Session, path: str) -> Tag:
    """The tag at a path, however its case is written; names it had before lead to it too.

    Raises:
        NotFound: There is none.
    """
    tag = tag_at(session, path)
    if tag is None:
        raise NotFound("tag", path, session.scalars(select(Tag.path)))
    return tag


def tag_at(session: Session, path: str) -> Tag | None:
    """As `find_tag`; None where there is none."""
    root, *names = path.strip("/").split("/")
    tag = child_named(session, None, root)
    for name in names:
        tag = child_named(session, tag, name) if tag else None
    return tag


def child_named(session: Session, parent: Tag | None, name: str) -> Tag | None:
    """The tag that a name means right below another (below none: at the root).

    Args:
        session: The transaction.
        parent: The tag above, if any.
        name: Its present name, else one it had before.
    """
    return child_of(session, parent, name) or session.scalar(
        select(Tag)
        .join(TagAlias, TagAlias.tag_id == Tag.id)
        .where(_same(TagAlias.parent_id, parent), TagAlias.name_key == name_key(name))
    )


def child_of(session: Session, parent: Tag | None, name: str) -> Tag | None:
    """The tag that has a name right below another, by its present name only.

    Args:
        session: The transaction.
        parent: The tag above, if any.
        name: However its case is written.
    """
    return session.scalar(
        select(Tag).where(_same(Tag.parent_id, parent), Tag.name_key == name_key(name))
    )


def new_tag(
    session: Session, parent: Tag | None, name: str, *, level: str, tag_id: int | None = None
) -> Tag:
    """A tag that is not there yet, with its closure.

    Args:
        session: The transaction.
        parent: The tag above, if any.
        name: As written.
        level: What its depth is called.
        tag_id: The row it had before; none for a new one.
    """
    tag = Tag(
        id=tag_id,
        parent_id=parent.id if parent else None,
        name=name,
        name_key=name_key(name),
        path=f"{parent.path}/{name}" if parent else name,
        depth=parent.depth + 1 if parent else 0,
        level=level[:64],
    )
    session.add(tag)
    session.flush()
    above = select(TagClosure.ancestor_id, literal(tag.id), TagClosure.depth + 1).where(
        TagClosure.descendant_id == tag.parent_id
    )
    columns = ["ancestor_id", "descendant_id", "depth"]
    session.execute(
        insert(TagClosure), {"ancestor_id": tag.id, "descendant_id": tag.id, "depth": 0}
    )
    session.execute(insert(TagClosure).from_select(columns, above))
    return tag


def share_tree(session: Session) -> None:
    """Keep the tree of tags as it is until the transaction ends; others may still add to it."""
    _lock_tree(session, "ROW SHARE")


def own_tree(session: Session) -> None:
    """Wait until nobody else uses the tree of tags in a transaction, then keep them waiting."""
    # Image sets first, as an ingest does: two that lock in one order never wait for each other.
    session.execute(select(ImageSet.id).order_by(ImageSet.id).with_for_update())
    _lock_tree(session, "EXCLUSIVE")


def tag_tree(session: Session, image_set: ImageSet) -> tuple[TagNode, ...]:
    """The tags of a set's present members as a tree, each with how many members it has."""
    totals = totals_of(session, image_set)
    below: dict[int | None, list[Tag]] = defaultdict(list)
    for tag in _at(session, totals.below):
        below[tag.parent_id].append(tag)
    return tag_nodes(below, totals, image_set.layout.split("/"))


def tags_of(session: Session, image_set: ImageSet) -> Sequence[Tag]:
    """Every tag of a set's members, ancestors of explicit ones included, by path."""
    totals = totals_of(session, image_set)
    return _at(session, totals.below.keys() | totals.missing_below.keys())


def _at(session: Session, tag_ids: Iterable[int]) -> list[Tag]:
    found: list[Tag] = []
    for some in portions(sorted(tag_ids)):
        found += session.scalars(select(Tag).where(Tag.id.in_(some)))
    return sorted(found, key=lambda tag: tag.path)


def level_of(image_set: ImageSet, tag: Tag) -> str:
    """What the layout of a set calls the depth of a tag."""
    return level_at(image_set.layout.split("/"), tag.depth)


def level_at(levels: Sequence[str], depth: int) -> str:
    """What levels call a depth; below the last of them `level4` and so on.

    Args:
        levels: From the root.
        depth: From 0.
    """
    return levels[depth] if depth < len(levels) else f"level{depth + 1}"


def unused_tags(session: Session) -> Sequence[Tag]:
    """Tags that nothing has in any set, neither them nor what lies below, by path."""
    used = select(TagClosure.ancestor_id).where(
        exists().where(MemberTag.tag_id == TagClosure.descendant_id)
    )
    return session.scalars(select(Tag).where(Tag.id.not_in(used)).order_by(Tag.path)).all()


def near_tags(tags: Iterable[TagNode]) -> list[tuple[TagNode, TagNode]]:
    """Pairs of tags at one level whose names may be slips of each other, the rarer one first."""
    by_level: dict[str, list[TagNode]] = defaultdict(list)
    pending = list(tags)
    while pending:
        node = pending.pop()
        by_level[node.level].append(node)
        pending += node.children
    pairs = []
    for nodes in by_level.values():
        totals: Counter[str] = Counter()
        for node in nodes:
            totals[name_key(node.name)] += node.members_below
        example = {name_key(node.name): node for node in sorted(nodes, key=lambda n: n.path)}
        for name in totals:
            pairs += [
                (example[name], example[other])
                for other in near_names(name, list(totals))
                if (totals[name], name) < (totals[other], other)
            ]
    return pairs


def _same(column: InstrumentedAttribute[int | None], parent: Tag | None) -> ColumnElement[bool]:
    return column == parent.id if parent else column.is_(None)


def _lock_tree(session: Session, mode: str) -> None:
    """SQLite has one writer at a time anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"LOCK TABLE tag IN {mode} MODE"))


def tag_nodes(
    below: Mapping[int | None, Sequence[Any]],
    totals: Totals,
    levels: Sequence[str],
    parent: int | None = None,
) -> tuple[TagNode, ...]:
    """Tags as a tree with their counts.

    Args:
        below: Row of a tag, none for the root → the rows of `Tag` right below it, in order.
        totals: The counts of the set.
        levels: What its depths are called.
        parent: Below which tag.
    """
    return tuple(
        TagNode(
            tag_id=tag.id,
            name=tag.name,
            path=tag.path,
            level=level_at(levels, tag.depth),
            members=totals.explicit.get(tag.id, 0),
            members_below=totals.below[tag.id],
            children=tag_nodes(below, totals, levels, tag.id),
        )
        for tag in below.get(parent, ())
    )
