"""Low-rank adapters in a pipeline's parts, and their tensors under kohya's names.

Source: Hu et al. 2021, arXiv:2106.09685; which layers: sd-scripts' `networks/lora.py` (all linear
layers of the U-Net's transformers, and of the text encoders' attention and feed-forward layers).
"""

from collections.abc import Iterable
from typing import Any

import torch
from peft import LoraConfig as PeftConfig
from peft import inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from sdxl_reg.formats.kohya import kohya_name
from sdxl_reg.formats.sgm import UnetShape

ADAPTER = "default"
PARTS = ("unet", "text_encoder", "text_encoder_2")


def target_modules(part: str, module: nn.Module) -> list[str]:
    """Paths of the linear layers that a LoRA adapts.

    Args:
        part: `unet`, `text_encoder` or `text_encoder_2`.
        module: That part; may be on the meta device.

    Returns:
        In the order of the network; 722, 72 and 192 for SDXL's three parts.
    """
    inside = "attentions." if part == "unet" else "encoder.layers."
    return [
        path
        for path, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and inside in path
    ]


def unet_shape(unet: Any) -> UnetShape:
    """What kohya's names need to know of a U-Net."""
    return UnetShape(layers_per_block=int(unet.config.layers_per_block))


def add_adapters(part: str, module: nn.Module, *, rank: int, alpha: float) -> list[nn.Parameter]:
    """Put an adapter beside each target layer; the output stays the same until it is trained.

    Args:
        part: `unet`, `text_encoder` or `text_encoder_2`.
        module: That part, changed in place; its own weights must be frozen.
        rank: Inner width.
        alpha: Scale times rank.

    Returns:
        The new parameters: down matrices random from torch's global generator, up matrices 0.
    """
    peft_config = PeftConfig(r=rank, lora_alpha=alpha, target_modules=target_modules(part, module))
    inject_adapter_in_model(peft_config, module, adapter_name=ADAPTER)
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def lora_tensors(
    parts: Iterable[tuple[str, nn.Module]], shape: UnetShape, *, dtype: torch.dtype
) -> dict[str, Tensor]:
    """The adapters' tensors under kohya's names, alpha among them, in one number format.

    Args:
        parts: Names and modules that `add_adapters` changed.
        shape: Of the U-Net.
        dtype: Of every tensor.

    Returns:
        Name → tensor on the CPU: three for each adapted layer.
    """
    tensors: dict[str, Tensor] = {}
    for part, module in parts:
        for path, layer in module.named_modules():
            if isinstance(layer, LoraLayer):
                stem = kohya_name(part, path, shape)
                tensors[f"{stem}.lora_down.weight"] = _plain(layer.lora_A[ADAPTER].weight, dtype)
                tensors[f"{stem}.lora_up.weight"] = _plain(layer.lora_B[ADAPTER].weight, dtype)
                tensors[f"{stem}.alpha"] = torch.tensor(layer.lora_alpha[ADAPTER], dtype=dtype)
    return tensors


def _plain(weight: Tensor, dtype: torch.dtype) -> Tensor:
    return weight.detach().to("cpu", dtype, copy=True).contiguous()
