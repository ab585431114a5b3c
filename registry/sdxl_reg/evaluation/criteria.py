"""By what a place is judged: gates that it must pass, and weights of its scores. No torch here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from types import MappingProxyType

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.places import Draw, Place

DEFAULT_METRIC = "fidelity"

DEFAULT_MAY_FAIL = 0.1
"""With fewer than ten draws, none may fail."""

_METRIC = r"[A-Za-z][\w.-]*"
_WEIGHT = re.compile(rf"\s*({_METRIC})\s*=\s*([^\s=]+)\s*")
_GATE = re.compile(rf"\s*({_METRIC})\s*(<=|>=)\s*([^\s<>=%]+)(?:\s+in\s+([^\s%]+)\s*%)?\s*")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What the pictures of a place must be, whatever else speaks for it.

    Attributes:
        metric: Which of the scores.
        minimum: The least a draw may have; None for no bound.
        maximum: The most a draw may have; None for no bound.
        may_fail: Share of the draws that may lie outside, from 0 to below 1.

    Raises:
        InvalidValue: There is no bound, the bounds are not finite or the wrong way round, or the
            share is out of its range.
    """

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    may_fail: float = DEFAULT_MAY_FAIL

    def __post_init__(self) -> None:
        given = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        if not given or not all(map(isfinite, given)) or given != sorted(given):
            raise InvalidValue(
                f"not the bounds of a gate on {self.metric}",
                f"{self.minimum} to {self.maximum}",
                remedy="Give a minimum, a maximum that is no lower, or both",
            )
        if not 0 <= self.may_fail < 1:
            raise InvalidValue(
                f"not a share of draws that may fail the gate on {self.metric}",
                self.may_fail,
                remedy="It lies from 0 to below 1",
            )

    @property
    def bounds(self) -> str:
        """In words: `at least 0.5`, `at most 0.1` or `from 0.1 to 0.5`."""
        if self.minimum is None:
            return f"at most {self.maximum:g}"
        if self.maximum is None:
            return f"at least {self.minimum:g}"
        return f"from {self.minimum:g} to {self.maximum:g}"

    def fault(self, place: Place) -> str:
        """Why a place does not pass; a gate that nothing can be read for is shut.

        Args:
            place: With all its draws; those without a value of this metric do not count.

        Returns:
            A few words that name the gate and the value; empty when it passes.
        """
        values = [value for value in place.scores.get(self.metric, {}).values() if isfinite(value)]
        if not values:
            return f"no picture has a value of {self.metric}"
        outside = [value for value in values if self._excess(value) > 0]
        if len(outside) <= self.may_fail * len(values) + 1e-9:
            return ""
        worst = max(outside, key=self._excess)
        share = f"{len(outside)} of {len(values)}"
        return f"{self.metric} is not {self.bounds} in {share} pictures (worst {worst:.3g})"

    def _excess(self, value: float) -> float:
        below = 0.0 if self.minimum is None else self.minimum - value
        above = 0.0 if self.maximum is None else value - self.maximum
        return max(below, above, 0.0)


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What makes one place better than another.

    Attributes:
        weights: Metric → weight; negative where lower is better. Only their proportions matter for
            what is chosen; the score is the plain weighted sum, so a single weight of 1 leaves a
            metric in its own unit.
        gates: What every place must pass first.

    Raises:
        InvalidValue: There is no weight, or one that is 0 or not finite.
    """

    weights: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({DEFAULT_METRIC: 1.0})
    )
    gates: Sequence[Gate] = ()

    def __post_init__(self) -> None:
        if not self.weights:
            raise InvalidValue("no weights to choose by", "{}", remedy="Give one, as fidelity=1")
        for metric, weight in self.weights.items():
            if not isfinite(weight) or weight == 0:
                raise InvalidValue(
                    f"not a weight of {metric}", weight, remedy="It is a number other than 0"
                )

    @property
    def formula(self) -> str:
        """What the score is, for people: `fidelity`, or `fidelity - 0.5 nearest`."""
        said = ""
        for metric, weight in self._ordered():
            sign = ("-" if weight < 0 else "") if not said else (" - " if weight < 0 else " + ")
            said += sign + ("" if abs(weight) == 1 else f"{abs(weight):g} ") + metric
        return said

    def scores_of(self, place: Place) -> dict[Draw, float]:
        """The weighted sum at each draw that has a finite value of every weighted metric."""
        rows = [(weight, place.scores.get(metric, {})) for metric, weight in self._ordered()]
        shared = set.intersection(*(set(values) for _, values in rows))
        sums = {draw: sum(weight * values[draw] for weight, values in rows) for draw in shared}
        return {draw: value for draw, value in sums.items() if isfinite(value)}

    def fault(self, place: Place) -> str:
        """Why a place is out, in a few words; empty when it passes every gate."""
        return "; ".join(filter(None, (gate.fault(place) for gate in self.gates)))

    def _ordered(self) -> list[tuple[str, float]]:
        """Helpful terms first, so that every machine adds and writes them in one order."""
        return sorted(self.weights.items(), key=lambda item: (-item[1], item[0]))


def parse_weight(text: str) -> tuple[str, float]:
    """A metric and its weight as a user writes them: `fidelity=1` or `nearest=-0.5`.

    Args:
        text: One of them.

    Returns:
        The metric, and a finite weight other than 0.

    Raises:
        InvalidValue: It has another form, or the weight is 0 or not finite.
    """
    found = _WEIGHT.fullmatch(text)
    weight = _number(found[2]) if found else None
    if found is None or weight is None or weight == 0:
        raise InvalidValue(
            "not the weight of a metric",
            repr(text),
            remedy="Write fidelity=1, or a negative number where lower is better: nearest=-0.5",
        )
    return found[1], weight


def parse_gate(text: str) -> Gate:
    """A gate as a user writes it: `memorised<=0.1`, `health>=0.5` or `health>=0.5 in 80%`.

    The percentage says in how many draws it must hold at least; without it, in 90 %.

    Args:
        text: One gate.

    Raises:
        InvalidValue: It has another form, a bound is not finite, or a percentage lies outside
            0 … 100.
    """
    found = _GATE.fullmatch(text)
    bound = _number(found[3]) if found else None
    share = _number(found[4]) if found and found[4] else 100 * (1 - DEFAULT_MAY_FAIL)
    if found is None or bound is None or share is None or not 0 < share <= 100:
        raise InvalidValue(
            "not a gate",
            repr(text),
            remedy="Write memorised<=0.1 or health>=0.5, and with it, if fewer pictures need to"
            " pass than 90 in 100: health>=0.5 in 80%",
        )
    is_maximum = found[2] == "<="
    return Gate(
        metric=found[1],
        minimum=None if is_maximum else bound,
        maximum=bound if is_maximum else None,
        may_fail=round(1 - share / 100, 9),
    )


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
