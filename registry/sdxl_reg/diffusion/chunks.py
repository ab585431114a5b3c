"""Prompts of any length as chunks of 75 tokens, each token with its weight, by A1111's rules.

Source: A1111's `modules/sd_hijack_clip.py`, `tokenize_line` with its default
`comma_padding_backtrack` of 20.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdxl_reg.formats.prompts import BREAK, parse_emphasis

CHUNK = 75
"""Tokens of text in a chunk; a start and an end come on top."""
BACKTRACK = 20
"""How far back a chunk may end at a comma instead."""
COMMA = ",</w>"


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """What a text encoder reads at a time.

    Attributes:
        ids: Token numbers, start and end included, padded as the encoder was taught.
        weights: How much each of them counts; 1 for what is not text.
    """

    ids: list[int]
    weights: list[float]


def chunks_of(tokenizer: Any, text: str) -> list[Chunk]:
    """A prompt as chunks; an empty one is one chunk.

    Args:
        tokenizer: A `CLIPTokenizer`. Ids beyond its first ones, in ascending order side by side,
            are an embedding's vectors and stay in one chunk.
        text: With emphasis and breaks.

    Raises:
        InvalidValue: A weight is no number.
    """
    filler = _Filler(comma=tokenizer.convert_tokens_to_ids(COMMA))
    for piece in parse_emphasis(text):
        if piece is BREAK:
            filler.close()
        else:
            ids = tokenizer(piece.text, add_special_tokens=False, truncation=False).input_ids
            for word in _words(ids, first_own=tokenizer.eos_token_id + 1):
                filler.add(word, piece.weight)
    return [_framed(tokenizer, held) for held in filler.finished()]


def empty_chunk(tokenizer: Any) -> Chunk:
    """The chunk of an empty text.

    Args:
        tokenizer: A `CLIPTokenizer`.
    """
    return _framed(tokenizer, _Held())


@dataclass(kw_only=True)
class _Held:
    """Tokens of a chunk that is being filled."""

    ids: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)


class _Filler:
    """Chunks as they fill up; at a full one, the words behind a near comma go on to the next."""

    def __init__(self, comma: int) -> None:
        self._comma = comma
        self._full: list[_Held] = []
        self._held = _Held()
        self._last_comma: int | None = None

    def add(self, word: Sequence[int], weight: float) -> None:
        if len(word) == 1 and word[0] == self._comma:
            self._last_comma = len(self._held.ids)
        elif len(self._held.ids) == CHUNK and self._last_comma is not None:
            self._go_back_to(self._last_comma + 1)
        if len(self._held.ids) + len(word) > CHUNK:
            self.close()
        self._held.ids += word
        self._held.weights += [weight] * len(word)

    def close(self) -> None:
        self._full.append(self._held)
        self._held, self._last_comma = _Held(), None

    def finished(self) -> list[_Held]:
        if self._held.ids or not self._full:
            self.close()
        return self._full

    def _go_back_to(self, place: int) -> None:
        ids, weights = self._held.ids, self._held.weights
        if len(ids) - place + 1 > BACKTRACK:
            return
        self._held = _Held(ids=ids[:place], weights=weights[:place])
        self.close()
        self._held = _Held(ids=ids[place:], weights=weights[place:])


def _words(ids: Sequence[int], *, first_own: int) -> Iterator[list[int]]:
    """Single tokens, and an embedding's as one, cut where it is longer than a chunk."""
    run: list[int] = []
    for token in ids:
        if run and (token < first_own or token != run[-1] + 1 or len(run) == CHUNK):
            yield run
            run = []
        if token < first_own:
            yield [token]
        else:
            run.append(token)
    if run:
        yield run


def _framed(tokenizer: Any, held: _Held) -> Chunk:
    rest = CHUNK - len(held.ids)
    ids = [tokenizer.bos_token_id, *held.ids, tokenizer.eos_token_id]
    return Chunk(
        ids=ids + [tokenizer.pad_token_id] * rest,
        weights=[1.0, *held.weights, 1.0] + [1.0] * rest,
    )
