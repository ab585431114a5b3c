"""Colours of backgrounds."""

import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.imaging.backgrounds import checked_background, rgb_of


@pytest.mark.parametrize("text", ["#00FF7f", "00ff7f", " #00ff7F "])
def test_a_colour_has_one_spelling(text: str) -> None:
    assert checked_background(text) == "#00ff7f"
    assert rgb_of(text) == (0, 255, 127)


@pytest.mark.parametrize("text", ["", "#", "black", "#fff", "#00ff7g", "##00ff7f", "#00ff7f00"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="#rrggbb"):
        checked_background(text)
