"""The original layout's names follow from the shape of the U-Net."""

import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.sgm import UnetShape, diffusers_path, sgm_path, shape_of

SDXL = UnetShape(layers_per_block=2)


@pytest.mark.parametrize(
    ("module", "path"),
    [
        ("conv_in", "input_blocks.0.0"),
        ("time_embedding.linear_2", "time_embed.2"),
        ("add_embedding.linear_1", "label_emb.0.0"),
        ("down_blocks.0.resnets.1.conv1", "input_blocks.2.0.in_layers.2"),
        ("down_blocks.0.downsamplers.0.conv", "input_blocks.3.0.op"),
        ("down_blocks.1.resnets.0.conv_shortcut", "input_blocks.4.0.skip_connection"),
        ("down_blocks.2.attentions.1.proj_out", "input_blocks.8.1.proj_out"),
        ("mid_block.resnets.0.norm2", "middle_block.0.out_layers.0"),
        ("mid_block.attentions.0.proj_in", "middle_block.1.proj_in"),
        ("mid_block.resnets.1.time_emb_proj", "middle_block.2.emb_layers.1"),
        ("up_blocks.0.upsamplers.0.conv", "output_blocks.2.2.conv"),
        ("up_blocks.1.upsamplers.0.conv", "output_blocks.5.2.conv"),
        ("up_blocks.2.resnets.2.conv2", "output_blocks.8.0.out_layers.3"),
        ("conv_norm_out", "out.0"),
        ("conv_out", "out.2"),
    ],
)
def test_modules_have_the_names_of_the_published_base(module: str, path: str) -> None:
    assert sgm_path(module, SDXL) == path
    assert diffusers_path(path, SDXL) == module


def test_block_numbers_follow_from_the_layers_of_a_block() -> None:
    shape = UnetShape(layers_per_block=1)
    assert sgm_path("down_blocks.1.attentions.0.proj_in", shape) == "input_blocks.3.1.proj_in"
    assert sgm_path("down_blocks.1.downsamplers.0.conv", shape) == "input_blocks.4.0.op"
    assert sgm_path("up_blocks.1.attentions.1.proj_in", shape) == "output_blocks.3.1.proj_in"


def test_an_upsampler_stands_behind_the_transformer_if_there_is_one() -> None:
    shape = UnetShape(layers_per_block=2, attention_up_blocks=frozenset({0}))
    assert sgm_path("up_blocks.0.upsamplers.0.conv", shape) == "output_blocks.2.2.conv"
    assert sgm_path("up_blocks.1.upsamplers.0.conv", shape) == "output_blocks.5.1.conv"


def test_a_configuration_tells_the_shape() -> None:
    config = {
        "layers_per_block": 2,
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    }
    assert shape_of(config) == SDXL
    with pytest.raises(InvalidValue, match="layers_per_block"):
        shape_of(config | {"layers_per_block": [2, 1, 2]})


@pytest.mark.parametrize(
    "module",
    ["", "down_blocks.0", "down_blocks.0.resnets.0.nonlinearity", "mid_block.resnets.0.conv3"],
)
def test_a_path_of_no_module_with_weights_is_refused(module: str) -> None:
    with pytest.raises(InvalidValue, match="module that no U-Net"):
        sgm_path(module, SDXL)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "input_blocks.1.0",
        "input_blocks.0.0.op",
        "input_blocks.1.2.proj_in",
        "input_blocks.2.0.op",
        "middle_block.0.norm1",
        "output_blocks.2.1.conv",
    ],
)
def test_a_path_that_the_original_layout_does_not_have_is_refused(path: str) -> None:
    with pytest.raises(InvalidValue, match="module that no U-Net"):
        diffusers_path(path, SDXL)
