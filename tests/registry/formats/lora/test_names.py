from itertools import chain

import pytest

from sdxl_reg.formats.lora.names import modules_by_name
from sdxl_reg.formats.sgm import UnetShape

SDXL = UnetShape(layers_per_block=2)
QUERY = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
OUT = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_out.0"
CONV = "up_blocks.0.upsamplers.0.conv"
FIRST = "encoder.layers.0.self_attn.q_proj"
SECOND = "text_model.encoder.layers.0.self_attn.out_proj"
MODULES = {
    "unet": [QUERY, OUT, CONV, "something.new"],
    "text_encoder": [FIRST],
    "text_encoder_2": [SECOND, "text_projection"],
}


@pytest.mark.parametrize(
    ("name", "part", "module"),
    [
        ("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q", "unet", QUERY),
        ("lora_unet_output_blocks_2_2_conv", "unet", CONV),
        ("lora_unet_up_blocks_0_upsamplers_0_conv", "unet", CONV),
        ("lycoris_up_blocks_0_upsamplers_0_conv", "unet", CONV),
        ("diffusion_model.output_blocks.2.2.conv", "unet", CONV),
        (f"unet.{CONV}", "unet", CONV),
        (f"base_model.model.{CONV}", "unet", CONV),
        (f"unet.base_model.model.{CONV}", "unet", CONV),
        (OUT, "unet", OUT),
        (OUT.removesuffix(".0"), "unet", OUT),
        (f"unet.{OUT.removesuffix('.0')}", "unet", OUT),
        ("unet.something.new", "unet", "something.new"),
        ("lora_te1_text_model_encoder_layers_0_self_attn_q_proj", "text_encoder", FIRST),
        (f"text_encoder.{FIRST}", "text_encoder", FIRST),
        (f"text_encoder.text_model.{FIRST}", "text_encoder", FIRST),
        ("text_encoder.text_model.encoder.layers.0.self_attn.to_q", "text_encoder", FIRST),
        ("lora_te2_text_model_encoder_layers_0_self_attn_out_proj", "text_encoder_2", SECOND),
        ("text_encoder_2.text_model.encoder.layers.0.self_attn.to_out", "text_encoder_2", SECOND),
        ("lora_te2_text_projection", "text_encoder_2", "text_projection"),
        ("text_encoder_2.text_projection", "text_encoder_2", "text_projection"),
    ],
)
def test_every_familys_name_leads_to_the_module(name: str, part: str, module: str) -> None:
    assert modules_by_name(MODULES, SDXL)[name] == (part, module)


def test_no_name_means_two_modules() -> None:
    together = modules_by_name(MODULES, SDXL)
    alone = [
        modules_by_name({part: [path]}, SDXL) for part, paths in MODULES.items() for path in paths
    ]
    assert len(together) == len(list(chain.from_iterable(alone)))


def test_a_text_encoders_names_say_which_one() -> None:
    known = modules_by_name({"text_encoder": [FIRST], "text_encoder_2": [FIRST]}, SDXL)
    assert not [name for name in known if not name.startswith(("lora_te", "text_encoder"))]
    assert {part for part, _ in known.values()} == {"text_encoder", "text_encoder_2"}
