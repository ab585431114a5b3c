"""Aspect-ratio buckets: the sizes in which pictures of different shapes are trained together.

Equal to the pixel to sd-scripts' `BucketManager` and `make_bucket_resolutions`
(tests/registry/formats/kohya/test_buckets.py holds it on a table of its answers). Nothing here
imports torch.

Source: NovelAI 2022, "Improvements on Stable Diffusion"; Podell et al. 2023, arXiv:2307.01952,
section 2.3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sdxl_reg.errors import InvalidValue

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a picture comes into a bucket.

    Attributes:
        bucket: What is trained: width and height in pixels.
        resized: The picture is first resized to this, which covers the bucket but for a rounding
            of less than a pixel, and then cut.
    """

    bucket: Size
    resized: Size


@dataclass(frozen=True, kw_only=True)
class Bucketing:
    """By which rule pictures are sorted into buckets.

    Attributes:
        resolution: Width and height in pixels; buckets have its area at most.
        shortest: Side of a bucket in pixels.
        longest: Side of a bucket in pixels.
        step: Sides of buckets are multiples of it.
        rule: `shared` sorts every picture into one of the same buckets and enlarges small ones;
            `own` gives each a bucket of its own and enlarges none (sd-scripts'
            `bucket_no_upscale`); `single` cuts all to the resolution (no `enable_bucket`).

    Raises:
        InvalidValue: A shared bucket of the resolution would be longer than `longest`.
    """

    resolution: Size
    shortest: int
    longest: int
    step: int
    rule: Literal["shared", "own", "single"] = "shared"

    def __post_init__(self) -> None:
        if self.rule == "shared":
            _ = self.sizes  # a fault of the settings, not of the first picture

    def fit(self, size: Size) -> Fit:
        """How a picture of a size comes into its bucket.

        Args:
            size: Of the picture: width and height in pixels.

        Raises:
            InvalidValue: By the rule `own`, a side of the picture is smaller than a step.
        """
        if self.rule == "single":
            return covering(size, self.resolution)
        if self.rule == "own":
            area = self.resolution[0] * self.resolution[1]
            return fitted_without_enlarging(size, area=area, step=self.step)
        return fitted(size, self.sizes)

    @cached_property
    def sizes(self) -> list[Size]:
        """The shared buckets, in ascending order."""
        return bucket_sizes(
            self.resolution, shortest=self.shortest, longest=self.longest, step=self.step
        )


def bucket_sizes(resolution: Size, *, shortest: int, longest: int, step: int) -> list[Size]:
    """All buckets whose area is at most that of the resolution, in ascending order.

    Args:
        resolution: Width and height in pixels; only their product counts.
        shortest: Side of a bucket in pixels.
        longest: Side of a bucket in pixels.
        step: Sides are multiples of it.

    Returns:
        The square of that area, rounded down, and for each width the largest height that fits, in
        both orientations.

    Raises:
        InvalidValue: A bucket of the resolution would be longer than `longest`.
    """
    if max(resolution) > longest:
        raise InvalidValue(
            f"longest side of a bucket for a resolution of {resolution[0]} × {resolution[1]}",
            longest,
            remedy="Raise max_bucket_reso or lower resolution",
        )
    area = resolution[0] * resolution[1]
    square = int(math.sqrt(area) // step) * step
    sizes = {(square, square)}
    for width in range(shortest, longest + 1, step):
        height = min(longest, area // width // step * step)
        if height >= shortest:
            sizes |= {(width, height), (height, width)}
    return sorted(sizes)


def fitted(size: Size, sizes: Sequence[Size]) -> Fit:
    """The bucket whose shape is nearest, enlarging or shrinking the picture to cover it.

    Args:
        size: Of the picture.
        sizes: The buckets; a picture of exactly a bucket's size stays in it.
    """
    ratio = size[0] / size[1]
    bucket = size if size in sizes else min(sizes, key=lambda each: abs(each[0] / each[1] - ratio))
    return covering(size, bucket)


def covering(size: Size, bucket: Size) -> Fit:
    """A picture in a given size: enlarged or shrunk until it just covers it, then cut.

    Args:
        size: Of the picture.
        bucket: What is wanted.
    """
    width, height = size
    wide, tall = bucket
    scale = tall / height if width / height > wide / tall else wide / width
    return Fit(bucket=bucket, resized=(int(width * scale + 0.5), int(height * scale + 0.5)))


def fitted_without_enlarging(size: Size, *, area: int, step: int) -> Fit:
    """A bucket of the picture's own, as large as it or, where it has more than the area, shrunk.

    Args:
        size: Of the picture.
        area: Most pixels of a bucket.
        step: Sides of the bucket are multiples of it.

    Raises:
        InvalidValue: A side of the picture is smaller than a step.
    """
    width, height = resized = size if size[0] * size[1] <= area else _shrunk(size, area, step)
    bucket = (width - width % step, height - height % step)
    if 0 in bucket:
        raise InvalidValue(
            "picture too small for a bucket",
            f"{size[0]} × {size[1]}, sides of a bucket are multiples of {step}",
            remedy="Leave it out, or allow it to be enlarged (bucket_no_upscale = false)",
        )
    return Fit(bucket=bucket, resized=resized)


def _shrunk(size: Size, area: int, step: int) -> Size:
    """The truer of two sizes of that area: its width or its height is a multiple of the step."""
    ratio = size[0] / size[1]
    width = math.sqrt(area * ratio)
    by_width = _rounded(width, step)
    by_height = _rounded(area / width, step)
    if _error(by_width, _rounded(by_width / ratio, step), ratio) < _error(
        _rounded(by_height * ratio, step), by_height, ratio
    ):
        return by_width, int(by_width / ratio + 0.5)
    return int(by_height * ratio + 0.5), by_height


def _error(width: int, height: int, ratio: float) -> float:
    return abs(width / height - ratio) if height else math.inf


def _rounded(length: float, step: int) -> int:
    pixels = int(length + 0.5)
    return pixels - pixels % step
