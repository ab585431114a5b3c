"""Image sets and their members: finding, counting, listing, paging."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, distinct, func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.selection import selects
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
    """Some members of a set, and how many there are in all."""

    members: Sequence[SetMember]
    total: int


def image_sets(session: Session) -> list[ImageSetSummary]:
    """Every image set with its counts, by name."""
    rows = session.execute(_summaries().order_by(ImageSet.name_key))
    return [_summary(row) for row in rows]


def summary_of(session: Session, image_set: ImageSet) -> ImageSetSummary:
    """One image set with its counts."""
    row = session.execute(_summaries().where(ImageSet.id == image_set.id)).one()
    return _summary(row)


def find_image_set(session: Session, name: str) -> ImageSet:
    """The image set of a name, however its case is written.

    Raises:
        NotFound: There is none.
    """
    found = session.scalar(select(ImageSet).where(ImageSet.name_key == name_key(name)))
    if found is None:
        raise NotFound("image set", name, session.scalars(select(ImageSet.name)))
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
    members = _members(session, image_set, selects(session, image_set, selector))
    # Databases sort text each in their own way; the manifest must come out the same on all.
    for member in sorted(members, key=lambda member: member.source_path):
        if member.state == MemberState.PRESENT:
            seen.setdefault((member.pixel_sha256, member.tag_path), member)
    return list(seen.values())


def page_of_members(
    session: Session, image_set: ImageSet, *, selector: str = "", offset: int = 0, limit: int = 60
) -> MemberPage:
    """Some members of a set by source path, missing and repeated ones included.

    Args:
        session: The transaction.
        image_set: The set.
        selector: Which of its tags; empty for all.
        offset: How many to pass over, ≥ 0.
        limit: How many to give at most, ≥ 1.

    Raises:
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a level that the set does not have.
    """
    condition = selects(session, image_set, selector)
    total = session.scalar(
        select(func.count(Member.id)).where(Member.image_set_id == image_set.id, condition)
    )
    members = _members(session, image_set, condition, offset=offset, limit=limit)
    return MemberPage(members=members, total=total or 0)


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


def members_of_image(session: Session, image: Image) -> list[SetMember]:
    """Every place where a picture is a member of a set."""
    return _as_members(session, _member_rows().where(Member.image_id == image.id))


def _summary(row: Any) -> ImageSetSummary:
    return ImageSetSummary(
        image_set=row.ImageSet, images=row.images, members=row.members, missing=row.missing
    )


def _summaries() -> Any:
    present = Member.state == MemberState.PRESENT
    return (
        select(
            ImageSet,
            func.count(
                distinct(case((present, func.coalesce(Image.pixel_sha256, Blob.sha256))))
            ).label("images"),
            func.count(case((present, Member.id))).label("members"),
            func.count(case((Member.state == MemberState.MISSING, Member.id))).label("missing"),
        )
        .outerjoin(Member, Member.image_set_id == ImageSet.id)
        .outerjoin(Image, Image.id == Member.image_id)
        .outerjoin(Blob, Blob.id == Image.blob_id)
        .group_by(ImageSet.id)
    )


def _members(
    session: Session,
    image_set: ImageSet,
    condition: ColumnElement[bool],
    *,
    offset: int = 0,
    limit: int | None = None,
) -> list[SetMember]:
    query = _member_rows().where(Member.image_set_id == image_set.id, condition)
    return _as_members(session, query.offset(offset).limit(limit))


def _as_members(session: Session, query: Select[Any]) -> list[SetMember]:
    return [
        SetMember(
            **{name: row._mapping[name] for name in row._mapping if name != "tags"}
            | _tags_in(row.tags or "")
            | {
                "caption": row.caption or "",
                "caption_source": CaptionSource(row.caption_source) if row.caption else None,
                "state": MemberState(row.state),
            }
        )
        for row in session.execute(query)
    ]


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
