"""Parts of pictures, named by fractions of their sides."""

from PIL import Image

Box = tuple[float, float, float, float]
"""Left, upper, right and lower edge, as fractions of width and height."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


def cropped(picture: Image.Image, box: Box) -> Image.Image:
    """A part of a picture, at least one pixel of it.

    Args:
        picture: Any size and mode.
        box: Its edges.
    """
    if box == WHOLE:
        return picture
    left, upper = round(box[0] * picture.width), round(box[1] * picture.height)
    right, lower = round(box[2] * picture.width), round(box[3] * picture.height)
    left, upper = min(left, picture.width - 1), min(upper, picture.height - 1)
    return picture.crop((left, upper, max(right, left + 1), max(lower, upper + 1)))
