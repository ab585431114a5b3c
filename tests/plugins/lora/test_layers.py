"""Our adapted layers against peft's own, in float64, values and gradients; and their dropouts."""

import copy
from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from sdxl_reg_lora.layers import ADAPTER, Dropouts, adapted_forward

EXACT: dict[str, Any] = {"rtol": 0.0, "atol": 1e-10}
"""The same products in another order: float64's 1e-16, grown by sums of some hundred numbers."""
LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(6, 5), (3, 6)),
    "linear over tokens": (lambda: nn.Linear(6, 5), (3, 4, 6)),
    "linear without bias": (lambda: nn.Linear(6, 5, bias=False), (3, 6)),
    "convolution": (lambda: nn.Conv2d(6, 5, 3, padding=1), (2, 6, 7, 8)),
    "convolution with stride": (lambda: nn.Conv2d(6, 5, 3, stride=2, padding=1), (2, 6, 7, 8)),
    "convolution of one pixel": (lambda: nn.Conv2d(6, 5, 1), (2, 6, 7, 8)),
}


class _Net(nn.Module):
    """One layer by name, as peft wants it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer


def _adapted(layer: nn.Module, *, rank: int = 2) -> Any:
    """A layer with a random adapter of peft, in float64."""
    torch.manual_seed(0)
    net = _Net(layer).requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=3, init_lora_weights=False, target_modules=["layer"])
    return inject_adapter_in_model(config, net).double().get_submodule("layer")


def _ours(peft_layer: Any, dropouts: Dropouts = Dropouts()) -> Any:  # noqa: B008 - it is frozen
    layer = copy.deepcopy(peft_layer)
    layer.forward = adapted_forward(layer, dropouts)
    return layer


def _input(shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _gradients(layer: Any, x: Tensor) -> dict[str, Tensor]:
    """The output and the gradients of an uneven sum of it."""
    x = x.clone().requires_grad_()
    y = layer(x)
    (y * torch.arange(y.numel(), dtype=y.dtype).reshape(y.shape).cos()).sum().backward()
    assert x.grad is not None
    found = {"y": y.detach(), "x": x.grad}
    own = layer.named_parameters()
    return found | {name: value.grad for name, value in own if value.grad is not None}


@pytest.mark.parametrize("kind", list(LAYERS))
def test_values_and_gradients_are_those_of_pefts_layer(kind: str) -> None:
    make, shape = LAYERS[kind]
    theirs = _adapted(make())
    expected, found = _gradients(theirs, _input(shape)), _gradients(_ours(theirs), _input(shape))
    assert {"y", "x", "lora_A.default.weight", "lora_B.default.weight"} == expected.keys()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, **EXACT)


@pytest.mark.parametrize("kind", list(LAYERS))
def test_gradients_are_those_of_finite_differences(kind: str) -> None:
    make, shape = LAYERS[kind]
    layer = _ours(_adapted(make()))
    down, up = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    x = _input((1, *shape[1:]))[..., : 6 if len(shape) < 4 else 4].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda *_: layer(x), (x, down, up))


def test_gradients_through_what_was_dropped_are_those_of_finite_differences() -> None:
    layer = _ours(_adapted(nn.Linear(6, 5)), Dropouts(network=0.4, rank=0.3))
    layer.train()
    down, up = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    x = _input((2, 3, 6)).requires_grad_()

    def dropped(*_: Tensor) -> Any:
        torch.manual_seed(5)  # the same is dropped at every call
        return layer(x)

    assert torch.autograd.gradcheck(dropped, (x, down, up))


def test_an_input_that_needs_no_gradient_gets_none() -> None:
    layer = _ours(_adapted(nn.Linear(6, 5)))
    x = _input((3, 6))
    layer(x).sum().backward()
    assert x.grad is None
    assert layer.lora_A[ADAPTER].weight.grad is not None


def test_the_base_gets_no_gradient_and_stays_as_it_was() -> None:
    layer = _ours(_adapted(nn.Linear(6, 5)))
    before = layer.get_base_layer().weight.clone()
    layer(_input((3, 6))).sum().backward()
    assert layer.get_base_layer().weight.grad is None
    assert torch.equal(layer.get_base_layer().weight, before)


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_a_base_in_half_precision_is_computed_in_it_and_trained_in_float32(kind: str) -> None:
    make, shape = LAYERS[kind]
    theirs = _adapted(make()).float()
    theirs.get_base_layer().bfloat16()
    layer = _ours(theirs)
    y = layer(_input(shape).float())
    y.sum().backward()
    assert y.dtype == torch.bfloat16
    for matrix in (layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight):
        assert matrix.grad.dtype == torch.float32
        assert torch.isfinite(matrix.grad).all()


DROPS = [Dropouts(network=0.5), Dropouts(rank=0.5), Dropouts(network=0.3, rank=0.3)]


@pytest.mark.parametrize("dropouts", DROPS)
@pytest.mark.parametrize("kind", ["linear over tokens", "convolution"])
def test_dropouts_keep_the_mean(kind: str, dropouts: Dropouts) -> None:
    make, shape = LAYERS[kind]
    theirs = _adapted(make())
    ours = _ours(theirs, dropouts).train()
    x = _input(shape)
    with torch.no_grad():
        torch.manual_seed(0)
        outputs = torch.stack([ours(x) for _ in range(500)])
        expected = theirs(x)
    error = (outputs.mean(0) - expected).abs()
    assert outputs.std(0).mean() > 0.1
    assert (error < 6 * outputs.std(0) / 500**0.5 + 1e-9).all()  # six standard errors


def test_a_rank_is_left_out_for_a_whole_picture() -> None:
    """With one rank, a picture's change is left out in all places or in none."""
    theirs = _adapted(nn.Linear(6, 5), rank=1)
    layer = _ours(theirs, Dropouts(rank=0.5)).train()
    x = _input((64, 4, 6))
    with torch.no_grad():
        torch.manual_seed(0)
        changes = layer(x) - layer.get_base_layer()(x)
        whole = 2 * (theirs(x) - layer.get_base_layer()(x))
    out = changes.flatten(1).abs().amax(1) == 0
    assert 0 < out.sum() < 64
    torch.testing.assert_close(changes[~out], whole[~out], **EXACT)


def test_an_adapter_that_is_left_out_leaves_the_base() -> None:
    """As in sd-scripts, module dropout is not made up for by a larger scale."""
    theirs = _adapted(nn.Linear(6, 5))
    layer = _ours(theirs, Dropouts(module=0.25)).train()
    x = _input((3, 6))
    torch.manual_seed(0)
    with torch.no_grad():
        base, adapted = layer.get_base_layer()(x), theirs(x)
        outputs = [layer(x) for _ in range(400)]
    left_out = sum(torch.equal(y, base) for y in outputs)
    assert 70 <= left_out <= 130  # 100 of 400, within 3.5 standard deviations of 8.7
    kept = [y for y in outputs if not torch.equal(y, base)]
    assert all(torch.allclose(y, adapted, **EXACT) for y in kept)


@pytest.mark.parametrize("kind", ["linear", "convolution"])
def test_nothing_is_dropped_outside_training(kind: str) -> None:
    make, shape = LAYERS[kind]
    theirs = _adapted(make())
    layer = _ours(theirs, Dropouts(network=0.5, rank=0.5, module=0.5)).eval()
    torch.testing.assert_close(layer(_input(shape)), theirs(_input(shape)), **EXACT)
