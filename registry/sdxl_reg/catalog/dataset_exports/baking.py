"""Crops and sizes baked into pictures that go out: what is cut, and to which size."""

from PIL import Image

from sdxl_reg.catalog.dataset_exports.contents import Box, Picture
from sdxl_reg.catalog.dataset_exports.options import (
    NO_CROP,
    ExportOptions,
    Size,
    parse_resolution,
)
from sdxl_reg.formats.kohya.buckets import bucket_sizes, fitted
from sdxl_reg.imaging.crops import CENTRE, WHOLE, baked, crop_box, size_of_part
from sdxl_reg.imaging.focus import focal_point

_AREA = (1024, 1024)
_BUCKETS = {"shortest": 512, "longest": 2048, "step": 64}
"""SDXL's own training (Podell et al. 2023, appendix I)."""


def is_baked(picture: Picture, options: ExportOptions) -> bool:
    """Whether a picture is cut or resized, so that it has to be drawn anew."""
    return options.resolution is not None or manual_box(picture, options) is not None


def baked_picture(
    image: Image.Image, picture: Picture, background: str, options: ExportOptions
) -> Image.Image:
    """A picture cut and resized as an export asks for.

    Args:
        image: The whole picture, upright and in sRGB.
        picture: What was frozen of it.
        background: Behind transparency, `#rrggbb`.
        options: Say the size and what is in the middle.

    Returns:
        In mode RGB.

    Raises:
        UnknownName: There is no such method of finding what is in the middle.
        UsageError: A package that the method needs is not installed.
    """
    manual = manual_box(picture, options)
    if options.resolution is None:
        return baked(image, manual or WHOLE, None, background)
    target = parse_resolution(options.resolution) or bucket_of(image.size, manual)
    looks = manual is None and options.crop != NO_CROP
    focus = focal_point(image, options.crop) if looks else CENTRE
    box = crop_box(image.size, target, focus=focus, manual=manual)
    return baked(image, box, target, background)


def manual_box(picture: Picture, options: ExportOptions) -> Box | None:
    """The part that a person chose and that counts here, if any."""
    return None if options.crop == NO_CROP else picture.crop


def bucket_of(size: Size, manual: Box | None = None) -> Size:
    """The one of SDXL's sizes whose shape is nearest to a picture's, or to the part that is taken.

    Args:
        size: Width and height of the upright picture in pixels.
        manual: The part.
    """
    part = size_of_part(size, manual) if manual else size
    return fitted(part, bucket_sizes(_AREA, **_BUCKETS)).bucket
