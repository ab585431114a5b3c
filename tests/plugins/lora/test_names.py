"""Every layer of full-size SDXL has its names, and no two layers share one."""

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

from sdxl_reg.diffusion.full_size import UNET
from sdxl_reg.formats.lora.kohya_names import kohya_name
from sdxl_reg.formats.lora.names import modules_by_name
from sdxl_reg.formats.sgm import shape_of
from sdxl_reg_lora.network import target_modules


@pytest.fixture(scope="module")
def unet() -> nn.Module:
    with torch.device("meta"):
        model: nn.Module = UNet2DConditionModel.from_config(UNET)
    return model


def test_every_layer_has_names_of_its_own(unet: nn.Module) -> None:
    """722 in transformers, 66 more that kohya's convolutions take, 6 outside of the blocks."""
    layers = [
        path for path, layer in unet.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    assert len(layers) == 722 + 66 + 6
    known = modules_by_name({"unet": layers}, shape_of(UNET))
    alone = [modules_by_name({"unet": [path]}, shape_of(UNET)) for path in layers]
    assert len(known) == sum(map(len, alone))
    for path in layers:
        assert known[kohya_name("unet", path, shape_of(UNET))] == ("unet", path)


def test_what_kohya_adapts_is_among_them(unet: nn.Module) -> None:
    paths = target_modules("unet", unet, convolutions=True)
    names = {kohya_name("unet", path, shape_of(UNET)) for path in paths}
    assert len(names) == 788
    resnets = {name for name in names if "_layers_" in name or name.endswith("skip_connection")}
    resizing = {name for name in names if name.endswith(("_op", "_conv"))}
    assert len(resnets) == 62  # 17 residual blocks of 3 layers, 11 of them change their width
    assert resizing == {
        "lora_unet_input_blocks_3_0_op",
        "lora_unet_input_blocks_6_0_op",
        "lora_unet_output_blocks_2_2_conv",
        "lora_unet_output_blocks_5_2_conv",
    }
