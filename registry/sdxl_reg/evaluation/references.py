"""What a grid asks for and compares with: prompts out of captions, pictures for a prompt.

No torch here.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

SCORER = "efficientnet-lite0/1"
"""The network that is always there, and a number that is raised when it measures differently."""

DEFAULT_PROMPT_COUNT = 3


class Captioned(Protocol):
    """A picture of a dataset: its caption and its path of tags."""

    @property
    def caption(self) -> str:
        """One line of text, possibly empty."""

    @property
    def tags(self) -> str:
        """Such as `qzy/flawed/spot`; possibly empty."""


class Identified(Protocol):
    """A picture of a dataset: its caption and the digest of its bytes."""

    @property
    def caption(self) -> str:
        """One line of text, possibly empty."""

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits."""


_Picture = TypeVar("_Picture", bound=Captioned)


def default_prompts(
    images: Iterable[Captioned], count: int = DEFAULT_PROMPT_COUNT
) -> tuple[str, ...]:
    """Captions of the dataset that together show the most of what its tags tell apart.

    One by one, the caption is taken whose tags add most that no prompt has shown yet; between
    equals the more frequent one, then the first in the alphabet. So a defect comes before its
    absence, and a second prompt is of another brand or another defect.

    Args:
        images: The dataset.
        count: At most so many prompts.

    Returns:
        Distinct captions that are not empty; none when the dataset has none.
    """
    seen = Counter((image.caption, image.tags) for image in images if image.caption.strip())
    candidates = [(caption, frozenset(tags.split("/")), n) for (caption, tags), n in seen.items()]
    chosen: list[str] = []
    shown: frozenset[str] = frozenset()
    while candidates and len(chosen) < count:
        candidates.sort(key=lambda found: (-len(found[1] - shown), -found[2], found[0]))
        caption, tags, _ = candidates[0]
        chosen.append(caption)
        shown |= tags
        candidates = [found for found in candidates if found[0] != caption]
    return tuple(chosen)


def matching_references(prompt: str, images: Sequence[_Picture]) -> list[_Picture]:
    """The pictures a prompt asks for: those whose captions share the most of its words.

    Likeness is the share of common words among all words of both (Jaccard), so an equal caption
    is likest. When no caption shares a word, all pictures are meant.
    """
    wanted = _words(prompt)
    likeness = [_jaccard(wanted, _words(image.caption)) for image in images]
    best = max(likeness, default=0.0)
    if best == 0:
        return list(images)
    return [image for image, like in zip(images, likeness, strict=True) if like == best]


def scorer_name(references: Iterable[Identified], *, network: str = SCORER) -> str:
    """What tells one scorer from another: the network, and what it compares with.

    Args:
        references: The pictures it compares with, in their order.
        network: Its identity.

    Returns:
        Such as `efficientnet-lite0/1:0a1b2c3d4e5f`; other captions or pictures give another name.
    """
    lines = "".join(f"{image.sha256} {image.caption}\n" for image in references)
    return f"{network}:{hashlib.sha256(lines.encode()).hexdigest()[:12]}"


def digest_of(facts: Iterable[str]) -> str:
    """Twelve hexadecimal digits that tell one set of facts from another, whatever their order."""
    return hashlib.sha256("\n".join(sorted(set(facts))).encode()).hexdigest()[:12]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0
