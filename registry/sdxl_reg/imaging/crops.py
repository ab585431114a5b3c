"""Parts of pictures, named by fractions of their sides: fitted to a shape, cut out, resized.

A crop is data: the picture's bytes stay as they are, and the part is cut when somebody trains on
it or exports it. Fractions are of the upright picture, so that they mean the same at every size.
"""

from collections.abc import Sequence

from PIL import Image

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.kohya.buckets import Size, covering
from sdxl_reg.imaging.backgrounds import WHITE, rgb_of
from sdxl_reg.imaging.decode import ANY_SIZE, flattened, upright

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge, as fractions of width and height."""
Point = tuple[float, float]
"""From the left and from the top, as fractions of width and height."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
CENTRE: Point = (0.5, 0.5)
_DIGITS = 6  # a fiftieth of a pixel at 20,000 pixels


def crop_box(
    size: Size, target: Size | int, *, focus: Point = CENTRE, manual: Box | None = None
) -> Box:
    """The largest part of a picture that has the shape of a target.

    Args:
        size: Width and height of the upright picture in pixels.
        target: Width and height, of which only the ratio counts, or the side of a square.
        focus: What the part shall have in its middle, as far as the picture goes; it is always
            inside.
        manual: A part that a person chose; it counts in place of `focus`. It is grown to the
            target's shape as far as the picture goes, and is cut, around its middle, only where
            the picture ends.

    Returns:
        A box inside the picture, at least a pixel wide and high; rounded to whole pixels, its
        ratio is the target's to a pixel.

    Raises:
        InvalidValue: A side is not positive, the focus is outside the picture, or the manual box
            is none.
    """
    wide, tall = (target, target) if isinstance(target, int) else target
    _check_sides(size, (wide, tall))
    ratio = wide * size[1] / (tall * size[0])  # of fractions: width / height of the box
    width, height = largest = (min(1.0, ratio), min(1.0, 1 / ratio))
    if manual is not None:
        left, top, right, bottom = checked_box(manual)
        width, height = right - left, bottom - top
        width, height = max(width, height * ratio), max(height, width / ratio)
        width, height = (width, height) if max(width, height) <= 1 else largest
        focus = (left + right) / 2, (top + bottom) / 2
    _check_focus(focus)
    return _placed(max(width, 1 / size[0]), max(height, 1 / size[1]), focus)


def baked(
    picture: bytes | Image.Image, box: Box, size: Size | None, background: str = WHITE
) -> Image.Image:
    """A part of a picture as a file of its own shows it: upright, sRGB, opaque, resized.

    Transparency is laid on the background first; then the part is cut at whole pixels, resized
    with Lanczos until it just covers the size, and what is over is cut from both ends alike. That
    is the order and the arithmetic of training, so training on the result cuts nothing more.

    Args:
        picture: The bytes of a file, or a picture from `decode.upright`.
        box: The part, in fractions of the upright picture.
        size: Width and height in pixels; None leaves the part at its own size.
        background: Behind transparency, `#rrggbb`.

    Returns:
        A picture in mode RGB of that size, without profile and EXIF.

    Raises:
        InvalidValue: The background is no colour.
        Unreadable: The bytes are no picture.
    """
    whole = upright(picture, ANY_SIZE) if isinstance(picture, bytes) else picture
    part = cropped(flattened(whole, rgb_of(background)), box).convert("RGB")
    if size is not None:
        resized = covering(part.size, size).resized
        left, top = (int((over - side) * 0.5) for over, side in zip(resized, size, strict=True))
        part = part.resize(resized, Image.Resampling.LANCZOS)
        part = part.crop((left, top, left + size[0], top + size[1]))
    else:
        part = part.copy()
    part.info.clear()
    return part


def is_enlarged(size: Size, box: Box, target: Size) -> bool:
    """Whether a part has fewer pixels than the size it is resized to, so that it gets blurred.

    Args:
        size: Width and height of the upright picture in pixels.
        box: The part.
        target: Width and height in pixels.
    """
    part = size_of_part(size, box)
    return covering(part, target).resized[0] > part[0]


def cropped(picture: Image.Image, box: Box) -> Image.Image:
    """A part of a picture, at least one pixel of it.

    Args:
        picture: Any size and mode.
        box: Its edges.
    """
    if box == WHOLE:
        return picture
    return picture.crop(pixels_of_part(picture.size, box))


def pixels_of_part(size: Size, box: Box) -> tuple[int, int, int, int]:
    """Left, upper, right and lower edge of a part in whole pixels, at least one pixel apart.

    Args:
        size: Width and height of the picture in pixels.
        box: The part.
    """
    left, upper = round(box[0] * size[0]), round(box[1] * size[1])
    right, lower = round(box[2] * size[0]), round(box[3] * size[1])
    left, upper = min(left, size[0] - 1), min(upper, size[1] - 1)
    return left, upper, max(right, left + 1), max(lower, upper + 1)


def size_of_part(size: Size, box: Box) -> Size:
    """Width and height of a part in pixels, as `cropped` cuts it.

    Args:
        size: Width and height of the picture in pixels.
        box: The part.
    """
    left, upper, right, lower = pixels_of_part(size, box)
    return right - left, lower - upper


def checked_box(edges: Sequence[float]) -> Box:
    """A box out of four numbers, rounded as it is stored.

    Args:
        edges: Left, upper, right and lower edge, as fractions.

    Raises:
        InvalidValue: There are not four, they leave the picture, or nothing is between them.
    """
    box = box_of([round(float(edge), _DIGITS) for edge in edges]) if len(edges) == 4 else WHOLE
    if len(edges) != 4 or not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
        raise InvalidValue(
            "no part of a picture",
            ",".join(f"{edge:g}" for edge in edges),
            remedy="Give its left, upper, right and lower edge as fractions of the picture: "
            "0.1,0.1,0.9,0.9",
        )
    return box


def box_of(edges: Sequence[float]) -> Box:
    """Four stored numbers as a box."""
    left, upper, right, lower = edges
    return left, upper, right, lower


def _placed(width: float, height: float, centre: Point) -> Box:
    """A box of that width and height as near to a centre as the picture allows."""
    left = min(max(centre[0] - width / 2, 0.0), 1.0 - width)
    top = min(max(centre[1] - height / 2, 0.0), 1.0 - height)
    return left, top, min(left + width, 1.0), min(top + height, 1.0)


def _check_sides(*sizes: Size) -> None:
    for size in sizes:
        if min(size) < 1:
            raise InvalidValue(
                "no size of a picture",
                f"{size[0]} × {size[1]}",
                remedy="Give a width and a height of at least one pixel",
            )


def _check_focus(focus: Point) -> None:
    if not all(0 <= place <= 1 for place in focus):
        raise InvalidValue(
            "no place in a picture",
            f"{focus[0]:g},{focus[1]:g}",
            remedy="Give it as fractions from the left and from the top: 0.5,0.3",
        )
