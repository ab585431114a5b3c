"""What a grid consists of: cells and their keys, strengths, prompts, references. No torch here."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sdxl_reg.errors import InvalidValue
from sdxl_reg.jobs.spec import SamplingSpec

KEY_SCHEMA = 1
"""Raised whenever the same settings would draw other pixels, so that old cells are not reused."""

SCORER = "efficientnet-lite0/1"
"""The network that is always there, and a number that is raised when it measures differently."""

DEFAULT_STRENGTHS = tuple(tenth / 10 for tenth in range(11))
DEFAULT_SEEDS = (1234,)
DEFAULT_PROMPT_COUNT = 3
MAX_STRENGTHS = 101
STRENGTH_DIGITS = 4
"""Decimals of a strength that count: 0.1 + 0.2 and 0.3 are one strength."""


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


@dataclass(frozen=True, kw_only=True)
class PlannedCell:
    """One place of a grid.

    Attributes:
        key: Hash of everything that determines the pixels.
        version: Index into the grid's versions.
        strength: 0 is the base, 1 the version as trained.
        prompt: What is asked for.
        seed: Of the noise.
    """

    key: str
    version: int
    strength: float
    prompt: str
    seed: int


def plan_cells(
    *,
    base_sha256: str,
    versions_sha256: Sequence[str],
    strengths: Sequence[float],
    prompts: Sequence[str],
    seeds: Sequence[int],
    sampling: SamplingSpec,
) -> list[PlannedCell]:
    """Every cell of a grid, by prompt, then seed, then version, then strength.

    At strength 0 the version does not matter: those cells share one key, and one picture.
    """
    return [
        PlannedCell(
            key=cell_key(
                base_sha256=base_sha256,
                version_sha256=versions_sha256[version],
                strength=strength,
                prompt=prompt,
                seed=seed,
                sampling=sampling,
            ),
            version=version,
            strength=strength,
            prompt=prompt,
            seed=seed,
        )
        for prompt in prompts
        for seed in seeds
        for version in range(len(versions_sha256))
        for strength in strengths
    ]


def cell_key(
    *,
    base_sha256: str,
    version_sha256: str,
    strength: float,
    prompt: str,
    seed: int,
    sampling: SamplingSpec,
) -> str:
    """SHA-256 of everything that determines a cell's pixels, up to the arithmetic of the machine.

    Returns:
        64 hexadecimal digits. Strength 0 is the base alone, whatever the version.
    """
    strength = round(strength, STRENGTH_DIGITS)
    facts = {
        "schema": KEY_SCHEMA,
        "base": base_sha256,
        "adapter": None if strength == 0 else {"sha256": version_sha256, "strength": strength},
        "prompt": prompt,
        "seed": seed,
        "sampling": sampling.model_dump(mode="json"),
    }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def parse_strengths(text: str) -> tuple[float, ...]:
    """Strengths as a user writes them: `0:1:0.1` (both ends included) or `0,0.5,1`.

    Returns:
        Distinct strengths, ascending.

    Raises:
        InvalidValue: It is neither form, a value is outside −5 … 5, or there are more than 101.
    """
    remedy = "Write a range as 0:1:0.1 or a list as 0,0.5,1; strengths lie between -5 and 5"
    try:
        values = _range(text) if ":" in text else [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidValue("not a list of strengths", repr(text), remedy=remedy) from None
    found = tuple(sorted({round(value, STRENGTH_DIGITS) + 0.0 for value in values}))
    if not found or len(found) > MAX_STRENGTHS or not all(-5 <= value <= 5 for value in found):
        raise InvalidValue("not a list of strengths", repr(text), remedy=remedy)
    return found


def parse_versions(text: str) -> tuple[int, ...]:
    """Numbers of versions as a user writes them: `1,3,5`, or `1:5` with both ends included.

    Raises:
        InvalidValue: It is neither form.
    """
    numbers: list[int] = []
    for part in text.split(","):
        first, colon, last = part.strip().partition(":")
        if not first.isdecimal() or (colon and not last.isdecimal()):
            raise InvalidValue("not a list of versions", repr(text), remedy="Write 1,3,5 or 1:5")
        numbers += range(int(first), int(last or first) + 1)
    return tuple(dict.fromkeys(numbers))


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


def _range(text: str) -> list[float]:
    first, last, step = (float(part) for part in text.split(":"))
    if step <= 0 or last < first or (last - first) / step > MAX_STRENGTHS:
        raise ValueError(text)
    return [first + step * number for number in range(int((last - first) / step + 1e-6) + 1)]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0
