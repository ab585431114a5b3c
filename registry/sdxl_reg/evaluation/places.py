"""The places of a grid and their scores, and which of them can be compared. No torch here."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sdxl_reg.errors import InvalidValue

Draw = tuple[str, int]
"""A prompt and a seed: what is drawn at every place from the same noise."""

BASE_STRENGTH = 0.0

LEAST_SHARE = 0.5
"""Of the draws of the fullest place: what all places that are compared have in common."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a grid a picture stands, apart from its prompt and seed, and the scores there.

    Attributes:
        version: Order of the version: the earlier, the smaller.
        ref: The version as people call it, such as `weipin-lora@3`.
        strength: 0 is the base, 1 the version as trained.
        settings: What else tells the place from others, in words such as `steps 30`; or empty.
        scores: Metric → draw → value. A draw without a value, or with one that is not finite, was
            not drawn, failed, or could not be scored.
    """

    version: int
    ref: str
    strength: float
    settings: str = ""
    scores: Mapping[str, Mapping[Draw, float]]

    @property
    def key(self) -> tuple[int, float, str]:
        """What tells this place from every other of its grid."""
        return self.version, self.strength, self.settings

    @property
    def label(self) -> str:
        """Such as `weipin-lora@3 at 0.8, steps 30`."""
        settings = f", {self.settings}" if self.settings else ""
        return f"{self.ref} at {self.strength:g}{settings}"

    @property
    def modesty(self) -> tuple[float, int]:
        """Smaller for a weaker strength, then for an earlier version."""
        return abs(self.strength), self.version

    @property
    def is_base(self) -> bool:
        """Whether the version has no part in its pictures."""
        return self.strength == BASE_STRENGTH


def check_distinct(places: Iterable[Place]) -> None:
    """Let no place stand twice: its scores would belong together.

    Args:
        places: Of one grid.

    Raises:
        InvalidValue: Two have the same version, strength and settings.
    """
    seen: set[tuple[int, float, str]] = set()
    for place in places:
        if place.key in seen:
            raise InvalidValue(
                "a place that is there twice", place.label, remedy="Name what tells them apart"
            )
        seen.add(place.key)


def comparable_draws(draws: Sequence[frozenset[Draw]]) -> tuple[int, list[Draw]]:
    """Which places to leave out so that the others share enough draws, and what these share.

    Means over different draws cannot be compared: one prompt is harder than another. So all places
    are compared on the draws that all of them have. Where these are fewer than `LEAST_SHARE` of
    what the fullest place has, the emptiest places are left out, one by one, until it is enough;
    the fullest alone always is.

    Args:
        draws: The scored draws of each place, ascending by their number; none is empty.

    Returns:
        How many places at the beginning of the list to leave out, and the draws that all others
        have, sorted.
    """
    enough = LEAST_SHARE * max(map(len, draws), default=0)
    having = Counter(draw for each in draws for draw in each)
    for left_out, emptiest in enumerate(draws):
        shared = [draw for draw, places in having.items() if places == len(draws) - left_out]
        if len(shared) >= enough:
            return left_out, sorted(shared)
        having.subtract(emptiest)
    return len(draws), []
