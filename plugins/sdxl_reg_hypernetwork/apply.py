"""Drawing with a hypernetwork at a strength, or at one of its own for each picture of a batch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sdxl_reg.diffusion.strength import checked_strengths, row_factors
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.hypernetwork import HypernetworkFacts
from sdxl_reg_hypernetwork.attention import Strength, context_widths, described_widths, insert
from sdxl_reg_hypernetwork.network import loaded_networks


@contextmanager
def applied(pipeline: Any, weights: Path, strength: float | Sequence[float]) -> Iterator[None]:
    """Have a pipeline draw with a hypernetwork for as long as the context lasts.

    No weight of the base is touched: the inputs of to_k and to_v become x + strength · linear(x).
    So a strength of 0 leaves the base bit-equal and leaving the context restores it. Several
    contexts act one after the other, in the order in which they were entered, as in A1111.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        weights: A hypernetwork as the registry keeps it.
        strength: One value, or one for every picture of the batch; with guidance the batch holds
            the pictures twice, and the values are repeated.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, or acts on widths that the base does not have.
        InvalidValue: A strength is out of range, or (while drawing) the batch is no multiple of
            the strengths.

    Accuracy: equal to the rules of A1111 and ComfyUI, written out in plain torch, within 1e-5
        (tests/plugins/hypernetwork/test_exchange.py).
    """
    strengths = checked_strengths(strength)
    _, networks = fitting_networks(weights, pipeline.unet)
    handles = []
    if any(strengths):
        networks.to(pipeline.unet.device, pipeline.unet.dtype)
        handles = insert(pipeline.unet, networks, _law(strengths))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def fitting_networks(path: Path, unet: Any) -> tuple[HypernetworkFacts, nn.ModuleDict]:
    """The networks of a file that a U-Net has all the widths of.

    Args:
        path: A hypernetwork as the registry keeps it.
        unet: Of the base.

    Returns:
        What the file says of itself, and the networks.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, or acts on a width that the U-Net does not have.
    """
    facts, networks = loaded_networks(path)
    known = context_widths(unet)
    if strange := [width for width in networks if int(width) not in known]:
        raise Corrupt(
            path,
            f"it acts on attention contexts of width {', '.join(strange)}; this base has "
            f"{described_widths(unet)}",
            remedy="Use it with the base that it was trained for",
        )
    return facts, networks


def _law(strengths: list[float]) -> Strength:
    if len(strengths) == 1:
        return lambda _: strengths[0]
    values = torch.tensor(strengths)

    def by_row(context: Tensor) -> Tensor:
        return row_factors(values.to(context), context)

    return by_row
