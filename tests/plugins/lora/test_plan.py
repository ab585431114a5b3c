from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.plan import batches, planned, rate_factor


def _config(**values: Any) -> LoraConfig:
    return LoraConfig.model_validate(values)


def test_each_epoch_gives_a_file_and_the_last_has_the_plain_name() -> None:
    plan = planned(_config(max_train_epochs=3, train_batch_size=2), [1] * 5, "x")
    assert plan.batches_per_epoch == 3
    assert plan.files == {3: "x-000001.safetensors", 6: "x-000002.safetensors", 9: "x.safetensors"}


def test_steps_go_before_epochs_and_may_end_inside_one() -> None:
    plan = planned(_config(max_train_steps=7), [1] * 5, "x")
    assert (plan.steps, plan.epochs) == (7, 2)
    assert plan.files == {5: "x-000001.safetensors", 7: "x.safetensors"}


def test_files_can_be_fewer_or_follow_the_steps() -> None:
    plan = planned(_config(max_train_epochs=5, save_every_n_epochs=2), [1] * 2, "x")
    assert list(plan.files) == [4, 8, 10]
    plan = planned(_config(max_train_steps=9, save_every_n_steps=4), [1], "x")
    assert plan.files == {
        4: "x-step00000004.safetensors",
        8: "x-step00000008.safetensors",
        9: "x.safetensors",
    }


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=9),
    st.integers(1, 4),
    st.integers(0, 2**63 - 1),
)
def test_an_epoch_shows_every_picture_as_often_as_it_is_repeated(
    repeats: list[int], batch_size: int, seed: int
) -> None:
    config = _config(max_train_epochs=2, train_batch_size=batch_size, seed=seed)
    plan = planned(config, repeats, "x")
    steps = list(batches(plan, seed))
    half = plan.batches_per_epoch
    for epoch in (steps[:half], steps[half:]):
        shown = sorted(index for _, indices in epoch for index in indices)
        assert shown == sorted(plan.shown)
    assert [step for step, _ in steps] == list(range(1, plan.steps + 1))


def test_the_order_changes_with_the_epoch_and_the_seed() -> None:
    plan = planned(_config(max_train_epochs=2), [1] * 20, "x")
    first = [indices for _, indices in batches(plan, 1)]
    assert first == [indices for _, indices in batches(plan, 1)]
    assert first[:20] != first[20:]
    assert first != [indices for _, indices in batches(plan, 2)]


def test_the_learning_rate_rises_and_then_follows_its_curve() -> None:
    config = _config(lr_warmup_steps=2, lr_scheduler="linear")
    assert [rate_factor(config, step, 6) for step in range(1, 7)] == [0.5, 1, 1, 0.75, 0.5, 0.25]
    cosine = _config(lr_scheduler="cosine")
    assert [rate_factor(cosine, step, 2) for step in (1, 2)] == [1, pytest.approx(0.5)]
    assert rate_factor(_config(lr_scheduler="constant"), 5, 5) == 1


def test_kohyas_spellings_are_taken() -> None:
    config = _config(network_dim="8", network_alpha="4")
    assert (config.rank, config.alpha) == (8, 4.0)
