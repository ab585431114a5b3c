"""How many members, images and tags a set has: counted once after a change, then read.

Counting a million members takes seconds, and every page of a set shows these numbers. So whoever
changes the members of a set or their tags drops its totals (or counts them anew), and a reader who
finds none counts for itself.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from sdxl_reg.tables import Image, ImageSet, Member, MemberTag, TagClosure
from sdxl_reg.vocabulary import MemberState

_BY_TAG = ("explicit", "below", "missing_below")


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The counts of an image set.

    Attributes:
        members: Present members; the same picture under two paths counts twice.
        missing: Members whose file was not there at the last ingest.
        images: Different pictures among its present members.
        explicit: Tag → how many present members have exactly this tag.
        below: Tag, ancestors included → how many have it or one below it.
        missing_below: The same of missing members.
    """

    members: int
    missing: int
    images: int
    explicit: Mapping[int, int]
    below: Mapping[int, int]
    missing_below: Mapping[int, int]


def totals_of(session: Session, image_set: ImageSet) -> Totals:
    """The counts of a set: as they were kept, else counted now."""
    kept = image_set.totals
    return counted(session, image_set) if kept is None else _restored(kept)


def count_below(session: Session, image_set: ImageSet, tag_id: int) -> int:
    """How many members of a set, missing ones too, have a tag or one below it.

    Args:
        session: The transaction.
        image_set: The set.
        tag_id: Row of the tag.
    """
    kept = image_set.totals
    if kept is None:
        totals = counted(session, image_set)
        return totals.below.get(tag_id, 0) + totals.missing_below.get(tag_id, 0)
    key = str(tag_id)  # every page asks for one count of thousands: they stay as they were kept
    return int(kept["below"].get(key, 0) + kept["missing_below"].get(key, 0))


def refresh_totals(session: Session, image_set: ImageSet) -> Totals:
    """Count a set and keep the counts with it, in the transaction that changed it."""
    session.flush()
    totals = counted(session, image_set)
    image_set.totals = {
        "members": totals.members,
        "missing": totals.missing,
        "images": totals.images,
        **{
            name: {str(tag): count for tag, count in getattr(totals, name).items()}
            for name in _BY_TAG
        },
    }
    return totals


def _restored(kept: Mapping[str, Any]) -> Totals:
    return Totals(
        members=kept["members"],
        missing=kept["missing"],
        images=kept["images"],
        **{name: {int(tag): count for tag, count in kept[name].items()} for name in _BY_TAG},
    )


def counted(session: Session, image_set: ImageSet) -> Totals:
    """The counts of a set, counted now: seconds for a million members."""
    states = dict(
        session.execute(
            select(Member.state, func.count())
            .where(Member.image_set_id == image_set.id)
            .group_by(Member.state)
        ).all()
    )
    missing = _explicit(session, image_set, MemberState.MISSING)
    explicit = _explicit(session, image_set, None)
    explicit.subtract(missing)
    return Totals(
        members=states.get(MemberState.PRESENT, 0),
        missing=states.get(MemberState.MISSING, 0),
        images=_images(session, image_set),
        explicit=+explicit,
        below=_below(session, image_set, explicit, MemberState.PRESENT),
        missing_below=_below(session, image_set, missing, MemberState.MISSING),
    )


def _images(session: Session, image_set: ImageSet) -> int:
    """Different pictures: different bytes, less those with the pixels of others."""
    present = (Member.image_set_id == image_set.id) & (Member.state == MemberState.PRESENT)
    by_bytes = session.scalar(select(func.count(distinct(Member.image_id))).where(present)) or 0
    twins = (
        select(func.count(distinct(Image.id)).label("copies"))
        .join(Member, Member.image_id == Image.id)
        .where(present, Image.pixel_sha256.is_not(None))
        .group_by(Image.pixel_sha256)
        .subquery()
    )
    again = session.scalar(select(func.sum(twins.c.copies - 1)))
    return by_bytes - int(again or 0)


def _explicit(session: Session, image_set: ImageSet, state: MemberState | None) -> Counter[int]:
    """Tag → members that have it; of all states without a look at the members."""
    query = select(MemberTag.tag_id, func.count()).where(MemberTag.image_set_id == image_set.id)
    if state is not None:
        query = query.join(Member, Member.id == MemberTag.member_id).where(
            Member.image_set_id == image_set.id, Member.state == state
        )
    return Counter(dict(session.execute(query.group_by(MemberTag.tag_id)).all()))


def _below(
    session: Session, image_set: ImageSet, explicit: Mapping[int, int], state: MemberState
) -> Counter[int]:
    """Sums over the tree; a member with several tags below one is counted there once."""
    ancestors: dict[int, list[int]] = defaultdict(list)
    closure = select(TagClosure.descendant_id, TagClosure.ancestor_id).where(
        TagClosure.descendant_id.in_(
            select(MemberTag.tag_id).where(MemberTag.image_set_id == image_set.id).distinct()
        )
    )
    for tag, ancestor in session.execute(closure):
        ancestors[tag].append(ancestor)
    counts: Counter[int] = Counter()
    for tag, count in explicit.items():
        counts.update(dict.fromkeys(ancestors[tag], count))
    counts.subtract(_repeated(session, image_set, state))
    return +counts


def _repeated(session: Session, image_set: ImageSet, state: MemberState) -> dict[int, int]:
    """Tag → how often it was counted too much: members that have several tags below it."""
    several = (
        select(MemberTag.member_id)
        .where(MemberTag.image_set_id == image_set.id)
        .group_by(MemberTag.member_id)
        .having(func.count() > 1)
    )
    times = (
        select(TagClosure.ancestor_id, (func.count() - 1).label("again"))
        .join(MemberTag, MemberTag.tag_id == TagClosure.descendant_id)
        .join(Member, Member.id == MemberTag.member_id)
        .where(MemberTag.member_id.in_(several), Member.state == state)
        .group_by(TagClosure.ancestor_id, MemberTag.member_id)
        .having(func.count() > 1)
        .subquery()
    )
    query = select(times.c.ancestor_id, func.sum(times.c.again)).group_by(times.c.ancestor_id)
    return {tag: int(again) for tag, again in session.execute(query)}
