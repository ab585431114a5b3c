"""Tags for many members, each its own: one change, some hundreds of rows to a statement."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.items import (
    ItemResult,
    ItemsReport,
    MemberName,
    found_members,
    require_all,
)
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.tag_edits import made_path
from sdxl_reg.catalog.tag_exchange import Held, held_tags
from sdxl_reg.catalog.tag_reports import image_count, report_on_set
from sdxl_reg.catalog.tag_writer import TagWriter
from sdxl_reg.catalog.tags import own_tree, tag_at
from sdxl_reg.errors import InvalidValue, NotFound, RegistryError
from sdxl_reg.tables import ImageSet, Tag
from sdxl_reg.vocabulary import ItemStatus

MOST_TAGS = 1000
"""Different tags in one change."""


@dataclass(frozen=True, kw_only=True)
class TagItem:
    """Tags for one member.

    Attributes:
        which: The member.
        attach: Paths of tags that it shall have.
        detach: Paths of tags that it shall not have.
    """

    which: MemberName
    attach: Sequence[str] = ()
    detach: Sequence[str] = ()


def write_tags(
    session: Session,
    image_set: ImageSet,
    items: Sequence[TagItem],
    *,
    make: bool = False,
    author: str | None = None,
    atomic: bool = False,
) -> ItemsReport:
    """Give members tags and take others from them, as one change that is undone as a whole.

    Args:
        session: The transaction.
        image_set: The set of all of them.
        items: Each about another member.
        make: Whether tags to attach are made where there are none.
        author: Who does it, if known.
        atomic: Whether nothing is done where one is refused.

    Raises:
        InvalidValue: They name more than `MOST_TAGS` tags.
        ItemsRefused: One is refused, and nothing is done.
    """
    own_tree(session)
    writer = TagWriter(session)
    tags = _tags(session, items)
    members = found_members(session, image_set, [item.which for item in items])
    if make:
        _make(session, writer, image_set, tags, items=items, members=members)
    asked = [
        member if isinstance(member, RegistryError) else _asked(member, item, tags)
        for member, item in zip(members, items, strict=True)
    ]
    by_id = {tag.id: tag for tag in tags.values() if isinstance(tag, Tag)}
    good = [one for one in asked if isinstance(one, _Asked)]
    has = held_tags(session, [one.member for one in good], by_id)
    results = [_result(one, has) for one in asked]
    if atomic:
        require_all(results)
    gain: dict[tuple[Tag, bool], list[int]] = defaultdict(list)
    lose: dict[Tag, list[int]] = defaultdict(list)
    for one in good:
        for tag_id in one.attach:
            gain[by_id[tag_id], False].append(one.member)
        for tag_id in one.detach:
            lose[by_id[tag_id]].append(one.member)
    writer.exchange(image_set.id, gain=gain, lose=lose)
    count = sum(result.status == ItemStatus.WRITTEN for result in results)
    if not writer.undo:
        return ItemsReport(results=results)
    what = "tags.set", f"Attached and detached tags of {image_count(count)} of {image_set.name}"
    report = report_on_set(session, writer, what, image_set=image_set, members=count, author=author)
    return ItemsReport(results=results, change=report.change)


@dataclass(frozen=True)
class _Asked:
    """A member with the rows of the tags that it shall have and shall not have."""

    member: int
    attach: frozenset[int]
    detach: frozenset[int]


def _tags(session: Session, items: Sequence[TagItem]) -> dict[str, Tag | RegistryError]:
    """Path as it was said → its tag, or why there is none."""
    paths = list(dict.fromkeys(path for item in items for path in (*item.attach, *item.detach)))
    if len(paths) > MOST_TAGS:
        raise InvalidValue(
            "different tags in one change", len(paths), remedy=f"Give {MOST_TAGS} at most"
        )
    found: dict[str, Tag | RegistryError] = {
        tag.path: tag
        for some in portions(paths)
        for tag in session.scalars(select(Tag).where(Tag.path.in_(some)))
    }
    known: Sequence[str] | None = None
    for path in paths:
        if path not in found and (tag := tag_at(session, path)) is not None:
            found[path] = tag
        elif path not in found:
            known = known or session.scalars(select(Tag.path)).all()
            found[path] = NotFound("tag", path, known)
    return found


def _make(
    session: Session,
    writer: TagWriter,
    image_set: ImageSet,
    tags: dict[str, Tag | RegistryError],
    *,
    items: Sequence[TagItem],
    members: Sequence[int | RegistryError],
) -> None:
    """Make the tags that items attach which are good but for them."""
    for member, item in zip(members, items, strict=True):
        missing = [path for path in item.attach if not isinstance(tags[path], Tag)]
        others = TagItem(
            which=item.which,
            attach=[path for path in item.attach if path not in missing],
            detach=item.detach,
        )
        if isinstance(member, RegistryError) or not isinstance(
            _asked(member, others, tags), _Asked
        ):
            continue
        for path in missing:
            try:
                tags[path] = made_path(session, writer, image_set, path)
            except InvalidValue as error:
                tags[path] = error


def _asked(
    member: int, item: TagItem, tags: Mapping[str, Tag | RegistryError]
) -> _Asked | RegistryError:
    rows: list[set[int]] = [set(), set()]
    for into, paths in zip(rows, (item.attach, item.detach), strict=True):
        for path in paths:
            tag = tags[path]
            if isinstance(tag, RegistryError):
                return tag
            into.add(tag.id)
    attach, detach = rows
    if attach & detach:
        both = next(path for path in item.attach if _row(tags[path]) in detach)
        return InvalidValue("a tag to attach and to detach", both, remedy="Say one of the two")
    return _Asked(member, frozenset(attach), frozenset(detach))


def _row(tag: Tag | RegistryError) -> int | None:
    return tag.id if isinstance(tag, Tag) else None


def _result(asked: _Asked | RegistryError, has: Held) -> ItemResult:
    if isinstance(asked, RegistryError):
        return ItemResult(status=ItemStatus.REFUSED, row=None, problem=asked)
    there = has.get(asked.member, {}).keys()
    is_new = bool(asked.attach - there or asked.detach & there)
    status = ItemStatus.WRITTEN if is_new else ItemStatus.UNCHANGED
    return ItemResult(status=status, row=asked.member)
