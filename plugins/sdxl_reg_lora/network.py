"""Adapters in a pipeline's parts, made by peft, and their tensors under kohya's names.

Source: Hu et al. 2021, arXiv:2106.09685; which layers: sd-scripts' `networks/lora.py` (all linear
layers of the U-Net's transformers and of the text encoders' attention and feed-forward layers; with
convolutions also all layers of the residual blocks and of what halves and doubles the size).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from peft.tuners.lycoris_utils import LycorisLayer
from torch import Tensor, nn

from sdxl_reg.formats.lora.kohya_names import kohya_name
from sdxl_reg.formats.sgm import UnetShape
from sdxl_reg_lora.config import LoraConfig as Settings
from sdxl_reg_lora.layers import ADAPTER, Dropouts, adapted_forward

CONVOLUTIONAL = (".resnets.", ".downsamplers.", ".upsamplers.")
LORA_NAMES = {"lora_A": "lora_down.weight", "lora_B": "lora_up.weight"}
"""peft's name of a matrix → kohya's."""


def target_modules(part: str, module: nn.Module, *, convolutions: bool = False) -> list[str]:
    """Paths of the layers that an adapter of a part changes.

    Args:
        part: `unet`, `text_encoder` or `text_encoder_2`.
        module: That part; may be on the meta device.
        convolutions: Whether the U-Net's residual blocks and resizing layers are among them.

    Returns:
        In the order of the network; 722, 72 and 192 for SDXL's three parts, 788 for its U-Net with
        convolutions.
    """
    inside: tuple[str, ...] = (".attentions.",) if part == "unet" else ("encoder.layers.",)
    kinds: tuple[type[nn.Module], ...] = (nn.Linear,)
    if part == "unet" and convolutions:
        inside, kinds = (*inside, *CONVOLUTIONAL), (nn.Linear, nn.Conv2d)
    return [
        path
        for path, layer in module.named_modules()
        if isinstance(layer, kinds) and any(word in f".{path}" for word in inside)
    ]


def unet_shape(unet: Any) -> UnetShape:
    """What kohya's names need to know of a U-Net."""
    return UnetShape(layers_per_block=int(unet.config.layers_per_block))


def add_adapters(
    part: str,
    module: nn.Module,
    settings: Settings,
    *,
    given: Mapping[str, tuple[int, float]] | None = None,
) -> list[nn.Parameter]:
    """Put an adapter beside each target layer; the output stays the same until it is trained.

    Args:
        part: `unet`, `text_encoder` or `text_encoder_2`.
        module: That part, changed in place; its own weights must be frozen.
        settings: Algorithm, ranks, alphas, dropouts.
        given: Path → rank and alpha of the layers to adapt, where a file says so; the settings
            count for new adapters only.

    Returns:
        The new parameters in float32, drawn from torch's global generator.
    """
    if given is None:
        paths = target_modules(part, module, convolutions=settings.conv_rank is not None)
        wide = (path for path in paths if _is_wide(module.get_submodule(path)))
        own = {path: (int(settings.conv_rank or 0), settings.conv_alpha) for path in wide}
    else:
        paths, own = list(given), dict(given)
    inject_adapter_in_model(_peft_config(settings, paths, own), module, adapter_name=ADAPTER)
    if settings.algorithm == "lora":
        dropouts = Dropouts(
            network=settings.network_dropout,
            rank=settings.rank_dropout,
            module=settings.module_dropout,
        )
        for layer in (module.get_submodule(path) for path in paths):
            layer.forward = adapted_forward(layer, dropouts)
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trained:  # peft gives them the base's number format
        parameter.data = parameter.data.float()
    return trained


def adapted_layers(parts: Iterable[tuple[str, nn.Module]]) -> Iterator[tuple[str, str, Any]]:
    """Part, path and layer of every adapter."""
    for part, module in parts:
        for path, layer in module.named_modules():
            if isinstance(layer, LoraLayer | LycorisLayer):
                yield part, path, layer


def lora_tensors(
    parts: Iterable[tuple[str, nn.Module]], shape: UnetShape, *, dtype: torch.dtype
) -> dict[str, Tensor]:
    """The adapters' tensors under kohya's and LyCORIS' names, in one number format.

    Args:
        parts: Names and modules that `add_adapters` changed.
        shape: Of the U-Net.
        dtype: Of every tensor, alpha among them.

    Returns:
        Name → tensor on the CPU.
    """
    tensors: dict[str, Tensor] = {}
    for part, path, layer in adapted_layers(parts):
        stem = kohya_name(part, path, shape)
        own = values_of(layer)
        if {"lokr_w1", "lokr_w2"} <= own.keys():  # without a rank in it readers know no scale
            own["lokr_w1"] = own["lokr_w1"] * layer.scaling[ADAPTER]
        own["alpha"] = torch.tensor(_alpha(layer))
        tensors |= {
            f"{stem}.{name}": value.detach().to("cpu", dtype, copy=True).contiguous()
            for name, value in own.items()
        }
    return tensors


def values_of(layer: Any) -> dict[str, Tensor]:
    """What is trained of an adapter, under its names in `formats.lora.keys.SUFFIXES`.

    Args:
        layer: A layer that peft has adapted.

    Returns:
        The very parameters; DoRA's magnitudes in the shape that LyCORIS gives them.
    """
    if not isinstance(layer, LoraLayer):
        return {
            name: getattr(layer, name)[ADAPTER]
            for name in layer.adapter_layer_names
            if ADAPTER in getattr(layer, name)
        }
    own = {kohya: getattr(layer, name)[ADAPTER].weight for name, kohya in LORA_NAMES.items()}
    if ADAPTER in layer.lora_magnitude_vector:
        magnitude = layer.lora_magnitude_vector[ADAPTER].weight
        axes = layer.get_base_layer().weight.ndim
        own["dora_scale"] = magnitude.reshape(-1, *[1] * (axes - 1))
    return own


def _peft_config(settings: Settings, paths: list[str], own: Mapping[str, tuple[int, float]]) -> Any:
    """How peft is told of adapters; some have a rank and an alpha of their own."""
    patterns = {
        "target_modules": paths,
        "rank_pattern": {_exactly(path): rank for path, (rank, _) in own.items()},
        "alpha_pattern": {_exactly(path): alpha for path, (_, alpha) in own.items()},
    }
    if settings.algorithm in ("lora", "dora"):
        return LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha,
            use_dora=settings.algorithm == "dora",
            lora_dropout=settings.network_dropout if settings.algorithm == "dora" else 0.0,
            **patterns,
        )
    drops = {"rank_dropout": settings.rank_dropout, "module_dropout": settings.module_dropout}
    if settings.algorithm == "loha":
        return LoHaConfig(r=settings.rank, alpha=settings.alpha, **drops, **patterns)
    return LoKrConfig(
        r=settings.rank, alpha=settings.alpha, init_weights="lycoris", **drops, **patterns
    )


def _exactly(path: str) -> str:
    return "^" + path.replace(".", r"\.")


def _is_wide(layer: nn.Module) -> bool:
    """Whether it is a convolution that sees more than one place; 1 × 1 counts as linear."""
    return isinstance(layer, nn.Conv2d) and layer.kernel_size != (1, 1)


def _alpha(layer: Any) -> float:
    alphas = layer.lora_alpha if isinstance(layer, LoraLayer) else layer.alpha
    return float(alphas[ADAPTER])
