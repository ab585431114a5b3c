"""Colours behind transparent parts, as they are written: `#rrggbb`."""

import re

from sdxl_reg.errors import InvalidValue

WHITE = "#ffffff"


def checked_background(text: str) -> str:
    """A colour in its one spelling: `#`, and six hexadecimal digits in lower case.

    Args:
        text: As a person wrote it: `#000000`; the `#` may be missing.

    Raises:
        InvalidValue: It is no such colour.
    """
    found = re.fullmatch("#?([0-9a-f]{6})", text.strip().lower())
    if found is None:
        raise InvalidValue(
            "no colour for a background", text, remedy="Write it as #rrggbb: #000000 is black"
        )
    return f"#{found[1]}"


def rgb_of(background: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour, 0…255 each.

    Args:
        background: As `checked_background` takes it.

    Raises:
        InvalidValue: It is no such colour.
    """
    digits = checked_background(background)[1:]
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
