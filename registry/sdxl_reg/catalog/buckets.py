"""What a training would see of an image set: its buckets, with how each picture comes into one."""

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from sdxl_reg.catalog.crops import crops_of
from sdxl_reg.catalog.images import SetMember, members_of
from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.kohya.buckets import Fit, Size
from sdxl_reg.imaging.crops import WHOLE, Box, pixels_of_part
from sdxl_reg.tables import ImageSet
from sdxl_reg.trainers.settings.data import DataSettings

SDXL_SIDE = 1024
"""Pixels of a side of the pictures that SDXL was made for."""


@dataclass(frozen=True, kw_only=True)
class BucketedPicture:
    """A picture of a set as it comes into its bucket.

    Attributes:
        member: The picture.
        crop: Its stored crop; None: the whole picture is fitted.
        taken: The part of the upright picture that is trained, in fractions: the crop without
            what the bucket's shape leaves over.
        cut_away_share: How much of the upright picture is not trained, 0…1.
        is_enlarged: Whether the part has fewer pixels than the bucket.
        repeats: How often an epoch shows it.
    """

    member: SetMember
    crop: Box | None
    taken: Box
    cut_away_share: float
    is_enlarged: bool
    repeats: int


@dataclass(frozen=True, kw_only=True)
class BucketRow:
    """One bucket with its pictures.

    Attributes:
        size: Width and height in pixels; None for pictures too small for any bucket, where none
            may be enlarged.
        pictures: By source path.
    """

    size: Size | None
    pictures: Sequence[BucketedPicture]

    @property
    def count(self) -> int:
        """Pictures."""
        return len(self.pictures)

    @property
    def repeats(self) -> int:
        """Showings in an epoch."""
        return sum(picture.repeats for picture in self.pictures)

    @property
    def enlarged(self) -> int:
        """Pictures that are enlarged."""
        return sum(picture.is_enlarged for picture in self.pictures)

    @property
    def cut_away_share(self) -> float:
        """Mean share of a picture that is cut away, 0…1."""
        return sum(picture.cut_away_share for picture in self.pictures) / len(self.pictures)


def bucket_report(
    session: Session,
    image_set: ImageSet,
    *,
    resolution: int | Size = SDXL_SIDE,
    selector: str = "",
    settings: DataSettings | None = None,
    native: int = SDXL_SIDE,
    repeats: Mapping[int, int] | None = None,
) -> list[BucketRow]:
    """The buckets that a training with these settings would sort a set's pictures into.

    Args:
        session: The transaction.
        image_set: The set, as it would be frozen now.
        resolution: Width and height of the training pictures in pixels, or the side of a square.
        selector: Which of them (`selectors`); empty for all.
        settings: Sides and steps of the buckets, and whether pictures may be enlarged.
        native: Side of the pictures that the base was made for, in pixels.
        repeats: Row of a member → its showings in an epoch; 1 for those that it leaves out.

    Returns:
        Buckets that have pictures, in ascending order; the one without a size is the last.

    Raises:
        InvalidValue: The selector is of the wrong form, or the resolution does not fit the sides.
        UnknownName: The selector names a level that the set does not have.
    """
    wanted = (resolution, resolution) if isinstance(resolution, int) else resolution
    _check_resolution(wanted)
    bucketing = (settings or DataSettings()).bucketing(native, wanted)
    fit = functools.cache(bucketing.fit)  # most pictures of a set have one of a few sizes
    members = members_of(session, image_set, selector)
    crops = crops_of(session, [member.member_id for member in members])
    rows: dict[Size | None, list[BucketedPicture]] = defaultdict(list)
    for member in members:
        shown = (repeats or {}).get(member.member_id, 1)
        size, picture = _bucketed(member, crops.get(member.member_id), fit, shown)
        rows[size].append(picture)
    order = sorted(size for size in rows if size is not None)
    return [
        BucketRow(size=size, pictures=tuple(rows[size]))
        for size in [*order, *([None] if None in rows else [])]
    ]


def _bucketed(
    member: SetMember, crop: Box | None, fitting: Callable[[Size], Fit], repeats: int
) -> tuple[Size | None, BucketedPicture]:
    whole = (member.width, member.height)
    left, top, right, bottom = pixels_of_part(whole, crop or WHOLE)
    part = (right - left, bottom - top)
    fit: Fit | None
    try:
        fit = fitting(part)
    except InvalidValue:  # too small; training names these pictures
        fit = None
    taken = _taken(whole, (left, top), part, fit) if fit else crop or WHOLE
    share = (taken[2] - taken[0]) * (taken[3] - taken[1])
    picture = BucketedPicture(
        member=member,
        crop=crop,
        taken=taken,
        cut_away_share=max(0.0, 1.0 - share),
        is_enlarged=fit is not None and fit.resized[0] > part[0],
        repeats=repeats,
    )
    return (fit.bucket if fit else None), picture


def _taken(whole: Size, corner: Size, part: Size, fit: Fit) -> Box:
    """What is left of the part when its resized copy is cut around the middle."""
    edges = []
    for place, length, resized, bucket in zip(corner, part, fit.resized, fit.bucket, strict=True):
        cut = int((resized - bucket) * 0.5)
        edges.append((place + length * cut / resized, place + length * (cut + bucket) / resized))
    (left, right), (top, bottom) = edges
    return (
        left / whole[0],
        top / whole[1],
        min(right / whole[0], 1.0),
        min(bottom / whole[1], 1.0),
    )


def _check_resolution(size: Size) -> None:
    if min(size) < 64:
        raise InvalidValue(
            "no resolution for a training",
            f"{size[0]} × {size[1]}",
            remedy="Give sides of 64 pixels or more: 1024, or 1024x768",
        )
