"""Random networks of the smallest size, as folders of the hub. They judge nothing."""

import json
from pathlib import Path

import torch
from transformers import CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model

from sdxl_reg.diffusion.micro import tokenizer_files, write_files
from sdxl_reg.diffusion.tiny import merges

CLIP_STEPS = {
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 28},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 28, "width": 28},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}


def write_dinov2(folder: Path) -> Path:
    """A DINOv2 whose class token has 16 numbers."""
    torch.manual_seed(1)
    config = Dinov2Config(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    Dinov2Model(config).save_pretrained(folder)
    steps = CLIP_STEPS | {
        "image_processor_type": "BitImageProcessor",
        "size": {"shortest_edge": 32},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(steps))
    return folder


def write_clip(folder: Path) -> Path:
    """A CLIP that shares 12 numbers between pictures and texts."""
    torch.manual_seed(2)
    files = tokenizer_files(merges(), "<|endoftext|>")
    write_files(files, folder)
    vocabulary = len(json.loads((folder / "vocab.json").read_bytes()))
    shared = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    text = shared | {
        "num_attention_heads": 2,
        "vocab_size": vocabulary,
        "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1,
        "pad_token_id": vocabulary - 1,
    }
    vision = shared | {"num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    CLIPModel(
        CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)
    ).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(CLIP_STEPS))
    return folder
