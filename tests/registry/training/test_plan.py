"""Plans: how many steps, which pictures in which order, what is saved after which step."""

from collections import Counter
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.formats.kohya.buckets import Size
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.plan import Plan, Showing, Step, planned, steps_after

SQUARE, WIDE = (64, 64), (96, 64)


def _showings(*of: tuple[Size, int]) -> list[Showing]:
    return [
        Showing(index=index, bucket=bucket, repeats=repeats)
        for index, (bucket, repeats) in enumerate(of)
    ]


FIVE = _showings((SQUARE, 1), (WIDE, 2), (SQUARE, 1), (SQUARE, 1), (WIDE, 1))
"""Three showings in each of two buckets."""


def _plan(showings: list[Showing] = FIVE, **settings: Any) -> Plan:
    return planned(DenoisingConfig.model_validate(settings), showings, "x")


def _shown(steps: list[Step]) -> Counter[int]:
    return Counter(chain.from_iterable(chain.from_iterable(step.batches for step in steps)))


def test_a_batch_has_pictures_of_one_bucket_and_the_last_of_a_bucket_may_be_smaller() -> None:
    plan = _plan(max_train_epochs=2, train_batch_size=2)
    assert plan.buckets == {SQUARE: (0, 2, 3), WIDE: (1, 1, 4)}
    assert plan.showings == 6
    assert (plan.batches_per_epoch, plan.steps_per_epoch) == (4, 4)
    assert (plan.epochs, plan.steps) == (2, 8)
    for step in steps_after(plan, 42, 0):
        (batch,) = step.batches
        assert len(batch) in (1, 2)
        assert any(set(batch) <= set(shown) for shown in plan.buckets.values())


def test_accumulated_batches_make_one_step_and_an_epoch_ends_with_what_is_left() -> None:
    plan = _plan(max_train_epochs=2, train_batch_size=1, gradient_accumulation_steps=4)
    assert (plan.batches_per_epoch, plan.steps_per_epoch, plan.steps) == (6, 2, 4)
    steps = list(steps_after(plan, 42, 0))
    assert [len(step.batches) for step in steps] == [4, 2, 4, 2]
    assert [(step.number, step.epoch) for step in steps] == [(1, 1), (2, 1), (3, 2), (4, 2)]


def test_steps_go_before_epochs() -> None:
    plan = _plan(max_train_steps=7, max_train_epochs=30, train_batch_size=2)
    assert (plan.steps, plan.epochs) == (7, 2)


@given(
    repeats=st.lists(st.tuples(st.sampled_from([SQUARE, WIDE]), st.integers(1, 4)), min_size=1),
    batch_size=st.integers(1, 5),
    accumulation=st.integers(1, 3),
    seed=st.integers(0, 2**63 - 1),
)
def test_each_epoch_shows_each_picture_as_often_as_its_repeats(
    repeats: list[tuple[Size, int]], batch_size: int, accumulation: int, seed: int
) -> None:
    showings = _showings(*repeats)
    plan = _plan(
        showings,
        max_train_epochs=2,
        train_batch_size=batch_size,
        gradient_accumulation_steps=accumulation,
    )
    steps = list(steps_after(plan, seed, 0))
    expected = {showing.index: showing.repeats for showing in showings}
    for epoch in (1, 2):
        assert _shown([step for step in steps if step.epoch == epoch]) == expected


@given(done=st.integers(0, 12))
def test_the_steps_that_are_left_are_those_of_the_whole(done: int) -> None:
    plan = _plan(max_train_epochs=3, train_batch_size=2)
    assert list(steps_after(plan, 42, done)) == list(steps_after(plan, 42, 0))[done:]


def test_the_order_depends_on_the_seed_and_the_epoch_alone() -> None:
    short, long = _plan(max_train_epochs=2), _plan(max_train_epochs=5)
    first = list(steps_after(short, 42, 0))
    assert list(steps_after(long, 42, 0))[: len(first)] == first
    assert [step.batches for step in first[:6]] != [step.batches for step in first[6:]]
    assert list(steps_after(short, 43, 0)) != first


def test_about_five_versions_by_default_and_the_last_has_the_plain_name() -> None:
    files = _plan(max_train_epochs=10, train_batch_size=2).files
    assert files == {8: "x-000002", 16: "x-000004", 24: "x-000006", 32: "x-000008", 40: "x"}
    assert _plan(max_train_epochs=1, train_batch_size=2).files == {4: "x"}


@pytest.mark.parametrize(
    ("settings", "files"),
    [
        ({"save_every_n_epochs": 1}, {4: "x-000001", 8: "x-000002", 12: "x"}),
        ({"save_every_n_epochs": 2}, {8: "x-000002", 12: "x"}),
        ({"save_every_n_epochs": 99}, {12: "x"}),
        ({"save_every_n_steps": 5}, {5: "x-step00000005", 10: "x-step00000010", 12: "x"}),
        ({"save_every_n_steps": 6}, {6: "x-step00000006", 12: "x"}),
        ({"save_every_n_steps": 6, "max_train_steps": 5}, {5: "x"}),
        ({"save_every_n_epochs": 1, "max_train_steps": 6}, {4: "x-000001", 6: "x"}),
    ],
)
def test_versions_are_named_as_sd_scripts_names_them(
    settings: dict[str, Any], files: dict[int, str]
) -> None:
    assert _plan(max_train_epochs=3, train_batch_size=2, **settings).files == files


def test_the_state_is_saved_with_every_version_unless_said_otherwise() -> None:
    usual = _plan(max_train_epochs=3, train_batch_size=2, save_every_n_epochs=1)
    assert usual.states == {4, 8, 12}
    often = _plan(max_train_epochs=1, train_batch_size=2, save_state_every_n_steps=3)
    assert often.states == {3}


def test_samples_are_drawn_and_losses_measured_each_epoch_unless_said_otherwise() -> None:
    usual = _plan(max_train_steps=10, train_batch_size=2)
    assert usual.samples == {4, 8}
    assert usual.validations == {4, 8, 10}, "the end is always measured"
    said = _plan(
        max_train_steps=10, train_batch_size=2, sample_every_n_steps=5, validate_every_n_steps=3
    )
    assert said.samples == {5, 10}
    assert said.validations == {3, 6, 9, 10}
