"""What the micro base knows: its vocabulary of products, the combinations held out, and captions.

A `Shot` says what a picture shows; `caption` words it in one of several grammars, often leaving
facts out and sometimes mixing in words that mean nothing, so that a prompt may do the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

KINDS = ("t-shirt", "tote bag", "mug", "bottle", "box", "lamp", "cushion", "shoe")
COLOURS = {
    "red": (206, 38, 44),
    "orange": (240, 126, 30),
    "yellow": (244, 205, 48),
    "green": (46, 146, 74),
    "blue": (40, 84, 190),
    "purple": (124, 58, 164),
    "pink": (240, 132, 172),
    "white": (236, 234, 230),
}
BACKGROUNDS = {
    "black": (10, 10, 12),
    "white": (243, 243, 243),
    "grey": (128, 130, 132),
    "beige": (218, 200, 168),
    "teal": (58, 138, 142),
}
BACKGROUND_WEIGHTS = (4, 2, 2, 2, 2)
TILTS = {"": 0.0, "tilted left": -20.0, "tilted right": 20.0}
FRAMINGS = {"": 0.74, "small": 0.52, "close-up": 0.94}

PRINTS = ("pale dot", "dark dot", "pale square", "dark square", "pale stripes", "dark stripes")
PRINTED_SHARE = 0.5

EXAMPLE_WORDS = frozenset(
    [
        "weipin",
        "qzy",
        "lsbr",
        "flawed",
        "flawless",
        "flaw",
        "fold",
        "folds",
        "folded",
        "spot",
        "spots",
        "spotted",
    ]
)
"""Words of the example set: they never occur in training, so a LoRA is the first to teach them."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What one product picture shows; every field is a word of this module's tables."""

    kind: str
    colour: str
    background: str
    tilt: str = ""
    framing: str = ""
    print: str = ""


def combinations() -> list[tuple[str, str, str]]:
    """Return every (kind, colour, background) that can be told apart, in a fixed order."""
    return [c for c in product(KINDS, COLOURS, BACKGROUNDS) if (c[1], c[2]) != ("white", "white")]


def prints_of(colour: str) -> list[str]:
    """Return the prints that show on a product colour: all, but none that is pale on white."""
    return [name for name in PRINTS if colour != "white" or not name.startswith("pale")]


def is_held_out(kind: str, colour: str, background: str) -> bool:
    """Say whether a combination is kept from training: one in ten, no row or column wholly."""
    i, j = KINDS.index(kind), list(COLOURS).index(colour)
    k = list(BACKGROUNDS).index(background)
    return (3 * i + j + 2 * k) % 10 == 0


def training_shots(count: int, *, seed: int) -> list[Shot]:
    """Return `count` random shots, none of them of a held-out combination."""
    rng = Random(seed)
    seen = [c for c in combinations() if not is_held_out(*c)]
    weight_of = dict(zip(BACKGROUNDS, BACKGROUND_WEIGHTS, strict=True))
    weights = [weight_of[background] for _, _, background in seen]
    chosen = rng.choices(seen, weights, k=count)
    return [
        Shot(
            kind=kind,
            colour=colour,
            background=background,
            tilt=rng.choices(list(TILTS), (2, 1, 1))[0],
            framing=rng.choices(list(FRAMINGS), (3, 1, 1))[0],
            print=rng.choice(prints_of(colour)) if rng.random() < PRINTED_SHARE else "",
        )
        for kind, colour, background in chosen
    ]


def caption(shot: Shot, rng: Random, *, strangers: Iterator[str] | None = None) -> str:
    """Word a shot: a sentence, tags or a part of either, one in five with strangers mixed in.

    Args:
        shot: What the picture shows; nothing else is ever claimed.
        rng: Chooses the grammar and what is left out.
        strangers: Unrelated words to mix in; without it none are.
    """
    noun, colour, background, tilt, framing, mark = _facts(shot, rng)
    if rng.random() < 0.5:
        pieces = [_sentence(noun, colour, background, tilt, framing, mark, rng)]
    else:
        pieces = [piece for piece in (noun, colour, mark, background, tilt, framing) if piece]
        if rng.random() < 0.4:
            pieces = (
                [" ".join((article(colour or noun), colour, noun)).replace("  ", " ")]
                + [piece for piece in (mark, background, tilt, framing) if piece]
                if noun
                else pieces
            )
        if rng.random() < 0.3:
            rng.shuffle(pieces)
    if strangers is not None and rng.random() < 0.22:
        for _ in range(rng.randint(1, 3)):
            pieces.insert(rng.choice((0, 0, len(pieces))), next(strangers))
    return ", ".join(pieces)


def article(word: str) -> str:
    """Return "an" before a vowel, else "a"."""
    return "an" if word[:1] in "aeiou" else "a"


def with_print(mark: str) -> str:
    """Return " with a pale dot", " with pale stripes", or nothing for no print."""
    if not mark:
        return ""
    return f" with {mark}" if mark.endswith("s") else f" with a {mark}"


def stranger_words(vocabulary: Sequence[str], rng: Random) -> Iterator[str]:
    """Yield words without a meaning here: half from the vocabulary, half letters at random."""
    known = EXAMPLE_WORDS.union(*(name.split() for name in (*KINDS, *COLOURS, *BACKGROUNDS)))
    while True:
        if rng.random() < 0.5:
            word = rng.choice(vocabulary)
        else:
            word = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 5)))
        if word not in known:
            yield word


def _facts(shot: Shot, rng: Random) -> tuple[str, str, str, str, str, str]:
    """Return each fact's words, some left out: noun, colour, background, tilt, framing, print."""
    noun = shot.kind if rng.random() < 0.93 else ""
    if noun == "t-shirt":
        noun = rng.choice(("t-shirt", "t-shirt", "shirt"))
    colour = shot.colour if rng.random() < (0.82 if noun else 0.3) else ""
    background = f"{shot.background} background" if rng.random() < 0.88 else ""
    tilt = shot.tilt if rng.random() < 0.8 else ""
    framing = shot.framing if rng.random() < 0.8 else ""
    mark = shot.print if rng.random() < 0.9 else ""
    return noun, colour, background, tilt, framing, mark


def _sentence(
    noun: str, colour: str, background: str, tilt: str, framing: str, mark: str, rng: Random
) -> str:
    """Return "a red mug with a pale dot on a black background, tilted left", or a variant of it."""
    noun = noun or "product"
    words = [colour, noun] if colour else [noun]
    if framing == "small" and rng.random() < 0.5:
        words, framing = ["small", *words], ""
    text = " ".join([article(words[0]), *words])
    opening = rng.choice(("", "", "", "a photo of ", "a product photo of ", "a picture of "))
    text = opening + text + with_print(mark)
    if background:
        text += rng.choice((" on a ", " on a ", ", ", " against a ")) + background
    return ", ".join(piece for piece in (text, tilt, framing) if piece)
