"""Image sets and their members: finding, counting, listing, paging."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.list_filters import IMAGE_SET_FIELDS, filtered
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.selection import selects
from sdxl_reg.catalog.tag_pages import ids_below, members_below, tag_id_at
from sdxl_reg.catalog.totals import count_below, totals_of
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import (
    Blob,
    Caption,
    CaptionHead,
    Image,
    ImageSet,
    Member,
    MemberTag,
    Tag,
)
from sdxl_reg.vocabulary import CaptionSource, MemberState

_BETWEEN_TAGS = "//"  # a path of tags never holds it
_OF_FOLDER, _OF_PERSON = "+", "-"  # before a tag; sorts those of folders to the front


@dataclass(frozen=True, kw_only=True)
class SetMember:
    """A picture under one path of a set, with what a dataset or a page needs of it.

    Attributes:
        member_id: Its row; captions hang on it.
        image_id: The picture's row; two members may share it.
        sha256: Digest of the picture's bytes.
        pixel_sha256: Digest of its pixels, equal for the same picture in other bytes; of its bytes
            where no other picture is likely to have the same pixels.
        width: Pixels, upright.
        height: Pixels, upright.
        format: As found in its bytes.
        source_path: Relative to the set's folder, with /.
        tag_path: The tag of its folder, names joined by /; else the first that it has; empty
            without one.
        more_tags: The other tags it has explicitly, by path.
        caption: Its present caption; empty without one.
        caption_source: Who wrote that; None without one.
        state: Whether its file was there at the last ingest.
    """

    member_id: int
    image_id: int
    sha256: str
    pixel_sha256: str
    width: int
    height: int
    format: str
    source_path: str
    tag_path: str
    caption: str
    caption_source: CaptionSource | None
    state: MemberState
    more_tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ImageSetSummary:
    """An image set with its counts.

    Attributes:
        image_set: Its row.
        images: Different pictures among its present members.
        members: Present members; the same picture under two paths counts twice.
        missing: Members whose file was not there at the last ingest.
    """

    image_set: ImageSet
    images: int
    members: int
    missing: int


@dataclass(frozen=True, kw_only=True)
class MemberPage:
    """Some members of a set.

    Attributes:
        members: In the order in which they came into the set.
        total: How many there are in all.
        next: What to give as `after` for the page that follows; none at the end.
    """

    members: Sequence[SetMember]
    total: int
    next: int | None


def image_sets(session: Session) -> list[ImageSetSummary]:
    """Every image set with its counts, by name."""
    found = session.scalars(select(ImageSet).order_by(ImageSet.name_key))
    return [summary_of(session, image_set) for image_set in found.all()]


def image_sets_page(session: Session, part: Slice) -> Page[ImageSetSummary]:
    """Some of the image sets with their counts, by name.

    Args:
        session: The transaction.
        part: Which of them; its filter knows `IMAGE_SET_FIELDS`.

    Raises:
        InvalidValue: The cursor or the filter is none of ours.
        UnknownName: The filter asks for another field.
    """
    query = select(ImageSet).where(filtered(part.filter, IMAGE_SET_FIELDS, name="name"))
    page = page_of(session, query, ImageSet.name_key, part)
    return Page(items=[summary_of(session, found) for found in page.items], next=page.next)


def summary_of(session: Session, image_set: ImageSet) -> ImageSetSummary:
    """One image set with its counts."""
    totals = totals_of(session, image_set)
    return ImageSetSummary(
        image_set=image_set, images=totals.images, members=totals.members, missing=totals.missing
    )


def find_image_set(session: Session, name: str) -> ImageSet:
    """The image set of a name, however its case is written.

    Raises:
        NotFound: There is none.
    """
    found = session.scalar(select(ImageSet).where(ImageSet.name_key == name_key(name)))
    if found is None:
        raise NotFound("image set", name, session.scalars(select(ImageSet.name)))
    return found


def numbered_member(session: Session, member_id: int) -> Member:
    """The member of a number.

    Raises:
        NotFound: There is none.
    """
    found = session.get(Member, member_id)
    if found is None:
        raise NotFound("member", str(member_id))
    return found


def members_of(session: Session, image_set: ImageSet, selector: str = "") -> list[SetMember]:
    """The pictures of a set that training should see.

    Args:
        session: The transaction.
        image_set: The set.
        selector: Which of its tags (`selectors`); empty takes every present member.

    Returns:
        Present members by source path. Of the same picture several times under one tag only the
        first is given; under two tags it is given under both.

    Raises:
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a level that the set does not have.
    """
    seen: dict[tuple[str, str], SetMember] = {}
    chosen = Member.id.in_(member_ids(session, image_set, selector=selector))
    members = _as_members(session, _member_rows().where(chosen))
    # Databases sort text each in their own way; the manifest must come out the same on all.
    for member in sorted(members, key=lambda member: member.source_path):
        if member.state == MemberState.PRESENT:
            seen.setdefault((member.pixel_sha256, member.tag_path), member)
    return list(seen.values())


def page_of_members(
    session: Session,
    image_set: ImageSet,
    *,
    tag: str = "",
    selector: str = "",
    after: int = 0,
    offset: int = 0,
    limit: int = 60,
) -> MemberPage:
    """Some members of a set in the order in which they came, missing and repeated ones included.

    Args:
        session: The transaction.
        image_set: The set.
        tag: Path of a tag; only members with it or one below it.
        selector: Which of these, as `selectors` describes; empty for all.
        after: Row of the last member of the page before; 0 for the first page.
        offset: How many to pass over besides, ≥ 0.
        limit: How many to give at most, ≥ 1.

    Raises:
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a level that the set does not have.
    """
    if tag and not selector.strip():
        root = tag_id_at(session, tag)
        count = offset + limit + 1
        found = members_below(session, image_set, root, after=after, limit=count)[offset:]
        total = count_below(session, image_set, root)
    else:
        ids = member_ids(session, image_set, tag=tag, selector=selector)
        later = ids.where(Member.id > after).order_by(Member.id)
        found = session.scalars(later.offset(offset).limit(limit + 1)).all()
        total = _total(session, image_set, ids, is_all=not selector.strip())
    return MemberPage(
        members=members_at(session, found[:limit]),
        total=total,
        next=found[limit - 1] if len(found) > limit else None,
    )


def glimpse(session: Session, image_set: ImageSet, count: int) -> list[SetMember]:
    """A few members from all over a set, present ones first of all.

    Args:
        session: The transaction.
        image_set: The set.
        count: How many at most.
    """
    of_set = Member.image_set_id == image_set.id
    first, last = session.execute(
        select(func.min(Member.id), func.max(Member.id)).where(of_set)
    ).one()
    if first is None:
        return []
    starts = [first + (last - first) * number // count for number in range(count)]
    found = [
        session.scalar(
            select(Member.id)
            .where(of_set, Member.state == MemberState.PRESENT, Member.id >= start)
            .order_by(Member.id)
            .limit(1)
        )
        for start in starts
    ]
    return _as_members(session, _member_rows().where(Member.id.in_(found)))


def member_ids(
    session: Session, image_set: ImageSet, *, tag: str = "", selector: str = ""
) -> Select[int]:
    """The rows of the members of a set that a tag and a selector mean, as a query; see above."""
    query = select(Member.id).where(Member.image_set_id == image_set.id)
    if tag:
        tagged = select(MemberTag.member_id).where(
            MemberTag.image_set_id == image_set.id,
            MemberTag.tag_id.in_(ids_below(tag_id_at(session, tag))),
        )
        query = query.where(Member.id.in_(tagged))
    return query.where(selects(session, image_set, selector))


def find_member(session: Session, image_set: ImageSet, source_path: str) -> Member:
    """The member of a set at a path.

    Raises:
        NotFound: The set has none there.
    """
    paths = select(Member.source_path).where(Member.image_set_id == image_set.id)
    found = session.scalar(
        select(Member).where(Member.image_set_id == image_set.id, Member.source_path == source_path)
    )
    if found is None:
        raise NotFound("picture", f"{image_set.name}/{source_path}", session.scalars(paths))
    return found


def find_image(session: Session, sha256: str) -> Image:
    """The picture of a digest, or of the beginning of one.

    Raises:
        NotFound: No recorded picture has it, or several begin so.
    """
    found = session.scalars(
        select(Image)
        .join(Blob)
        .where(Blob.sha256.startswith(sha256.lower(), autoescape=True))
        .limit(2)
    ).all()
    if len(found) != 1 or not sha256:
        raise NotFound("image", sha256, remedy="Give its SHA-256, or enough of it to be unique")
    return found[0]


def members_at(session: Session, member_ids: Sequence[int]) -> list[SetMember]:
    """Some members by their rows, in the order in which these are given.

    Args:
        session: The transaction.
        member_ids: Some hundreds of rows; those that are not there are left out.
    """
    found = _as_members(session, _member_rows().where(Member.id.in_(member_ids)))
    by_row = {member.member_id: member for member in found}
    return [by_row[row] for row in member_ids if row in by_row]


def members_of_image(session: Session, image: Image) -> list[SetMember]:
    """Every place where a picture is a member of a set."""
    return _as_members(session, _member_rows().where(Member.image_id == image.id))


def _total(session: Session, image_set: ImageSet, ids: Select[int], *, is_all: bool) -> int:
    """How many members are meant; from the kept totals where these say it."""
    if is_all:
        totals = totals_of(session, image_set)
        return totals.members + totals.missing
    return session.scalar(select(func.count()).select_from(ids.subquery())) or 0


def _as_members(session: Session, query: Select[Any]) -> list[SetMember]:
    return [_as_member(row._asdict()) for row in session.execute(query)]


def _as_member(facts: dict[str, Any]) -> SetMember:
    facts |= _tags_in(facts.pop("tags") or "")
    facts["caption"] = facts["caption"] or ""
    facts["caption_source"] = CaptionSource(facts["caption_source"]) if facts["caption"] else None
    facts["state"] = MemberState(facts["state"])
    return SetMember(**facts)


def _tags_in(text: str) -> dict[str, Any]:
    """The tags of a member out of the one text that the query gives."""
    tags = sorted(text.split(_BETWEEN_TAGS)) if text else []
    first, *more = [tag[1:] for tag in tags] or [""]
    return {"tag_path": first, "more_tags": tuple(sorted(more))}


def _member_rows() -> Select[Any]:
    giver = case((MemberTag.by_folder, _OF_FOLDER), else_=_OF_PERSON)
    tags = (
        select(func.aggregate_strings(giver + Tag.path, _BETWEEN_TAGS))
        .join(MemberTag, MemberTag.tag_id == Tag.id)
        .where(MemberTag.member_id == Member.id)
        .correlate(Member)
        .scalar_subquery()
    )
    return (
        select(
            Member.id.label("member_id"),
            Member.image_id,
            Blob.sha256,
            func.coalesce(Image.pixel_sha256, Blob.sha256).label("pixel_sha256"),
            Image.width,
            Image.height,
            Image.format,
            Member.source_path,
            tags.label("tags"),
            Caption.text.label("caption"),
            Caption.source.label("caption_source"),
            Member.state,
        )
        .join(Image, Image.id == Member.image_id)
        .join(Blob, Blob.id == Image.blob_id)
        .outerjoin(CaptionHead, CaptionHead.member_id == Member.id)
        .outerjoin(Caption, Caption.id == CaptionHead.caption_id)
        .order_by(Member.source_path, Member.id)
    )
