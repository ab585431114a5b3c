"""Full-size SDXL on the meta device: which layers are adapted, and what they are called."""

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from sdxl_reg.diffusion.tiny import tiny_unet
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.network import add_adapters, target_modules, unet_shape


def _sdxl_unet() -> UNet2DConditionModel:
    """The U-Net of stabilityai/stable-diffusion-xl-base-1.0, without memory for its weights."""
    with torch.device("meta"):
        return UNet2DConditionModel(
            sample_size=128,
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=2,
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            use_linear_projection=True,
            cross_attention_dim=2048,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        )


def _sdxl_text_encoders() -> tuple[nn.Module, nn.Module]:
    with torch.device("meta"):
        return (
            CLIPTextModel(CLIPTextConfig(
                hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
                num_attention_heads=12,
            )),
            CLIPTextModelWithProjection(CLIPTextConfig(
                hidden_size=1280, intermediate_size=5120, num_hidden_layers=32,
                num_attention_heads=20, projection_dim=1280,
            )),
        )  # fmt: skip


@pytest.fixture(scope="module")
def names() -> dict[str, list[str]]:
    """Kohya's stems of a full-size LoRA, by part."""
    unet, (first, second) = _sdxl_unet(), _sdxl_text_encoders()
    found = {}
    for part, module in (("unet", unet), ("text_encoder", first), ("text_encoder_2", second)):
        module.requires_grad_(False)
        with torch.device("meta"):
            add_adapters(part, module, LoraConfig(rank=4, alpha=4))
        found[part] = [*_Stems(part, module, unet)]
    return found


class _Stems(dict[str, None]):
    def __init__(self, part: str, module: nn.Module, unet: nn.Module) -> None:
        from peft.tuners.lora import LoraLayer

        from sdxl_reg.formats.lora.kohya_names import kohya_name

        super().__init__(
            (kohya_name(part, path, unet_shape(unet)), None)
            for path, layer in module.named_modules()
            if isinstance(layer, LoraLayer)
        )


def test_a_full_size_lora_has_the_published_number_of_modules(names: dict[str, list[str]]) -> None:
    assert {part: len(stems) for part, stems in names.items()} == {
        "unet": 722,
        "text_encoder": 72,
        "text_encoder_2": 192,
    }


@pytest.mark.parametrize(
    "name",
    [
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k",
        "lora_unet_middle_block_1_transformer_blocks_9_ff_net_0_proj",
        "lora_unet_output_blocks_0_1_proj_in",
        "lora_unet_input_blocks_8_1_transformer_blocks_9_attn2_to_out_0",
        "lora_unet_output_blocks_5_1_transformer_blocks_1_ff_net_2",
        "lora_te1_text_model_encoder_layers_0_self_attn_q_proj",
        "lora_te1_text_model_encoder_layers_11_mlp_fc1",
        "lora_te2_text_model_encoder_layers_31_self_attn_out_proj",
    ],
)
def test_its_modules_have_kohyas_names(names: dict[str, list[str]], name: str) -> None:
    assert name in {stem for stems in names.values() for stem in stems}


def test_its_blocks_are_those_of_the_original_unet(names: dict[str, list[str]]) -> None:
    blocks = {"_".join(name.split("_")[2:6]) for name in names["unet"]}
    inputs = {f"input_blocks_{number}_1" for number in (4, 5, 7, 8)}
    outputs = {f"output_blocks_{number}_1" for number in range(6)}
    assert {block for block in blocks if "middle" not in block} == inputs | outputs


def test_new_adapters_change_nothing_until_they_are_trained() -> None:
    torch.manual_seed(0)
    unet = tiny_unet().requires_grad_(False).eval()
    inputs = {
        "sample": torch.randn(1, 4, 8, 8),
        "timestep": torch.tensor([10]),
        "encoder_hidden_states": torch.randn(1, 77, 32),
        "added_cond_kwargs": {"text_embeds": torch.randn(1, 16), "time_ids": torch.ones(1, 6)},
    }
    with torch.no_grad():
        before = unet(**inputs).sample
        parameters = add_adapters("unet", unet, LoraConfig(rank=4, alpha=4))
        assert torch.equal(unet(**inputs).sample, before)
    assert len(parameters) == 2 * len(
        [path for path in target_modules("unet", unet) if path.endswith("base_layer")]
    )
