"""Hierarchical tags: made from folder names, with their closure; their tree; selecting by them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, insert, not_, or_, select, true
from sqlalchemy.orm import Session

from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.selectors import And, Not, Or, Selector, Term, parse_selector
from sdxl_reg.catalog.totals import Totals, totals_of
from sdxl_reg.imaging.names import name_key, near_names
from sdxl_reg.tables import ImageSet, Member, MemberTag, Tag, TagClosure


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

    Args:
        session: The transaction.
        names: Folder names from the root of the tag tree.
        levels: What each of these depths is called; as long as `names`.

    Returns:
        The last tag of the path; None for an empty path.
    """
    tag: Tag | None = None
    for name, level in zip(names, levels, strict=True):
        tag = _child(session, tag, name) or _new_child(session, tag, name, level)
    return tag


def tag_tree(session: Session, image_set: ImageSet) -> tuple[TagNode, ...]:
    """The tags of a set's present members as a tree, each with how many members it has."""
    totals = totals_of(session, image_set)
    below: dict[int | None, list[Tag]] = defaultdict(list)
    for tag in _at(session, totals.below):
        below[tag.parent_id].append(tag)
    return _nodes(None, below, totals, image_set.layout.split("/"))


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
    return _level(image_set.layout.split("/"), tag.depth)


def selects(session: Session, image_set: ImageSet, selector: str) -> ColumnElement[bool]:
    """The condition on `Member` that a selector means for a set.

    Args:
        session: The transaction.
        image_set: Whose tags the selector speaks of.
        selector: As `selectors` describes; empty selects every member.

    Raises:
        InvalidValue: It is of the wrong form.
        UnknownName: A field names no level of the set.
    """
    if not selector.strip():
        return true()
    tags = tags_of(session, image_set)
    facts = [(tag.id, tag.path, level_of(image_set, tag)) for tag in tags]
    levels = [*image_set.layout.split("/"), *sorted({level for _, _, level in facts})]
    return _condition(parse_selector(selector, levels=list(dict.fromkeys(levels))), facts)


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


def _child(session: Session, parent: Tag | None, name: str) -> Tag | None:
    where = Tag.parent_id == parent.id if parent else Tag.parent_id.is_(None)
    return session.scalar(select(Tag).where(where, Tag.name_key == name_key(name)))


def _new_child(session: Session, parent: Tag | None, name: str, level: str) -> Tag:
    tag = Tag(
        parent_id=parent.id if parent else None,
        name=name,
        name_key=name_key(name),
        path=f"{parent.path}/{name}" if parent else name,
        depth=parent.depth + 1 if parent else 0,
        level=level[:64],
    )
    session.add(tag)
    session.flush()
    ancestors: list[tuple[int, int]] = [(tag.id, 0)]
    if parent is not None:
        ancestors += [
            (ancestor, depth + 1)
            for ancestor, depth in session.execute(
                select(TagClosure.ancestor_id, TagClosure.depth).where(
                    TagClosure.descendant_id == parent.id
                )
            )
        ]
    session.execute(
        insert(TagClosure),
        [
            {"ancestor_id": ancestor, "descendant_id": tag.id, "depth": depth}
            for ancestor, depth in ancestors
        ],
    )
    return tag


def _nodes(
    parent: int | None,
    below: dict[int | None, list[Tag]],
    totals: Totals,
    levels: Sequence[str],
) -> tuple[TagNode, ...]:
    nodes = []
    for tag in below[parent]:
        children = _nodes(tag.id, below, totals, levels)
        nodes.append(
            TagNode(
                tag_id=tag.id,
                name=tag.name,
                path=tag.path,
                level=_level(levels, tag.depth),
                members=totals.explicit.get(tag.id, 0),
                members_below=totals.below[tag.id],
                children=children,
            )
        )
    return tuple(nodes)


def _level(levels: Sequence[str], depth: int) -> str:
    return levels[depth] if depth < len(levels) else f"level{depth + 1}"


def _condition(selector: Selector, facts: Sequence[tuple[int, str, str]]) -> ColumnElement[bool]:
    match selector:
        case Not(inner):
            return not_(_condition(inner, facts))
        case And(parts):
            return and_(*(_condition(part, facts) for part in parts))
        case Or(parts):
            return or_(*(_condition(part, facts) for part in parts))
        case Term():
            matching = [tag_id for tag_id, path, level in facts if selector.matches(path, level)]
            return Member.id.in_(
                select(MemberTag.member_id)
                .join(TagClosure, TagClosure.descendant_id == MemberTag.tag_id)
                .where(TagClosure.ancestor_id.in_(matching))
            )
