"""The names in a single-file checkpoint, in both directions."""

import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.open_clip import open_clip_name, transformers_names
from sdxl_reg.formats.sgm_vae import diffusers_vae_path, sgm_vae_path
from sdxl_reg.formats.single_file import keys_of, marks_for, parts_of, scheduler_for, spelled

SCHEDULER = {"prediction_type": "epsilon", "beta_start": 0.00085}


@pytest.mark.parametrize(
    ("module", "path"),
    [
        ("quant_conv", "quant_conv"),
        ("encoder.conv_norm_out", "encoder.norm_out"),
        ("encoder.down_blocks.1.resnets.0.conv_shortcut", "encoder.down.1.block.0.nin_shortcut"),
        ("encoder.down_blocks.0.downsamplers.0.conv", "encoder.down.0.downsample.conv"),
        ("encoder.mid_block.resnets.1.norm1", "encoder.mid.block_2.norm1"),
        ("decoder.mid_block.attentions.0.to_out.0", "decoder.mid.attn_1.proj_out"),
        ("decoder.mid_block.attentions.0.group_norm", "decoder.mid.attn_1.norm"),
        ("decoder.up_blocks.0.resnets.2.conv1", "decoder.up.3.block.2.conv1"),
        ("decoder.up_blocks.2.upsamplers.0.conv", "decoder.up.1.upsample.conv"),
    ],
)
def test_modules_of_the_autoencoder_have_the_names_of_the_published_base(
    module: str, path: str
) -> None:
    assert sgm_vae_path(module, 4) == path
    assert diffusers_vae_path(path, 4) == module


@pytest.mark.parametrize("name", ["", "encoder.mid.block_1.conv1", "mid_block.attentions.0.query"])
def test_a_module_that_the_autoencoder_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="autoencoder"):
        sgm_vae_path(name, 4)
    with pytest.raises(InvalidValue, match="autoencoder"):
        diffusers_vae_path(name.replace("mid.block_1", "mid_block.resnets.0"), 4)


def test_q_k_and_v_are_one_weight_in_open_clip() -> None:
    layer = "text_model.encoder.layers.3.self_attn"
    key = "transformer.resblocks.3.attn.in_proj_bias"
    assert {open_clip_name(f"{layer}.{letter}_proj.bias") for letter in "kvq"} == {key}
    assert transformers_names(key) == tuple(f"{layer}.{letter}_proj.bias" for letter in "qkv")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
        ("text_model.encoder.layers.0.layer_norm2.bias", "transformer.resblocks.0.ln_2.bias"),
        ("text_model.encoder.layers.9.mlp.fc2.weight", "transformer.resblocks.9.mlp.c_proj.weight"),
        ("text_model.final_layer_norm.weight", "ln_final.weight"),
        ("text_projection.weight", "text_projection"),
    ],
)
def test_open_clip_has_its_own_names(name: str, key: str) -> None:
    assert open_clip_name(name) == key
    assert transformers_names(key) == (name,)


@pytest.mark.parametrize("name", ["", "logit_scale", "text_model.encoder.layers.0.mlp.fc3.weight"])
def test_a_weight_that_the_second_text_encoder_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="second text encoder"):
        open_clip_name(name)
    with pytest.raises(InvalidValue, match="second text encoder"):
        transformers_names(name)


def test_a_text_encoders_names_are_spelled_one_way() -> None:
    assert spelled("text_encoder", "final_layer_norm.bias") == "text_model.final_layer_norm.bias"
    assert spelled("text_encoder_2", "text_projection.weight") == "text_projection.weight"
    assert spelled("unet", "conv_in.weight") == "conv_in.weight"


def test_parts_are_told_by_their_prefixes_and_constants_are_no_weights() -> None:
    second = "conditioner.embedders.1.model."
    first = "conditioner.embedders.0.transformer.text_model."
    keys = {
        "model.diffusion_model.out.2.bias": "unet",
        "first_stage_model.decoder.conv_in.bias": "vae",
        first + "final_layer_norm.bias": "text_encoder",
        second + "positional_embedding": "text_encoder_2",
    }
    extra = ["v_pred", "ztsnr", first + "embeddings.position_ids", second + "logit_scale"]
    found = parts_of([*keys, *extra])
    assert {key: part for part, own in found.items() for key in own} == keys
    for part, own in found.items():
        assert keys_of(part, [name for names in own.values() for name in names]) == own


def test_a_key_of_no_part_is_refused() -> None:
    with pytest.raises(InvalidValue, match="cond_stage_model"):
        parts_of(["cond_stage_model.transformer.x"])


def test_marks_say_what_the_model_predicts() -> None:
    assert marks_for(SCHEDULER) == ()
    assert scheduler_for(["conv"], SCHEDULER) == SCHEDULER
    plain = scheduler_for(["v_pred"], SCHEDULER)
    assert (plain["prediction_type"], plain["rescale_betas_zero_snr"]) == ("v_prediction", False)
    assert marks_for(plain) == ("v_pred",)
    assert marks_for(scheduler_for(["v_pred", "ztsnr"], SCHEDULER)) == ("v_pred", "ztsnr")
