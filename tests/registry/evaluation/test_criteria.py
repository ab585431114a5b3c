"""Gates and weights, as code and as users write them."""

from collections.abc import Callable, Mapping

import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.criteria import Criteria, Gate, parse_gate, parse_weight
from sdxl_reg.evaluation.places import Draw, Place

DRAWS: list[Draw] = [("a mug", seed) for seed in range(10)]


def _place(**values: list[float]) -> Place:
    scores = {metric: dict(zip(DRAWS, row, strict=False)) for metric, row in values.items()}
    return Place(version=1, ref="x@1", strength=1.0, scores=scores)


def test_a_gate_counts_the_draws_outside_its_bounds() -> None:
    gate = Gate(metric="health", minimum=0.5, may_fail=0.25)
    assert gate.fault(_place(health=[0.5, 0.9, 0.9, 0.1])) == ""
    assert gate.fault(_place(health=[0.5, 0.3, 0.9, 0.1])) == (
        "health is not at least 0.5 in 2 of 4 pictures (worst 0.1)"
    )


def test_by_default_one_draw_in_ten_may_fail_a_gate() -> None:
    gate = Gate(metric="memorised", maximum=0.1)
    assert gate.fault(_place(memorised=[0.0] * 9 + [1.0])) == ""
    assert gate.fault(_place(memorised=[0.0] * 8 + [1.0])) == (
        "memorised is not at most 0.1 in 1 of 9 pictures (worst 1)"
    )


def test_a_gate_with_two_bounds_names_what_lies_farthest_outside() -> None:
    gate = Gate(metric="contrast", minimum=0.2, maximum=0.4)
    assert gate.fault(_place(contrast=[0.3, 0.1, 0.45])) == (
        "contrast is not from 0.2 to 0.4 in 2 of 3 pictures (worst 0.1)"
    )


@pytest.mark.parametrize("values", [{}, {"health": []}, {"health": [float("nan")]}])
def test_a_gate_that_nothing_can_be_read_for_is_shut(values: dict[str, list[float]]) -> None:
    fault = Gate(metric="health", minimum=0.0).fault(_place(**values))
    assert fault == "no picture has a value of health"


def test_a_value_that_is_not_finite_does_not_count_for_a_gate() -> None:
    gate = Gate(metric="health", minimum=0.5)
    assert gate.fault(_place(health=[0.9, float("nan")])) == ""


@pytest.mark.parametrize(
    "make",
    [
        lambda: Gate(metric="health"),
        lambda: Gate(metric="health", minimum=0.5, maximum=0.4),
        lambda: Gate(metric="health", minimum=float("nan")),
        lambda: Gate(metric="health", minimum=0.5, may_fail=1.0),
        lambda: Gate(metric="health", minimum=0.5, may_fail=-0.1),
        lambda: Criteria(weights={}),
        lambda: Criteria(weights={"fidelity": 0.0}),
        lambda: Criteria(weights={"fidelity": float("inf")}),
    ],
)
def test_criteria_that_decide_nothing_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidValue):
        make()


def test_the_score_is_the_weighted_sum_where_every_metric_has_a_value() -> None:
    place = _place(fidelity=[0.5, 0.6, 0.7], nearest=[0.2, float("nan")])
    assert Criteria().scores_of(place) == dict(zip(DRAWS, [0.5, 0.6, 0.7], strict=False))
    weights = {"nearest": -0.5, "fidelity": 2.0}
    assert Criteria(weights=weights).scores_of(place) == {DRAWS[0]: pytest.approx(0.9)}
    assert Criteria(weights={"beauty": 1.0}).scores_of(place) == {}


@pytest.mark.parametrize(
    ("weights", "formula"),
    [
        ({"fidelity": 1.0}, "fidelity"),
        ({"nearest": -0.5, "fidelity": 1.0, "health": 2.0}, "2 health + fidelity - 0.5 nearest"),
        ({"loss": -1.0}, "-loss"),
        ({"loss": -1.0, "nearest": -2.0}, "-loss - 2 nearest"),
    ],
)
def test_the_formula_is_told_helpful_terms_first(
    weights: Mapping[str, float], formula: str
) -> None:
    assert Criteria(weights=weights).formula == formula


def test_every_gate_that_fails_is_named() -> None:
    gates = [Gate(metric="health", minimum=0.5), Gate(metric="memorised", maximum=0.1)]
    criteria = Criteria(gates=gates)
    assert criteria.fault(_place(health=[0.9], memorised=[0.0])) == ""
    assert criteria.fault(_place(health=[0.1], memorised=[1.0])) == (
        "health is not at least 0.5 in 1 of 1 pictures (worst 0.1); "
        "memorised is not at most 0.1 in 1 of 1 pictures (worst 1)"
    )


@pytest.mark.parametrize(
    ("text", "weight"),
    [("fidelity=1", ("fidelity", 1.0)), (" nearest = -.5 ", ("nearest", -0.5))],
)
def test_a_weight_is_read(text: str, weight: tuple[str, float]) -> None:
    assert parse_weight(text) == weight


@pytest.mark.parametrize(
    "text", ["", "fidelity", "=1", "fidelity=", "fidelity=0", "fidelity=nan", "a=1=2", "1=1", "a=b"]
)
def test_what_is_no_weight_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidValue, match="Write fidelity=1") as refused:
        parse_weight(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("memorised<=0.1", Gate(metric="memorised", maximum=0.1)),
        (" health >= -5e-1 ", Gate(metric="health", minimum=-0.5)),
        ("health>=0.5 in 80%", Gate(metric="health", minimum=0.5, may_fail=0.2)),
        ("health>=0.5 in 100 %", Gate(metric="health", minimum=0.5, may_fail=0.0)),
    ],
)
def test_a_gate_is_read(text: str, gate: Gate) -> None:
    assert parse_gate(text) == gate


@pytest.mark.parametrize(
    "text",
    [
        *["", "health", "health>0.5", "health>=", ">=0.5", "health>=much", "health=>0.5", "a>=nan"],
        *["health>=0.5 in 0%", "health>=0.5 in 101%", "health>=0.5 in x%"],
        *["a>=0.5in80%", "a>=1<=2"],
    ],
)
def test_what_is_no_gate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"Write memorised<=0\.1") as refused:
        parse_gate(text)
    assert repr(text) in str(refused.value)
