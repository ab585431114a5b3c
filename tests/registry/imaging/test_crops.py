"""Parts of pictures."""

import pytest
from PIL import Image

from sdxl_reg.imaging.crops import WHOLE, Box, cropped


def test_the_whole_is_the_picture_itself() -> None:
    picture = Image.new("RGB", (5, 7))
    assert cropped(picture, WHOLE) is picture


def test_a_part_lies_where_its_fractions_say() -> None:
    picture = Image.new("RGB", (10, 20), "black")
    picture.paste("red", (4, 10, 10, 20))
    part = cropped(picture, (0.4, 0.5, 1.0, 1.0))
    assert part.size == (6, 10)
    assert part.getcolors() == [(60, (255, 0, 0))]


@pytest.mark.parametrize("box", [(0.4, 0.4, 1.0, 1.0), (0.9, 0.9, 0.9, 0.9), (1.0, 1.0, 1.0, 1.0)])
def test_a_part_has_a_pixel_at_least(box: Box) -> None:
    assert cropped(Image.new("RGB", (1, 1)), box).size == (1, 1)
