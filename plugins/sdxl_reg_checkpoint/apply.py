"""Drawing with a checkpoint at a strength, or at a strength of its own for each picture of a batch.

The law is W(s) = W_base + s · (W − W_base) for every weight. Every layer of SDXL that has weights
is linear in them, so that a row's own strength is y = base(x) + s · f(x; W − W_base).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sdxl_reg.diffusion.strength import checked_strengths, forward_replaced, row_factors
from sdxl_reg.errors import UsageError
from sdxl_reg_checkpoint.weights import Change, changes


@contextmanager
def applied(pipeline: Any, weights: Path, strength: float | Sequence[float]) -> Iterator[None]:
    """Have a pipeline draw with a checkpoint for as long as the context lasts.

    With one strength for all, the base's weights are put aside and blended copies take their
    place; with several, the base's stay where they are. The VAE is blended like the other parts.
    Afterwards the base has the very tensors it had before.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        weights: A checkpoint in one file, of the base's own architecture.
        strength: One value, or one for every picture of the batch; with guidance the batch holds
            the pictures twice, and the values are repeated.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, or does not fit the pipeline.
        InvalidValue: A strength is not a finite number, or (while drawing) the batch is no
            multiple of the strengths.

    Accuracy: at 1 bit-equal to diffusers' `from_single_file` of a float32 file; rows of their own
        strengths differ from pictures drawn alone by 1e-4 at most
        (tests/plugins/checkpoint/test_apply.py).
    """
    strengths = checked_strengths(strength)
    changed = changes(pipeline, weights)
    with ExitStack() as stack:
        if len(set(strengths)) > 1:
            _blend_by_row(stack, pipeline, changed, strengths)
        elif strengths[0]:
            stack.enter_context(_blended(changed, strengths[0]))
        yield


@contextmanager
def _blended(changed: Sequence[Change], strength: float) -> Iterator[None]:
    kept = [(change.parameter, change.parameter.data) for change in changed]
    try:
        for change in changed:
            change.parameter.data = change.blended(strength)
        yield
    finally:
        for parameter, data in kept:
            parameter.data = data


def _blend_by_row(
    stack: ExitStack, pipeline: Any, changed: Sequence[Change], strengths: list[float]
) -> None:
    for layer, own in groupby(changed, lambda change: change.layer):
        forward = _by_row(layer, {change.name: change.difference() for change in own}, strengths)
        stack.enter_context(forward_replaced(layer, forward))
    for encoder in (pipeline.text_encoder, pipeline.text_encoder_2):
        for layer in encoder.modules():
            if hasattr(layer, "position_embedding"):
                stack.enter_context(forward_replaced(layer, _with_positions_by_row(layer)))


def _by_row(
    layer: nn.Module, differences: dict[str, Tensor], strengths: list[float]
) -> Callable[[Tensor], Tensor]:
    """A layer's forward with a strength for each row of its input."""
    base = layer.forward
    added = _linear_in_weights(layer, differences)
    factors = torch.tensor(strengths).to(next(iter(differences.values())))

    def forward(x: Tensor) -> Tensor:
        y: Tensor = base(x)
        return y + row_factors(factors, y) * added(x)

    return forward


def _linear_in_weights(
    layer: nn.Module, differences: dict[str, Tensor]
) -> Callable[[Tensor], Tensor]:
    """What a layer says with other weights: f(x; weight, bias), without the base's bias.

    Raises:
        UsageError: It is of a kind that SDXL has none of.
    """
    weight = differences.get("weight", torch.zeros_like(layer.get_parameter("weight")))
    bias = differences.get("bias")
    match layer:
        case nn.Linear():
            return lambda x: functional.linear(x, weight, bias)
        case nn.Conv2d():
            return lambda x: layer._conv_forward(x, weight, bias)
        case nn.GroupNorm():
            return lambda x: functional.group_norm(x, layer.num_groups, weight, bias, layer.eps)
        case nn.LayerNorm():
            shape = list(layer.normalized_shape)
            return lambda x: functional.layer_norm(x, shape, weight, bias, layer.eps)
        case nn.Embedding():
            return lambda x: functional.embedding(x, weight)
    raise UsageError(
        f"a layer of the kind {type(layer).__name__} cannot have a strength for each picture",
        remedy="Give one strength for all pictures",
    )


def _with_positions_by_row(layer: Any) -> Callable[..., Tensor]:
    """The embeddings of a text encoder, asked for positions row by row and not once for all."""
    base = layer.forward

    def forward(
        input_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor:
        given: Any = inputs_embeds if input_ids is None else input_ids
        rows, length = given.shape[:2]
        if position_ids is None:
            position_ids = layer.position_ids[:, :length]
        said: Tensor = base(input_ids, position_ids.expand(rows, -1), inputs_embeds)
        return said

    return forward
