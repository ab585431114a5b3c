import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.lora.kohya_names import kohya_name
from sdxl_reg.formats.sgm import UnetShape

SDXL = UnetShape(layers_per_block=2)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (
            "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k",
            "input_blocks_4_1_transformer_blocks_0_attn1_to_k",
        ),
        ("down_blocks.2.attentions.1.proj_out", "input_blocks_8_1_proj_out"),
        (
            "mid_block.attentions.0.transformer_blocks.9.ff.net.0.proj",
            "middle_block_1_transformer_blocks_9_ff_net_0_proj",
        ),
        ("up_blocks.0.attentions.0.proj_in", "output_blocks_0_1_proj_in"),
        ("up_blocks.1.attentions.2.proj_in", "output_blocks_5_1_proj_in"),
        (
            "up_blocks.0.attentions.2.transformer_blocks.3.attn2.to_out.0",
            "output_blocks_2_1_transformer_blocks_3_attn2_to_out_0",
        ),
        ("down_blocks.0.resnets.0.conv1", "input_blocks_1_0_in_layers_2"),
        ("down_blocks.0.resnets.0.time_emb_proj", "input_blocks_1_0_emb_layers_1"),
        ("down_blocks.1.resnets.0.conv_shortcut", "input_blocks_4_0_skip_connection"),
        ("down_blocks.0.downsamplers.0.conv", "input_blocks_3_0_op"),
        ("mid_block.resnets.1.conv2", "middle_block_2_out_layers_3"),
        ("up_blocks.0.upsamplers.0.conv", "output_blocks_2_2_conv"),
        ("conv_in", "input_blocks_0_0"),
        ("conv_out", "out_2"),
    ],
)
def test_unet_modules_have_the_names_of_the_original_layout(module: str, name: str) -> None:
    assert kohya_name("unet", module, SDXL) == f"lora_unet_{name}"


def test_block_numbers_follow_from_the_layers_of_a_block() -> None:
    shape = UnetShape(layers_per_block=1)
    assert kohya_name("unet", "down_blocks.1.attentions.0.proj_in", shape).endswith(
        "blocks_3_1_proj_in"
    )
    assert kohya_name("unet", "up_blocks.1.attentions.1.proj_in", shape).endswith(
        "blocks_3_1_proj_in"
    )


@pytest.mark.parametrize("prefix", ["", "text_model."])
def test_text_encoder_modules_have_hugging_faces_names(prefix: str) -> None:
    module = prefix + "encoder.layers.0.self_attn.q_proj"
    name = "text_model_encoder_layers_0_self_attn_q_proj"
    assert kohya_name("text_encoder", module, SDXL) == f"lora_te1_{name}"
    assert kohya_name("text_encoder_2", module, SDXL) == f"lora_te2_{name}"


def test_the_projection_stands_beside_the_text_model() -> None:
    assert kohya_name("text_encoder_2", "text_projection", SDXL) == "lora_te2_text_projection"


def test_a_module_that_is_not_sdxls_is_refused() -> None:
    with pytest.raises(InvalidValue, match="controlnet_cond_embedding"):
        kohya_name("unet", "controlnet_cond_embedding.conv_in", SDXL)
