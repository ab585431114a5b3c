"""Editing tags: add, rename, move, merge, remove, attach, detach, and undo.

There is one tree of tags for all image sets, while a tag is on the members of a set. An edit of
the tree therefore concerns every set that uses the tag, and says so. Every edit is one transaction
of a few statements, and is written in the journal with what takes it back.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.journal import take_last
from sdxl_reg.catalog.member_runs import as_runs, count_of, in_runs
from sdxl_reg.catalog.selection import selects
from sdxl_reg.catalog.tag_moves import merge_into, put
from sdxl_reg.catalog.tag_reports import (
    EditReport,
    image_count,
    nothing_to_do,
    report_on_set,
    report_on_tree,
    uses_of,
)
from sdxl_reg.catalog.tag_writer import TagWriter
from sdxl_reg.catalog.tags import child_named, child_of, find_tag, level_at, own_tree
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import Change, ImageSet, Member, Tag, TagClosure

_LONGEST_NAME = 255


def add(
    session: Session, image_set: ImageSet, tag_path: str, *, author: str | None = None
) -> EditReport:
    """Make a tag, and the tags above it where they are missing.

    Args:
        session: The transaction.
        image_set: Whose levels it is called by.
        tag_path: Names from the root, joined by /.
        author: Who does it, if known.

    Returns:
        A report without a change where there is such a tag.

    Raises:
        InvalidValue: A name of the path is empty or unfit.
    """
    own_tree(session)
    writer = TagWriter(session)
    path = made_path(session, writer, image_set, tag_path).path
    if not writer.undo:
        return nothing_to_do(f"There is a tag {path!r} already")
    what = "tags.added", f"Added {path}"
    return report_on_tree(session, writer, what, image_set=image_set, uses={}, author=author)


def rename(
    session: Session, image_set: ImageSet, tag_path: str, name: str, *, author: str | None = None
) -> EditReport:
    """Give a tag another name; the old one leads to it from now on.

    Args:
        session: The transaction.
        image_set: The set that is looked at.
        tag_path: The tag.
        name: Its name from now on, without what is above it.
        author: Who does it, if known.

    Returns:
        A report without a change where it has that name.

    Raises:
        InvalidValue: The name is empty or unfit.
        NotFound: No such tag.
        Conflict: A tag beside it has that name.
    """
    own_tree(session)
    tag, name = find_tag(session, tag_path), _checked(name)
    if tag.name == name:
        return nothing_to_do(f"It is called {name!r} already")
    parent = session.get(Tag, tag.parent_id) if tag.parent_id else None
    summary = f"Renamed {tag.path} to {name}"
    uses = uses_of(session, tag)
    writer = TagWriter(session)
    put(writer, session, tag, parent, name=name, levels=_levels(image_set))
    what = "tags.renamed", summary
    return report_on_tree(session, writer, what, image_set=image_set, uses=uses, author=author)


def move(
    session: Session, image_set: ImageSet, tag_path: str, below: str, *, author: str | None = None
) -> EditReport:
    """Move a tag, with everything below it, under another one; its old place leads to it.

    Args:
        session: The transaction.
        image_set: Whose levels its new depth is called by.
        tag_path: The tag.
        below: The tag above it from now on; empty for the root.
        author: Who does it, if known.

    Returns:
        A report without a change where it is there.

    Raises:
        NotFound: One of the two does not exist.
        Conflict: It would lie below itself, or a tag there has its name.
    """
    own_tree(session)
    tag = find_tag(session, tag_path)
    parent = find_tag(session, below) if below.strip("/") else None
    if tag.parent_id == (parent.id if parent else None):
        return nothing_to_do(f"It is there already: {tag.path}")
    if parent is not None and _lies_below(session, parent, tag):
        raise Conflict(
            f"{tag.path!r} cannot lie below itself, at {parent.path!r}",
            remedy="Move it under a tag outside of it",
        )
    summary = f"Moved {tag.path} " + (f"under {parent.path}" if parent else "to the root")
    uses = uses_of(session, tag)
    writer = TagWriter(session)
    put(writer, session, tag, parent, name=tag.name, levels=_levels(image_set))
    what = "tags.moved", summary
    return report_on_tree(session, writer, what, image_set=image_set, uses=uses, author=author)


def merge(
    session: Session, image_set: ImageSet, tag_path: str, into: str, *, author: str | None = None
) -> EditReport:
    """Merge a tag into another one; its name leads there from now on.

    What has the tag has the other one afterwards. Tags below it go below the other one; where
    there is one of the same name, they are merged in turn.

    Args:
        session: The transaction.
        image_set: Whose levels are used for what gets another depth.
        tag_path: The tag that goes.
        into: The tag that stays.
        author: Who does it, if known.

    Raises:
        NotFound: One of the two does not exist.
        Conflict: They are one tag, or the one that stays lies below the other.
    """
    own_tree(session)
    tag, target = find_tag(session, tag_path), find_tag(session, into)
    if _lies_below(session, target, tag):
        raise Conflict(
            f"{tag.path!r} cannot be merged into {target.path!r}, which is "
            + ("itself" if tag.id == target.id else "below it"),
            remedy=f"Merge the other way round: sdxl-reg tags merge SET {into!r} {tag_path!r}"
            if tag.id != target.id
            else "Name two tags",
        )
    summary, uses = f"Merged {tag.path} into {target.path}", uses_of(session, tag)
    writer = TagWriter(session)
    merge_into(writer, session, tag, target, levels=_levels(image_set))
    what = "tags.merged", summary
    return report_on_tree(session, writer, what, image_set=image_set, uses=uses, author=author)


def remove(
    session: Session, image_set: ImageSet, tag_path: str, *, author: str | None = None
) -> EditReport:
    """Delete a tag that nothing has and that has nothing below it.

    Args:
        session: The transaction.
        image_set: The set that is looked at.
        tag_path: The tag.
        author: Who does it, if known.

    Raises:
        NotFound: No such tag.
        Conflict: It has tags below it, or images of some set have it.
    """
    own_tree(session)
    tag = find_tag(session, tag_path)
    summary = f"Removed {tag.path}"
    writer = TagWriter(session)
    writer.drop(tag)
    what = "tags.removed", summary
    return report_on_tree(session, writer, what, image_set=image_set, uses={}, author=author)


def attach(
    session: Session,
    image_set: ImageSet,
    selector_or_member_ids: str | Sequence[int],
    tag_path: str,
    *,
    author: str | None = None,
) -> EditReport:
    """Give a tag to many members of a set.

    Args:
        session: The transaction.
        image_set: The set.
        selector_or_member_ids: Which members: a selector (empty for all), or their rows.
        tag_path: The tag; it must exist.
        author: Who does it, if known.

    Returns:
        How many did not have it before; without a change where all had.

    Raises:
        NotFound: No such tag, or the set has no such member.
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a field that does not exist.
    """
    own_tree(session)
    tag = find_tag(session, tag_path)
    writer = TagWriter(session)
    members = _chosen(session, image_set, selector_or_member_ids)
    count = writer.attach(tag, members, by_folder=False)
    if not count:
        return nothing_to_do(f"No image there is without {tag.path} to attach it to")
    summary = f"Attached {tag.path} to {image_count(count)} of {image_set.name}"
    what = "tags.attached", summary
    return report_on_set(session, writer, what, image_set=image_set, members=count, author=author)


def detach(
    session: Session,
    image_set: ImageSet,
    selector_or_member_ids: str | Sequence[int],
    tag_path: str,
    *,
    author: str | None = None,
) -> EditReport:
    """Take a tag from many members of a set, whether a person or their folder gave it.

    Args:
        session: The transaction.
        image_set: The set.
        selector_or_member_ids: Which members: a selector (empty for all), or their rows.
        tag_path: The tag itself; those below it stay.
        author: Who does it, if known.

    Returns:
        How many had it; without a change where none had.

    Raises:
        NotFound: No such tag, or the set has no such member.
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a field that does not exist.
    """
    own_tree(session)
    tag = find_tag(session, tag_path)
    writer = TagWriter(session)
    count = writer.detach(tag, _chosen(session, image_set, selector_or_member_ids))
    if not count:
        return nothing_to_do(f"No image there has {tag.path} itself to take away")
    summary = f"Detached {tag.path} from {image_count(count)} of {image_set.name}"
    what = "tags.detached", summary
    return report_on_set(session, writer, what, image_set=image_set, members=count, author=author)


def undo_tags(session: Session, image_set: ImageSet) -> Change:
    """Take back the newest edit of the tags of a set, or of the tree, that is not taken back yet.

    Args:
        session: The transaction.
        image_set: The set.

    Returns:
        The entry of the journal, now marked as undone.

    Raises:
        NotFound: There is nothing to take back, or a tag is not there any more.
        Conflict: What was changed since stands in the way.
    """
    own_tree(session)
    change = take_last(session, "tags.", image_set=image_set)
    writer = TagWriter(session)
    writer.run(change.undo["steps"])
    writer.count_anew()
    return change


def made_path(session: Session, writer: TagWriter, image_set: ImageSet, tag_path: str) -> Tag:
    """The tag at a path, made with those above it where they are missing.

    Args:
        session: The transaction.
        writer: Writes it, and down what takes it back.
        image_set: Whose levels it is called by.
        tag_path: Names from the root, joined by /.

    Raises:
        InvalidValue: A name of the path is empty or unfit.
    """
    first, *names = [_checked(name) for name in tag_path.strip("/").split("/")]
    is_last = not names
    tag = _child(session, None, first, is_last=is_last) or _made(
        writer, image_set, None, name=first
    )
    for position, name in enumerate(names, 1):
        is_last = position == len(names)
        tag = _child(session, tag, name, is_last=is_last) or _made(
            writer, image_set, tag, name=name
        )
    return tag


def _child(session: Session, parent: Tag | None, name: str, *, is_last: bool) -> Tag | None:
    """A name that is asked for outright becomes a tag, also where it led to another one."""
    return (child_of if is_last else child_named)(session, parent, name)


def _made(writer: TagWriter, image_set: ImageSet, parent: Tag | None, *, name: str) -> Tag:
    writer.free(parent, name_key(name))
    depth = parent.depth + 1 if parent else 0
    return writer.make(parent, name, level_at(_levels(image_set), depth))


def _chosen(
    session: Session, image_set: ImageSet, chosen: str | Sequence[int]
) -> ColumnElement[bool]:
    """The condition on `Member` that a selector or a list of rows means."""
    own = Member.image_set_id == image_set.id
    if isinstance(chosen, str):
        return own & selects(session, image_set, chosen)
    runs = as_runs(chosen)
    condition = own & in_runs(session, runs)
    if session.scalar(select(func.count(Member.id)).where(condition)) != count_of(runs):
        raise NotFound(
            "member", f"one of {image_count(count_of(runs))}", remedy=f"Of {image_set.name} only"
        )
    return condition


def _lies_below(session: Session, tag: Tag, ancestor: Tag) -> bool:
    return bool(
        session.scalar(
            select(func.count()).where(
                TagClosure.ancestor_id == ancestor.id, TagClosure.descendant_id == tag.id
            )
        )
    )


def _levels(image_set: ImageSet) -> Sequence[str]:
    return image_set.layout.split("/")


def _checked(name: str) -> str:
    name = name.strip()
    if not name or "/" in name or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise InvalidValue(
            "not a name of a tag",
            repr(name),
            remedy=f"Give 1 to {_LONGEST_NAME} signs without /; to move a tag, use move",
        )
    return name
