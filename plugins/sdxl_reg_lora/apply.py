"""Drawing with a LoRA at a strength, or at a strength of its own for each picture of a batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.kohya import modules_by_name
from sdxl_reg.training.base import PARTS
from sdxl_reg_lora.files import LowRank, load_lora
from sdxl_reg_lora.network import target_modules, unet_shape


@contextmanager
def applied(pipeline: Any, weights: Path, strength: float | Sequence[float]) -> Iterator[None]:
    """Have a pipeline draw with a LoRA for as long as the context lasts.

    No weight of the base is touched: its layers' forward gives y + strength · scale · up(down(x)).
    So a strength of 0 leaves the base bit-equal and leaving the context restores it.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        weights: A LoRA in kohya's format.
        strength: One value, or one for every picture of the batch; with guidance the batch holds
            the pictures twice, and the values are repeated.

    Raises:
        NotFound: There is no such file.
        Corrupt: It does not fit the pipeline.
        InvalidValue: A strength is not a finite number, or (while drawing) the batch is no
            multiple of the strengths.

    Accuracy: equal to diffusers' `load_lora_weights` and `set_adapters` within 1e-5
        (tests/plugins/lora/test_apply.py).
    """
    strengths = _checked(strength)
    targets = _load(pipeline, weights)
    with ExitStack() as stack:
        if any(strengths):
            for layer, low_rank in targets:
                stack.enter_context(_replaced(layer, _forward(layer, low_rank, strengths)))
        yield


def _checked(strength: float | Sequence[float]) -> list[float]:
    values = [float(strength)] if isinstance(strength, int | float) else [*map(float, strength)]
    for value in values or [float("nan")]:
        if not -100 <= value <= 100:
            raise InvalidValue("strength", value, remedy="Give a number between -100 and 100")
    return values


def _load(pipeline: Any, path: Path) -> list[tuple[nn.Linear, LowRank]]:
    parts = {part: getattr(pipeline, part) for part in PARTS}
    paths = {part: target_modules(part, module) for part, module in parts.items()}
    lora = load_lora(path, modules_by_name(paths, unet_shape(pipeline.unet)))
    return [
        (_fitting(path, parts[part].get_submodule(name), low_rank, name), low_rank)
        for (part, name), low_rank in lora.items()
    ]


def _fitting(path: Path, layer: nn.Linear, low_rank: LowRank, name: str) -> nn.Linear:
    shape = (low_rank.up.shape[0], low_rank.down.shape[1])
    if shape != (layer.out_features, layer.in_features):
        raise Corrupt(
            path,
            f"its matrices for {name} make {shape[0]} × {shape[1]}, the base has "
            f"{layer.out_features} × {layer.in_features}",
            remedy="Use it with the base that it was trained for",
        )
    return layer


def _forward(
    layer: nn.Linear, low_rank: LowRank, strengths: list[float]
) -> Callable[[Tensor], Tensor]:
    base = layer.forward
    down, up = (matrix.to(layer.weight) for matrix in (low_rank.down, low_rank.up))
    if len(strengths) == 1:
        factor = low_rank.scale * strengths[0]

        def uniform(x: Tensor) -> Tensor:
            return base(x) + functional.linear(functional.linear(x, down), up) * factor

        return uniform
    factors = torch.tensor(strengths, device=up.device, dtype=up.dtype) * low_rank.scale

    def by_row(x: Tensor) -> Tensor:
        rows = _repeated(factors, x)
        return base(x) + functional.linear(functional.linear(x, down), up) * rows

    return by_row


def _repeated(factors: Tensor, x: Tensor) -> Tensor:
    times, rest = divmod(x.shape[0], len(factors))
    if rest:
        raise InvalidValue(
            f"batch of {x.shape[0]} rows drawn with {len(factors)} strengths",
            factors.tolist(),
            remedy="Give one strength, or one for every picture of the batch",
        )
    return factors.repeat(times).reshape(-1, *[1] * (x.ndim - 1))


@contextmanager
def _replaced(layer: nn.Module, forward: Callable[[Tensor], Tensor]) -> Iterator[None]:
    before = layer.__dict__.get("forward")
    layer.forward = forward
    try:
        yield
    finally:
        if before is None:
            del layer.forward
        else:
            layer.forward = before
