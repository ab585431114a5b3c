"""Pictures that continue at their edges: every convolution wraps around.

Source: A1111's option "Tiling" (`modules/sd_hijack.py`, `apply_circular`), which sets the padding
mode of every convolution. The VAE's downsamplers pad by themselves, so they are replaced.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from sdxl_reg.diffusion.pipeline import diffusers
from sdxl_reg.diffusion.strength import forward_replaced

PARTS = ("unet", "vae")
_Downsampler = diffusers.models.downsampling.Downsample2D


@contextmanager
def tiling(*pipelines: Any) -> Iterator[None]:
    """Have pipelines draw pictures without seams at the edges for as long as the context lasts.

    No weight is touched, and leaving restores every layer. LoRAs may be applied before or inside:
    what they add to a convolution pads as the layer does at the time.

    Args:
        *pipelines: Bases and refiners.

    Accuracy: rolled noise gives the rolled picture within 1e-5
        (tests/registry/diffusion/test_tiling.py).
    """
    layers = [
        layer
        for pipeline in pipelines
        for part in PARTS
        for layer in getattr(pipeline, part).modules()
    ]
    with ExitStack() as stack:
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                stack.enter_context(_circular(layer))
            elif isinstance(layer, _Downsampler) and layer.use_conv and layer.padding == 0:
                stack.enter_context(forward_replaced(layer, _wrapping(layer)))
        yield


@contextmanager
def _circular(layer: nn.Conv2d) -> Iterator[None]:
    before = layer.padding_mode
    layer.padding_mode = "circular"
    try:
        yield
    finally:
        layer.padding_mode = before


def _wrapping(layer: Any) -> Callable[..., Tensor]:
    """A downsampler whose extra column and row are the first ones, where its own has zeros."""

    def forward(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        found: Tensor = layer.conv(functional.pad(hidden_states, (0, 1, 0, 1), mode="circular"))
        return found

    return forward
