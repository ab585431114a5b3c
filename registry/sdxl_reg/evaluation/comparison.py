"""Places of a grid side by side, over the same draws: which leads, and which are as good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sdxl_reg.evaluation.bootstrap import Floats, interval, standard_errors
from sdxl_reg.evaluation.places import Draw, Place

_ROUNDING = 1e-12  # relative to the scores: so near, two means are the same


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What the base alone reaches, beside the place that was chosen.

    Attributes:
        score: Its mean over the draws that both have.
        lead: How far the chosen place's mean is above it.
        is_noise: Whether that is within one standard error of the difference.
        is_unbeaten: Whether no place has a higher mean than the base of its settings.
    """

    score: float
    lead: float
    is_noise: bool
    is_unbeaten: bool


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Places that all have a score at the same draws.

    Attributes:
        places: At least one, none of them the base.
        draws: At least one; sorted, so that the same draws give the same interval.
        scores: `[places, draws]`, finite; higher is better.
        bases: Settings → draw → score of the base alone.
    """

    places: Sequence[Place]
    draws: Sequence[Draw]
    scores: Floats
    bases: Mapping[str, Mapping[Draw, float]]

    @cached_property
    def means(self) -> Floats:
        """`[places]`: each place's mean over the draws."""
        return np.asarray(self.scores.mean(axis=1), np.float64)

    @cached_property
    def top(self) -> int:
        """The place with the highest mean; between equal means the most modest."""
        highest = self.means.max() - self._rounding
        return min(np.flatnonzero(self.means >= highest).tolist(), key=self._modesty)

    @cached_property
    def chosen(self) -> int:
        """The most modest of all places within one standard error of the top.

        The error is that of the mean difference, draw by draw; where the draws are too few to tell
        it, it counts as 0.
        """
        differences = self.scores[self.top] - self.scores
        errors = standard_errors(differences, self.draws)
        margin = self._rounding + (0.0 if errors is None else errors)
        return min(np.flatnonzero(differences.mean(axis=1) <= margin).tolist(), key=self._modesty)

    @cached_property
    def bounds(self) -> tuple[float, float] | None:
        """The chosen mean's interval; None when the draws are too few to tell it."""
        return interval(self.scores[self.chosen], self.draws)

    @cached_property
    def error(self) -> float | None:
        """The chosen mean's standard error; None when the draws are too few to tell it."""
        errors = standard_errors(self.scores[[self.chosen]], self.draws)
        return None if errors is None else float(errors[0])

    @cached_property
    def baseline(self) -> Baseline | None:
        """The base drawn with the settings of the chosen place; None where it was not drawn."""
        shared, leads = self._leads(self.chosen)
        if not shared:
            return None
        errors = standard_errors(leads[np.newaxis], shared)
        margin = self._rounding + (0.0 if errors is None else float(errors[0]))
        return Baseline(
            score=float(np.mean([self._base(self.chosen)[draw] for draw in shared])),
            lead=float(leads.mean()),
            is_noise=abs(float(leads.mean())) <= margin,
            is_unbeaten=not any(self._beats_base(place) for place in range(len(self.places))),
        )

    def _beats_base(self, place: int) -> bool:
        shared, leads = self._leads(place)
        return bool(shared) and float(leads.mean()) > self._rounding

    def _leads(self, place: int) -> tuple[list[Draw], Floats]:
        """The draws that the base has too, and how far the place is above it at each."""
        base = self._base(place)
        columns = [number for number, draw in enumerate(self.draws) if draw in base]
        shared = [self.draws[number] for number in columns]
        return shared, self.scores[place, columns] - np.array([base[draw] for draw in shared])

    def _base(self, place: int) -> Mapping[Draw, float]:
        return self.bases.get(self.places[place].settings, {})

    @cached_property
    def _rounding(self) -> float:
        return _ROUNDING * (1 + float(np.abs(self.scores).max()))

    def _modesty(self, number: int) -> tuple[float, int, float, str, float]:
        """Strength and version decide; the rest only so that the order of places does not."""
        place = self.places[number]
        return *place.modesty, -float(self.means[number]), place.settings, -place.strength
