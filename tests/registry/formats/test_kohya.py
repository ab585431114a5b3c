import pytest

from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.kohya import grouped, kohya_name, modules_by_name
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


@pytest.mark.parametrize(
    "module", ["conv_in", "down_blocks.0.resnets.0.conv1", "time_embedding.linear_1"]
)
def test_a_module_without_a_name_is_refused(module: str) -> None:
    with pytest.raises(InvalidValue, match=module):
        kohya_name("unet", module, SDXL)


def test_names_lead_back_to_modules() -> None:
    modules = {
        "unet": ["up_blocks.0.attentions.0.proj_in", "time_embedding.linear_1"],
        "text_encoder": ["encoder.layers.0.mlp.fc1"],
        "text_encoder_2": ["text_model.encoder.layers.0.mlp.fc1"],
    }
    known = modules_by_name(modules, SDXL)
    assert known["lora_unet_output_blocks_0_1_proj_in"] == ("unet", modules["unet"][0])
    assert known["lora_unet_up_blocks_0_attentions_0_proj_in"] == ("unet", modules["unet"][0])
    assert known["lora_te1_text_model_encoder_layers_0_mlp_fc1"] == (
        "text_encoder",
        modules["text_encoder"][0],
    )
    assert known["lora_te2_text_model_encoder_layers_0_mlp_fc1"][0] == "text_encoder_2"


KNOWN = {"lora_unet_a": ("unet", "a"), "lora_unet_b": ("unet", "b")}


def test_keys_are_grouped_by_module() -> None:
    keys = ["lora_unet_a.lora_down.weight", "lora_unet_a.lora_up.weight", "lora_unet_a.alpha"]
    assert grouped("x", keys, KNOWN) == {("unet", "a"): "lora_unet_a"}


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        (["lora_unet_c.alpha"], "lora_unet_c.alpha"),
        (["lora_unet_a.dora_scale"], "lora_unet_a.dora_scale"),
        (["lora_unet_a.hada_w1_a"], "lora_unet_a.hada_w1_a"),
        (["lora_unet_a.lora_down.weight"], "lora_up.weight is missing"),
        ([], "no LoRA"),
    ],
)
def test_no_key_is_dropped_silently(keys: list[str], fault: str) -> None:
    with pytest.raises(Corrupt, match=fault):
        grouped("x", keys, KNOWN)
