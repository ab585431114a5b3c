"""Text on a sheet: measured, wrapped, cut to what there is room for.

In Pillow's own font, which is the same on every machine. It knows little beyond English, so a text
with other letters takes a font of the machine that knows them; where there is none, letters lose
their accents.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from PIL import ImageDraw, ImageFont

TITLE, TEXT, SMALL = 30, 20, 16  # font sizes
_OTHER_FONTS = (
    "DejaVuSans.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSans-Regular.ttf",
    "wqy-zenhei.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
    "arial.ttf",
)
"""Names under which Pillow finds fonts of the system; the first that knows all letters is taken."""

_LEADING = {TITLE: 12, TEXT: 8, SMALL: 8}


@dataclass(frozen=True)
class Line:
    """One line of text.

    Attributes:
        text: Without a line break.
        size: Of the font, in pixels.
        colour: As Pillow takes it.
    """

    text: str
    size: int
    colour: str

    @property
    def height(self) -> int:
        """Pixels from this line to the next."""
        return self.size + _LEADING.get(self.size, 8)


def height_of(lines: Iterable[Line]) -> int:
    """Pixels that lines take below each other."""
    return sum(line.height for line in lines)


def length_of(text: str, size: int) -> float:
    """Pixels that a text takes beside each other."""
    return font(size, text).getlength(text)


def wrapped(text: str, size: int, width: int, colour: str) -> list[Line]:
    """Lines no wider than a width; a word that is wider by itself is broken.

    Args:
        text: Any; spaces and line breaks become single spaces.
        size: Of the font.
        width: Pixels.
        colour: Of the lines.
    """
    lines: list[str] = []
    current = ""
    for word in _legible(text).split():
        longer = f"{current} {word}".lstrip()
        if length_of(longer, size) <= width:
            current = longer
            continue
        lines += [current] if current else []
        *whole, current = _broken(word, size, width)
        lines += whole
    lines += [current] if current else []
    return [Line(line, size, colour) for line in lines]


def fitted(text: str, size: int, width: int, colour: str, *, most: int) -> list[Line]:
    """As `wrapped`, in so many lines at most; an ellipsis stands for the rest.

    Args:
        text: Any.
        size: Of the font.
        width: Pixels.
        colour: Of the lines.
        most: Lines, at least one.
    """
    lines = wrapped(text, size, width, colour)
    if len(lines) <= most:
        return lines
    last = lines[most - 1].text + "…"
    while len(last) > 1 and length_of(last, size) > width:
        last = last[:-2].rstrip() + "…"
    return [*lines[: most - 1], Line(last, size, colour)]


def write(pen: ImageDraw.ImageDraw, at: tuple[int, int], lines: Sequence[Line]) -> int:
    """Draw lines below each other, from the left.

    Args:
        pen: Of the paper.
        at: Left and top, in pixels.
        lines: What to write.

    Returns:
        Where the next line would begin, in pixels from the top.
    """
    left, top = at
    for line in lines:
        pen.text((left, top), line.text, fill=line.colour, font=font(line.size, line.text))
        top += line.height
    return top


def centred(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], width: int, lines: Sequence[Line]
) -> None:
    """Draw lines below each other, each in the middle of a width.

    Args:
        pen: Of the paper.
        at: Left and top, in pixels.
        width: Pixels.
        lines: What to write.
    """
    left, top = at
    for line in lines:
        indent = (width - length_of(line.text, line.size)) / 2
        shown = font(line.size, line.text)
        pen.text((left + indent, top), line.text, fill=line.colour, font=shown)
        top += line.height


def font(size: int, text: str = "") -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own scalable font, or one of the system that knows letters which it does not.

    Args:
        size: In pixels.
        text: What shall be written.
    """
    return next(_knowing(text, size), _own(size))


def _legible(text: str) -> str:
    """The text itself where some font knows its letters, else without their accents."""
    if next(_knowing(text, SMALL), None) is not None:
        return text
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part))


def _knowing(text: str, size: int) -> Iterator[ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    """Fonts that know all letters of a text."""
    if all(_knows("", letter) for letter in set(text)):
        yield _own(size)
        return
    for name in _OTHER_FONTS:
        found = _other(name, size)
        if found is not None and all(_knows(name, letter) for letter in set(text)):
            yield found


@cache
def _knows(name: str, letter: str) -> bool:
    """Whether a font, by its name or Pillow's own, has a shape for a letter."""
    if letter.isspace():
        return True
    found = _other(name, SMALL) if name else _own(SMALL)
    return found is not None and bytes(found.getmask(letter)) != bytes(found.getmask("\U000fffff"))


@cache
def _own(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


@cache
def _other(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


def _broken(word: str, size: int, width: int) -> list[str]:
    """A word in pieces no wider than a width: after a mark such as - / _ where there is one."""
    pieces = []
    while length_of(word, size) > width and len(word) > 1:
        end = next(
            (end for end in range(len(word) - 1, 1, -1) if length_of(word[:end], size) <= width), 1
        )
        mark = max(word.rfind(mark, 0, end) for mark in "-/_,@") + 1
        end = mark if mark > end // 2 else end
        pieces.append(word[:end])
        word = word[end:]
    return [*pieces, word]
