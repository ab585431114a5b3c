"""Optimisers by name, their arguments, and the schedules of their rates."""

import importlib.util
from typing import Any

import pytest
import torch
from torch import nn

from sdxl_reg.errors import UnknownName, UsageError
from sdxl_reg.trainers.settings import OptimizerSettings
from sdxl_reg.training.optimizers import (
    NAMED,
    clip,
    made_optimizer,
    made_schedule,
    set_mode,
)


def _settings(**values: Any) -> OptimizerSettings:
    return OptimizerSettings.model_validate(values)


def _groups(lr: float = 0.1) -> tuple[nn.Parameter, list[dict[str, Any]]]:
    value = nn.Parameter(torch.ones(4, 4))
    return value, [{"params": [value], "lr": lr, "name": "unet"}]


def _is_installed(path: str) -> bool:
    return importlib.util.find_spec(path.partition(".")[0]) is not None


INSTALLED = [name for name, path in NAMED.items() if _is_installed(path)]
MISSING = [name for name, path in NAMED.items() if not _is_installed(path)]


@pytest.mark.parametrize("name", [*INSTALLED, "torch.optim.RAdam", "adamw", "ADAFACTOR"])
def test_an_optimiser_goes_down_a_slope(name: str) -> None:
    value, groups = _groups(1.0 if name == "Prodigy" else 0.1)
    optimizer = made_optimizer(_settings(optimizer_type=name), groups)
    set_mode(optimizer, training=True)
    for _ in range(30):
        value.square().sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    set_mode(optimizer, training=False)
    assert value.detach().square().sum() < 15, "it began at 16"
    assert optimizer.param_groups[0]["name"] == "unet"


def test_prodigy_takes_one_rate_only() -> None:
    _, one = _groups(5e-5)
    _, other = _groups(1e-4)
    with pytest.raises(UsageError, match=r"they have 5e-05, 0\.0001"):
        made_optimizer(_settings(optimizer_type="prodigy"), [*one, *other])


@pytest.mark.parametrize("name", MISSING)
def test_an_optimiser_whose_package_is_missing_says_how_to_install_it(name: str) -> None:
    _, groups = _groups()
    package = {"prodigyopt": "prodigyopt", "lion_pytorch": "lion-pytorch"}
    module = NAMED[name].partition(".")[0]
    with pytest.raises(UsageError, match=f"pip install {package.get(module, module)}$"):
        made_optimizer(_settings(optimizer_type=name), groups)


def test_a_class_of_a_package_that_is_missing_is_told_likewise() -> None:
    _, groups = _groups()
    with pytest.raises(UsageError, match=r"pip install no_such_package$"):
        made_optimizer(_settings(optimizer_type="no_such_package.optim.Best"), groups)


@pytest.mark.parametrize("name", ["AdmW", "torch.optim.AdmW"])
def test_a_name_that_nothing_has_is_refused(name: str) -> None:
    _, groups = _groups()
    with pytest.raises(UnknownName, match="optimizer_type"):
        made_optimizer(_settings(optimizer_type=name), groups)


@pytest.mark.parametrize("name", ["torch.nn.Linear", "torch.optim.lr_scheduler", ".AdamW", "a..b"])
def test_what_is_no_optimiser_is_refused(name: str) -> None:
    _, groups = _groups()
    with pytest.raises(UsageError, match="optimizer_type"):
        made_optimizer(_settings(optimizer_type=name), groups)


def test_arguments_and_weight_decay_reach_the_optimiser() -> None:
    _, groups = _groups()
    words = "betas=(0.8,0.9) eps=1e-6"
    optimizer = made_optimizer(_settings(optimizer_args=words, weight_decay=0.5), groups)
    group = optimizer.param_groups[0]
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.8, 0.9), 1e-6, 0.5)


@pytest.mark.parametrize("words", ["nonsense=1", "betas=(2.0,0.9)", "lr=-1 nonsense=2"])
def test_arguments_that_it_does_not_take_are_refused(words: str) -> None:
    _, groups = _groups()
    with pytest.raises(UsageError, match="AdamW does not take these settings"):
        made_optimizer(_settings(optimizer_args=words), groups)


def _rates(steps: int, **settings: Any) -> list[float]:
    _, groups = _groups(1.0)
    config = _settings(optimizer_type="SGD", **settings)
    optimizer = made_optimizer(config, groups)
    schedule = made_schedule(config, optimizer, steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_a_warm_up_below_1_is_a_share_of_the_steps() -> None:
    share = _rates(20, lr_warmup_steps=0.2)
    assert share == _rates(20, lr_warmup_steps=4)
    assert share == pytest.approx([0, 0.25, 0.5, 0.75, *[1.0] * 16])


def test_a_constant_schedule_has_no_warm_up() -> None:
    assert _rates(5, lr_scheduler="constant", lr_warmup_steps=3) == [1.0] * 5


def test_no_warm_up_begins_at_the_full_rate() -> None:
    assert _rates(3, lr_warmup_steps=0) == [1.0] * 3


@pytest.mark.parametrize("name", ["linear", "cosine", "polynomial"])
def test_a_falling_schedule_ends_near_nothing(name: str) -> None:
    rates = _rates(50, lr_scheduler=name, lr_warmup_steps=0)
    assert rates[0] == 1
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.05


def test_cosine_restarts_as_often_as_is_said() -> None:
    rates = _rates(
        40, lr_scheduler="cosine_with_restarts", lr_scheduler_num_cycles=4, lr_warmup_steps=0
    )
    assert [step for step, rate in enumerate(rates) if rate == 1] == [0, 10, 20, 30]


def test_gradients_are_clipped_to_a_norm_and_0_only_measures() -> None:
    value = nn.Parameter(torch.zeros(4))
    value.grad = torch.full((4,), 2.0)
    assert clip([value], 0) == 4
    assert torch.equal(value.grad, torch.full((4,), 2.0))
    assert clip([value], 1.0) == 4
    assert value.grad.norm().item() == pytest.approx(1, abs=1e-5)  # torch divides by norm + 1e-6
