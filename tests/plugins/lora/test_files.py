"""What training saves is read as it was trained; what is damaged is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.testing import draw
from sdxl_reg.training.base import PARTS
from sdxl_reg_lora.apply import applied
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.files import load_lora
from sdxl_reg_lora.network import add_adapters, lora_tensors, unet_shape

TRAINED_TOLERANCE = 1e-5
"""The same products in another order: float32 rounding over two denoising steps."""
KNOWN = {"lora_unet_a": ("unet", "a"), "unet.a": ("unet", "a")}
DOWN, UP = torch.ones(4, 8), torch.ones(6, 4)


@pytest.mark.parametrize("rank", [1, 64])
@pytest.mark.parametrize("algorithm", ["lora", "dora", "loha", "lokr"])
def test_what_training_saves_is_drawn_as_it_was_trained(
    tiny_base: Path, tmp_path: Path, algorithm: str, rank: int
) -> None:
    """A rank of 64 makes both factors of LoKr whole."""
    settings = {"algorithm": algorithm, "rank": rank, "alpha": 1.5, "conv_rank": 2}
    pipeline = load_pipeline(tiny_base)
    base = draw(pipeline)
    parts = [(part, getattr(pipeline, part)) for part in PARTS]
    torch.manual_seed(0)
    for part, module in parts:
        module.requires_grad_(False)
        for parameter in add_adapters(part, module, LoraConfig.model_validate(settings)):
            if parameter.ndim > 1:  # DoRA's magnitudes of linear layers are the base's norms
                parameter.data.normal_(std=0.3)
        module.eval()
    trained = draw(pipeline)
    tensors = lora_tensors(parts, unet_shape(pipeline.unet), dtype=torch.float32)
    save_weights(tmp_path / "x.safetensors", tensors, {})
    fresh = load_pipeline(tiny_base)
    with applied(fresh, tmp_path / "x.safetensors", 1.0):
        ours = draw(fresh)
    assert np.abs(trained - base).max() > 0.01
    assert np.abs(ours - trained).max() < TRAINED_TOLERANCE


def _loaded(path: Path, tensors: dict[str, Tensor], **metadata: str) -> Any:
    save_weights(path / "x.safetensors", tensors, metadata)
    return load_lora(path / "x.safetensors", KNOWN)["unet", "a"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_tensors_of_every_number_format_are_read(tmp_path: Path, dtype: torch.dtype) -> None:
    tensors = {"lora_unet_a.lora_down.weight": DOWN, "lora_unet_a.lora_up.weight": UP}
    tensors = {key: value.to(dtype) for key, value in tensors.items()}
    found = _loaded(tmp_path, tensors | {"lora_unet_a.alpha": torch.tensor(2.0, dtype=dtype)})
    assert (found.algorithm, found.scale) == ("lora", 0.5)
    assert torch.equal(found.tensors["lora_down.weight"], DOWN)
    assert found.tensors["lora_down.weight"].dtype == torch.float32


@pytest.mark.parametrize(
    ("shapes", "scale"),
    [
        ({"lora_down.weight": (4, 8), "lora_up.weight": (6, 4)}, 0.5),
        ({f"hada_w{n}_{x}": (4, 4) for n in (1, 2) for x in "ab"}, 0.5),
        ({"lokr_w1": (2, 2), "lokr_w2_a": (3, 8), "lokr_w2_b": (8, 4)}, 0.25),
        ({"lokr_w1_a": (2, 1), "lokr_w1_b": (1, 2), "lokr_w2": (3, 4)}, 2.0),
        ({"lokr_w1": (2, 2), "lokr_w2": (3, 4)}, 1.0),
    ],
)
def test_the_scale_is_alpha_by_the_rank_of_the_split_factor(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], scale: float
) -> None:
    tensors = {f"lora_unet_a.{name}": torch.ones(shape) for name, shape in shapes.items()}
    assert _loaded(tmp_path, tensors | {"lora_unet_a.alpha": torch.tensor(2.0)}).scale == scale


def test_alphas_are_read_from_diffusers_header(tmp_path: Path) -> None:
    tensors = {"unet.a.lora_A.weight": DOWN, "unet.a.lora_B.weight": UP}
    assert _loaded(tmp_path, tensors).scale == 1.0
    assert _loaded(tmp_path, tensors, lora_adapter_metadata='{"unet.lora_alpha": 1}').scale == 0.25


@pytest.mark.parametrize(
    ("name", "tensor", "fault"),
    [
        ("alpha", torch.ones(2), "alpha is no number"),
        ("alpha", torch.tensor(float("nan")), "alpha is no number"),
        ("lora_down.weight", torch.ones(8), r"lora_down.weight has the shape \[8\]"),
        ("lora_down.weight", torch.ones(0, 8), r"lora_down.weight has the shape \[0, 8\]"),
        ("dora_scale", torch.ones(()), r"dora_scale has the shape \[\]"),
    ],
)
def test_a_tensor_that_is_not_what_its_name_says_is_refused(
    tmp_path: Path, name: str, tensor: Tensor, fault: str
) -> None:
    tensors = {"lora_unet_a.lora_down.weight": DOWN, "lora_unet_a.lora_up.weight": UP}
    with pytest.raises(Corrupt, match=fault):
        _loaded(tmp_path, tensors | {f"lora_unet_a.{name}": tensor})


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_lora(tmp_path / "x.safetensors", KNOWN)
