from pathlib import Path

import pytest

from sdxl_reg.errors import UsageError
from sdxl_reg.formats.identity import identify
from sdxl_reg.vocabulary import ArtifactKind
from tests.registry.formats.shaped_files import TO_K, shaped_file

SGM = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"


@pytest.mark.parametrize(
    ("shapes", "kind", "family"),
    [
        ({TO_K: (4, 2048)}, ArtifactKind.LORA, "sdxl"),
        ({TO_K: (4, 768)}, ArtifactKind.LORA, "sd1"),
        ({TO_K: (4, 1024)}, ArtifactKind.LORA, "sd2"),
        ({TO_K: (4, 64)}, ArtifactKind.LORA, "unknown"),
        ({"lora_te2_text_model_x.alpha": (1, 1)}, ArtifactKind.LORA, "sdxl"),
        ({"lora_unet_x_transformer_blocks_9_ff.hada_w1_a": (4, 4)}, ArtifactKind.LORA, "sdxl"),
        ({"unet.x.attn2.to_k.lora_A.weight": (4, 2048)}, ArtifactKind.LORA, "sdxl"),
        ({"x.attn2.processor.to_k_lora.down.weight": (4, 2048)}, ArtifactKind.LORA, "sdxl"),
        ({"unet.x.attn2.to_k.lora.down.weight": (4, 768)}, ArtifactKind.LORA, "sd1"),
        ({"lycoris_x_attn2_to_k.hada_w1_b": (4, 1024)}, ArtifactKind.LORA, "sd2"),
        (
            {"lycoris_x_attn2_to_k.lokr_w1": (8, 32), "lycoris_x_attn2_to_k.lokr_w2_b": (4, 64)},
            ArtifactKind.LORA,
            "sdxl",
        ),
        ({"text_encoder_2.x.fc1.lora_linear_layer.up.weight": (4, 4)}, ArtifactKind.LORA, "sdxl"),
        ({"clip_l": (1, 768), "clip_g": (1, 1280)}, ArtifactKind.EMBEDDING, "sdxl"),
        ({"emb_params": (1, 768)}, ArtifactKind.EMBEDDING, "sd1"),
        ({"hypernet.2048.k.linear.0.weight": (4, 4)}, ArtifactKind.HYPERNETWORK, "sdxl"),
        ({SGM: (4, 1280)}, ArtifactKind.CHECKPOINT, "sdxl-refiner"),
        ({SGM: (4, 768)}, ArtifactKind.CHECKPOINT, "sd1"),
        ({SGM: (4, 2048)}, ArtifactKind.CHECKPOINT, "unknown"),
    ],
)
def test_kind_and_family_follow_from_the_header(
    tmp_path: Path, shapes: dict[str, tuple[int, int]], kind: ArtifactKind, family: str
) -> None:
    found = identify(shaped_file(tmp_path / "x.safetensors", shapes, {}))
    assert (found.kind, found.family) == (kind, family)


def test_a_lora_of_a_tiny_base_says_that_it_is_sdxls(tmp_path: Path) -> None:
    path = shaped_file(
        tmp_path / "x.safetensors", {TO_K: (4, 64)}, {"ss_base_model_version": "sdxl_base_v1-0"}
    )
    assert identify(path).family == "sdxl"


def test_keys_of_no_known_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 keys"):
        identify(shaped_file(tmp_path / "x.safetensors", {"weight": (1, 1)}, {}))
