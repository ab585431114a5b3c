"""Crops of an image set's pictures: set, cleared, frozen with a dataset, undone as they were set.

A crop belongs to a member: the same picture under two paths may have two. It is a row and no
file; what trains on the picture or exports it cuts it then (`imaging.crops`). Beside it stands the
set's background, the colour that is laid behind transparency at the same moment.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Result, Row, delete, insert, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.images import SetMember, numbered_member
from sdxl_reg.catalog.journal import record_change, take_last
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.selection import selects
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging.backgrounds import WHITE, checked_background
from sdxl_reg.imaging.crops import WHOLE, Box, box_of, checked_box
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Blob, Change, Crop, DatasetVersion, Image, ImageSet, Member, now
from sdxl_reg.vocabulary import MemberState


@dataclass(frozen=True, kw_only=True)
class Croppable:
    """A member as far as a crop needs it.

    Attributes:
        member_id: Its row.
        source_path: Relative to the set's folder.
        sha256: Digest of the picture's bytes.
        size: Width and height of the upright picture in pixels.
        crop: Its present crop; None: the whole picture.
    """

    member_id: int
    source_path: str
    sha256: str
    size: tuple[int, int]
    crop: Box | None


def crops_of(session: Session, member_ids: Collection[int]) -> dict[int, Box]:
    """Row of a member → its crop; members without one are left out.

    Args:
        session: The transaction.
        member_ids: Rows of members.
    """
    return {
        crop.member_id: (crop.left, crop.top, crop.right, crop.bottom)
        for crop in _crops(session, member_ids)
    }


def croppable(
    session: Session, image_set: ImageSet, *, selector: str = "", paths: Collection[str] = ()
) -> list[Croppable]:
    """Present members of a set, by source path; repeated pictures are all there.

    Args:
        session: The transaction.
        image_set: The set.
        selector: Which of them (`selectors`); empty for all.
        paths: Source paths, instead of a selector.

    Raises:
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a level that the set does not have.
        NotFound: The set has no picture at a path.
    """
    query = (
        select(Member.id, Member.source_path, Blob.sha256, Image.width, Image.height)
        .join(Image, Image.id == Member.image_id)
        .join(Blob, Blob.id == Image.blob_id)
        .where(Member.image_set_id == image_set.id, Member.state == MemberState.PRESENT)
    )
    rows = [
        row
        for some in portions(sorted(set(paths)))
        for row in session.execute(query.where(Member.source_path.in_(some)))
    ]
    if not paths:
        rows = list(session.execute(query.where(selects(session, image_set, selector))))
    for path in set(paths) - {row.source_path for row in rows}:
        known = session.scalars(
            select(Member.source_path).where(Member.image_set_id == image_set.id)
        )
        raise NotFound("picture", f"{image_set.name}/{path}", known)
    crops = crops_of(session, [row.id for row in rows])
    return [
        Croppable(
            member_id=row.id,
            source_path=row.source_path,
            sha256=row.sha256,
            size=(row.width, row.height),
            crop=crops.get(row.id),
        )
        for row in sorted(rows, key=lambda row: str(row.source_path))
    ]


def set_crops(
    session: Session,
    image_set: ImageSet,
    boxes: Mapping[int, Sequence[float]],
    *,
    author: str | None = None,
) -> Change | None:
    """Give members their crops, as one change that can be undone.

    Args:
        session: The transaction.
        image_set: The set of all of them.
        boxes: Row of a member → its part of the upright picture, in fractions; the whole picture
            takes its crop away.
        author: Who did it, if known.

    Returns:
        The change; None where every member has its crop already.

    Raises:
        InvalidValue: A box leaves the picture or has nothing in it; nothing is changed.
        NotFound: A row is no member of the set; nothing is changed.
    """
    wanted = {member: checked_box(box) for member, box in boxes.items()}
    _require_members(session, image_set, wanted)
    now_there = crops_of(session, wanted)
    changed = {member: box for member, box in wanted.items() if now_there.get(member, WHOLE) != box}
    return _changed(session, image_set, changed, "crops.set", author)


def set_crop(
    session: Session, member_id: int, box: Sequence[float], author: str | None = None
) -> Change | None:
    """Give one member its crop; as `set_crops`.

    Raises:
        InvalidValue: The box leaves the picture or has nothing in it.
        NotFound: There is no such member.
    """
    image_set = numbered_member(session, member_id).image_set
    return set_crops(session, image_set, {member_id: box}, author=author)


def clear_crops(
    session: Session,
    image_set: ImageSet,
    member_ids: Collection[int],
    *,
    author: str | None = None,
) -> Change | None:
    """Take the crops of members away, as one change.

    Args:
        session: The transaction.
        image_set: The set of all of them.
        member_ids: Rows of members; those without a crop stay as they are.
        author: Who did it, if known.

    Returns:
        The change; None where none of them had a crop.

    Raises:
        NotFound: A row is no member of the set; nothing is changed.
    """
    _require_members(session, image_set, member_ids)
    there = dict.fromkeys(crops_of(session, member_ids), WHOLE)
    return _changed(session, image_set, there, "crops.cleared", author)


def set_background(
    session: Session, image_set: ImageSet, background: str, *, author: str | None = None
) -> Change | None:
    """Choose the colour behind transparent parts of a set's pictures.

    Args:
        session: The transaction.
        image_set: The set.
        background: `#rrggbb`.
        author: Who did it, if known.

    Returns:
        The change, in the journal of the crops; None where it is the colour already.

    Raises:
        InvalidValue: It is no colour.
    """
    colour, before = checked_background(background), image_set.background
    if colour == before:
        return None
    image_set.background = colour
    return record_change(
        session,
        "crops.background-set",
        f"background {colour} in place of {before}",
        image_set=image_set,
        author=author,
        undo={"background": before},
    )


def undo_last(session: Session, image_set: ImageSet) -> Change:
    """Take back the newest change of a set's crops or background that is not undone.

    Args:
        session: The transaction.
        image_set: The set.

    Returns:
        The change that was undone.

    Raises:
        NotFound: There is nothing to undo.
    """
    change = take_last(session, "crops.", image_set=image_set)
    if "background" in change.undo:
        image_set.background = change.undo["background"]
        return change
    before = change.undo["crops"]
    _delete(session, [member for member, *_ in before])
    rows = [
        _row(member, box_of(box), author=author, created_at=datetime.fromisoformat(at))
        for member, box, author, at in before
        if box is not None
    ]
    _insert(session, rows)
    return change


def frozen_facts(
    session: Session, image_set: ImageSet, members: Sequence[SetMember]
) -> dict[int, dict[str, Any]]:
    """What the line of a member in a manifest says beyond what all lines say.

    Args:
        session: The transaction.
        image_set: Where they are members.
        members: Those that are frozen.

    Returns:
        Row of a member → its `crop` where it has one, and the set's `background` where that is
        not white; so that manifests without either stay as they always were.
    """
    crops = crops_of(session, [member.member_id for member in members])
    always = {} if image_set.background == WHITE else {"background": image_set.background}
    return {
        member.member_id: always
        | ({"crop": list(crops[member.member_id])} if member.member_id in crops else {})
        for member in members
    }


def background_of(store: BlobStore, version: DatasetVersion) -> str:
    """The colour behind transparency that a dataset version was frozen with, `#rrggbb`.

    Args:
        store: Holds its manifest.
        version: The version.

    Raises:
        NotFound: Its manifest is not in the store.
    """
    with store.open(version.manifest.sha256) as lines:
        first = lines.readline()
    return str(json.loads(first).get("background", WHITE)) if first else WHITE


def _changed(
    session: Session, image_set: ImageSet, boxes: Mapping[int, Box], verb: str, author: str | None
) -> Change | None:
    """Write crops over those that are there; a box of the whole picture is no crop."""
    if not boxes:
        return None
    there = {crop.member_id: crop for crop in _crops(session, boxes)}
    before = [_before(member, there.get(member)) for member in sorted(boxes)]
    _delete(session, boxes)
    at = now()
    _insert(
        session,
        [
            _row(member, box, author=author, created_at=at)
            for member, box in boxes.items()
            if box != WHOLE
        ],
    )
    pictures = f"{len(boxes)} picture{'s' if len(boxes) > 1 else ''}"
    said = "crops of" if verb == "crops.set" else "no crops any more for"
    return record_change(
        session,
        verb,
        f"{said} {pictures}",
        image_set=image_set,
        author=author,
        undo={"crops": before},
    )


def _before(member_id: int, crop: Row[Any] | None) -> list[Any]:
    if crop is None:
        return [member_id, None, None, None]
    box = [crop.left, crop.top, crop.right, crop.bottom]
    return [member_id, box, crop.author, crop.created_at.isoformat()]


def _row(
    member_id: int, box: Box, *, author: str | None, created_at: datetime
) -> dict[str, object]:
    edges = dict(zip(("left", "top", "right", "bottom"), box, strict=True))
    return {"member_id": member_id, **edges, "author": author, "created_at": created_at}


def _insert(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        session.execute(insert(Crop), rows)


def _delete(session: Session, member_ids: Collection[int]) -> None:
    for some in portions(sorted(member_ids)):
        session.execute(delete(Crop).where(Crop.member_id.in_(some)))


def _crops(session: Session, member_ids: Collection[int]) -> Iterator[Row[Any]]:
    edges = (Crop.left, Crop.top, Crop.right, Crop.bottom)
    query = select(Crop.member_id, *edges, Crop.author, Crop.created_at)
    for some in portions(sorted(set(member_ids))):
        rows: Result[Any] = session.execute(query.where(Crop.member_id.in_(some)))
        yield from rows


def _require_members(session: Session, image_set: ImageSet, ids: Collection[int]) -> None:
    found: set[int] = set()
    for some in portions(sorted(set(ids))):
        query = select(Member.id).where(Member.image_set_id == image_set.id, Member.id.in_(some))
        found.update(session.scalars(query))
    for missing in sorted(set(ids) - found):
        raise NotFound("picture", f"{image_set.name}, member {missing}")
