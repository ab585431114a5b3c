"""Our names of the original layout are those that diffusers' own reader expects."""

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

from sdxl_reg.diffusion.full_size import UNET
from sdxl_reg.diffusion.tiny import tiny_unet
from sdxl_reg.formats.sgm import sgm_path, shape_of

PREFIX = "model.diffusion_model."


def meta_unet(config: dict[str, object]) -> UNet2DConditionModel:
    with torch.device("meta"):
        return UNet2DConditionModel.from_config(config)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(UNET, id="full-size"),
        pytest.param(dict(tiny_unet().config), id="tiny"),
        pytest.param(dict(tiny_unet().config) | {"layers_per_block": 1}, id="one-layer-a-block"),
        pytest.param(
            dict(tiny_unet().config) | {"up_block_types": ["UpBlock2D"] * 3}, id="no-up-attention"
        ),
    ],
)
def test_every_parameter_is_renamed_as_diffusers_reads_it(config: dict[str, object]) -> None:
    unet = meta_unet(config)
    names = list(unet.state_dict())
    renamed = {}
    for name in names:
        module, _, parameter = name.rpartition(".")
        renamed[f"{PREFIX}{sgm_path(module, shape_of(config))}.{parameter}"] = name

    assert len(renamed) == len(names)  # one to one
    assert convert_ldm_unet_checkpoint(renamed, unet.config) == {name: name for name in names}
