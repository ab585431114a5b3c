r"""A1111's prompt syntax: emphasis, breaks, literal text, and tags that call up adapters.

`(word)` counts 1.1 times, `(word:1.3)` 1.3 times, `[word]` 1 / 1.1 times; they nest and multiply.
A bracket that is never closed reaches to the end of the text; a closing one too many is text. A
backslash makes the next bracket text and is itself left out. `BREAK` starts a new chunk.

Source: A1111's `modules/prompt_parser.py` (`parse_prompt_attention`), `modules/extra_networks.py`
and `extensions-builtin/Lora/extra_networks_lora.py`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sdxl_reg.errors import InvalidValue
from sdxl_reg.vocabulary import ArtifactKind

ROUND, SQUARE = 1.1, 1 / 1.1
"""What a pair of brackets multiplies the weight by."""
KINDS = {
    "lora": ArtifactKind.LORA,
    "lyco": ArtifactKind.LORA,  # the name that an older extension gave some of them
    "hypernet": ArtifactKind.HYPERNETWORK,
}
"""First word of a tag → what it calls up."""
_TAG = re.compile(rf"<({'|'.join(KINDS)}):([^<>]*)>")
_TOKEN = re.compile(r"\\[()\[\]\\]|\\|\(|\[|:\s*(?P<weight>[+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:")
_BREAK = re.compile(r"\s*\bBREAK\b\s*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")


class Piece(NamedTuple):
    """A part of a prompt that counts as much everywhere."""

    text: str
    weight: float


BREAK = Piece("BREAK", -1.0)
"""Stands in the list where a new chunk begins; a piece of text never has this very object."""


@dataclass(frozen=True, kw_only=True)
class AdapterTag:
    """A tag that calls up a trained file.

    Attributes:
        kind: LoRA or hypernetwork.
        name: As it is written, without colons.
        text_strength: For the text encoders.
        strength: For the U-Net.
        text: The whole tag, from `<` to `>`.
    """

    kind: ArtifactKind
    name: str
    text_strength: float
    strength: float
    text: str


def parse_emphasis(text: str) -> list[Piece]:
    """The parts of a prompt and how much each counts.

    Args:
        text: A prompt without tags.

    Returns:
        Pieces in order; neighbours differ in weight. `BREAK` itself stands between chunks. An
        empty prompt is one empty piece.

    Raises:
        InvalidValue: A weight is no number.
    """
    reader = _Reader()
    for match in _TOKEN.finditer(text):
        reader.read(match)
    return list(_merged(reader.finished()))


def escaped(text: str) -> str:
    r"""A caption written so that it is read literally: `parse_emphasis` gives it back as one piece.

    A lone backslash is left out when it is read, here as in A1111, so it also takes `BREAK` and
    the start of a tag apart: `BR\EAK`, `<\lora:…`.

    Args:
        text: Any text.
    """
    plain = re.sub(r"([\\()\[\]])", r"\\\1", text)
    plain = re.sub(rf"<(?=({'|'.join(KINDS)}):)", r"<\\", plain)
    return re.sub(r"\bBREAK\b", r"BR\\EAK", plain)


def split_tags(text: str) -> tuple[str, list[AdapterTag]]:
    """A prompt without its tags, and the tags in order.

    Args:
        text: A prompt. `<lora:name>` has strength 1, `<lora:name:0.8>` 0.8, `<lora:name:0.5:0.8>`
            0.5 for the text encoders and 0.8 for the U-Net; the numbers may also be written
            `te=0.5` and `unet=0.8`. `<hypernet:name:1>` has one number.

    Raises:
        InvalidValue: A tag has no name, too many numbers, or one that is no number.
    """
    return _TAG.sub("", text), [_tag(match) for match in _TAG.finditer(text)]


class _Reader:
    """Pieces read so far, and the brackets that are still open."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._round: list[int] = []
        self._square: list[int] = []

    def read(self, match: re.Match[str]) -> None:
        mark, weight = match[0], match["weight"]
        if mark.startswith("\\"):
            self._pieces.append(Piece(mark[1:], 1.0))
        elif mark == "(":
            self._round.append(len(self._pieces))
        elif mark == "[":
            self._square.append(len(self._pieces))
        elif weight is not None and self._round:
            self._multiply(self._round.pop(), _number(weight, mark, "weight in a prompt"))
        elif mark == ")" and self._round:
            self._multiply(self._round.pop(), ROUND)
        elif mark == "]" and self._square:
            self._multiply(self._square.pop(), SQUARE)
        else:
            self._add(mark)

    def finished(self) -> list[Piece]:
        for start in self._round:
            self._multiply(start, ROUND)
        for start in self._square:
            self._multiply(start, SQUARE)
        return self._pieces or [Piece("", 1.0)]

    def _add(self, text: str) -> None:
        first, *others = _BREAK.split(text)
        self._pieces.append(Piece(first, 1.0))
        for part in others:
            self._pieces += [BREAK, Piece(part, 1.0)]

    def _multiply(self, start: int, factor: float) -> None:
        self._pieces[start:] = [
            piece if piece is BREAK else Piece(piece.text, piece.weight * factor)
            for piece in self._pieces[start:]
        ]


def _merged(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Neighbours of equal weight as one; nothing is left of empty ones beside others."""
    held: Piece | None = None
    for piece in pieces:
        if held is None or piece is BREAK or held is BREAK or held.weight != piece.weight:
            if held is not None:
                yield held
            held = piece
        else:
            held = Piece(held.text + piece.text, held.weight)
    if held is not None:
        yield held


def _tag(match: re.Match[str]) -> AdapterTag:
    kind, tag = KINDS[match[1]], match[0]
    name, *rest = match[2].split(":")
    positional = [value for value in rest if "=" not in value]
    named = dict(value.split("=", 1) for value in rest if "=" in value)
    most = 2 if kind is ArtifactKind.LORA else 1
    if not name.strip() or len(positional) > most or (named.keys() - {"te", "unet"}):
        raise InvalidValue("tag of a prompt", tag, remedy=_REMEDY)
    numbers = [_number(value, tag, "tag of a prompt") for value in positional or ["1"]]
    own = {key: _number(value, tag, "tag of a prompt") for key, value in named.items()}
    text_strength = own.get("te", numbers[0])
    strength = own.get("unet", numbers[1] if len(numbers) > 1 else text_strength)
    return AdapterTag(
        kind=kind, name=name.strip(), text_strength=text_strength, strength=strength, text=tag
    )


_REMEDY = "Write <lora:name:0.8>, <lora:name:0.5:0.8> (text encoders, U-Net) or <hypernet:name:1>"


def _number(text: str, whole: str, what: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        remedy = _REMEDY if whole.startswith("<") else "Write a number, as in (word:1.2)"
        raise InvalidValue(what, whole, remedy=remedy)
    return float(text)
