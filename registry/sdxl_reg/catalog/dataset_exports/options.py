"""What an export of a dataset can be told, whatever its format."""

import re
from dataclasses import dataclass
from typing import Literal

from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.imaging.focus import METHODS

Naming = Literal["source", "tags"]
ImageFormat = Literal["keep", "png", "jpg", "webp"]
Size = tuple[int, int]
BUCKET, NO_CROP = "bucket", "none"
LARGEST_SIDE = 8192
SPLITS = ("train", "validation")
DEFAULT_SHARD_MB = 500
MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How a dataset is written; None leaves a choice to the format.

    Attributes:
        names: `source` keeps the names of the files that were ingested, `tags` makes
            `qzy_flawed_spot_01` out of tag and number.
        resolution: Every picture is cut and resized to this: `1024`, `832x1216`, or `bucket`, the
            nearest of SDXL's sizes. By default pictures keep their size.
        crop: What is in the middle of what is cut: `centre`, or a method of `imaging.focus`. Where
            a person chose a part of a picture that counts, except with `none`, which cuts
            nothing that has not to be cut.
        split: Only its pictures: `train` or `validation`.
        caption_suffix: Put behind every caption: `, black background`.
        image_format: What pictures are written as; `keep` leaves the bytes as they are where every
            reader sees them right.
        quality: Of JPEG and WebP that are written anew, 1…100.
        repeats: How often an epoch shows each picture (kohya).
        class_word: The one folder of pictures, and the caption of those without one (kohya).
        shard_mb: Size in megabytes above which a new file is begun (parquet, webdataset).

    Raises:
        InvalidValue: One of them is of the wrong form or out of its range.
        UnknownName: There is no such crop.
    """

    names: Naming | None = None
    resolution: str | None = None
    crop: str = "centre"
    split: str = ""
    caption_suffix: str = ""
    image_format: ImageFormat = "keep"
    quality: int = 95
    repeats: int | None = None
    class_word: str = ""
    shard_mb: int | None = None

    def __post_init__(self) -> None:
        if self.resolution is not None:
            parse_resolution(self.resolution)
        if self.crop not in (*METHODS, NO_CROP):
            raise UnknownName("crop", self.crop, (*METHODS, NO_CROP))
        if self.split not in ("", *SPLITS):
            remedy = f"Give {' or '.join(SPLITS)}, or leave it out"
            raise InvalidValue("no split of a dataset", self.split, remedy=remedy)
        if not 1 <= self.quality <= 100:
            raise InvalidValue("quality out of range", self.quality, remedy="Give 1 to 100")
        if self.shard_mb is not None and self.shard_mb < 1:
            raise InvalidValue("size of a shard", self.shard_mb, remedy="Give 1 MB or more")
        if self.repeats is not None and self.repeats < 1:
            raise InvalidValue("repeats of a picture", self.repeats, remedy="Give 1 or more")

    @property
    def shard_bytes(self) -> int:
        """Size above which a new file is begun."""
        return (self.shard_mb or DEFAULT_SHARD_MB) * MEGABYTE


def parse_resolution(text: str) -> Size | None:
    """Width and height of a resolution as people write it.

    Args:
        text: `1024`, `832x1216`, or `bucket`.

    Returns:
        Pixels; None where every picture has a bucket of its own shape.

    Raises:
        InvalidValue: It is none of these, or a side is out of range.
    """
    if text == BUCKET:
        return None
    found = re.fullmatch(r"(\d{1,5})(?:[x×*](\d{1,5}))?", text.strip().lower())
    sides = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not all(8 <= side <= LARGEST_SIDE for side in sides):
        raise InvalidValue(
            "not a resolution",
            text,
            remedy=f"Give a side such as 1024, a size such as 832x1216 (8 to {LARGEST_SIDE} "
            f"pixels a side), or {BUCKET}",
        )
    return sides
