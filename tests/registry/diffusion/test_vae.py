"""A VAE of its own, from every layout that people have one in."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.single_file import to_single_file, weights_of
from sdxl_reg.diffusion.vae import load_vae
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, NotFound, UsageError

PREFIX = "first_stage_model."


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    """A base whose VAE differs from the one on disk."""
    pipeline: Any = load_pipeline(tiny_base)
    with torch.no_grad():
        for weight in pipeline.vae.parameters():
            weight.mul_(1.5)
    return pipeline


def layouts(pipeline: Any) -> dict[str, dict[str, Tensor]]:
    original = to_single_file({"vae": weights_of(pipeline)["vae"]})
    return {
        "original": {key.removeprefix(PREFIX): tensor for key, tensor in original.items()},
        "of a checkpoint": original,
        "diffusers": dict(pipeline.vae.state_dict()),
        "whole checkpoint": to_single_file(weights_of(pipeline)),
    }


def assert_equal(found: Any, wanted: Any) -> None:
    weights = found.state_dict()
    for name, tensor in wanted.state_dict().items():
        assert torch.equal(weights[name], tensor), name
    assert found.config.scaling_factor == wanted.config.scaling_factor
    assert not found.training


@pytest.mark.parametrize("layout", ["original", "of a checkpoint", "diffusers", "whole checkpoint"])
def test_a_file_loads_bit_equal(
    pipeline: Any, tiny_base: Path, tmp_path: Path, layout: str
) -> None:
    path = tmp_path / "vae.safetensors"
    save_weights(path, layouts(pipeline)[layout], {})
    found = load_vae(path, tiny_base)
    assert_equal(found, pipeline.vae)
    assert found.dtype == torch.float32


@pytest.mark.parametrize("inner", ["", "vae"])
def test_a_folder_loads_bit_equal(
    pipeline: Any, tiny_base: Path, tmp_path: Path, inner: str
) -> None:
    pipeline.vae.save_pretrained(tmp_path / inner)
    assert_equal(load_vae(tmp_path, tiny_base), pipeline.vae)


def test_what_is_no_vae_of_this_base_is_refused(
    pipeline: Any, tiny_base: Path, tmp_path: Path
) -> None:
    with pytest.raises(NotFound):
        load_vae(tmp_path / "none.safetensors", tiny_base)
    with pytest.raises(NotFound):
        load_vae(tmp_path, tiny_base)
    save_weights(tmp_path / "other.safetensors", {"x": torch.zeros(1)}, {})
    with pytest.raises(UsageError, match="no VAE"):
        load_vae(tmp_path / "other.safetensors", tiny_base)
    (tmp_path / "vae.pt").touch()
    with pytest.raises(UsageError, match=r"\.safetensors"):
        load_vae(tmp_path / "vae.pt", tiny_base)
    pipeline.vae.save_pretrained(tmp_path / "scaled")
    config = tmp_path / "scaled" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"scaling_factor": 0.18215}))
    with pytest.raises(UsageError, match="scaling_factor"):
        load_vae(tmp_path / "scaled", tiny_base)


@pytest.mark.parametrize("layout", ["original", "diffusers"])
def test_a_missing_or_misshapen_weight_is_found(
    pipeline: Any, tiny_base: Path, tmp_path: Path, layout: str
) -> None:
    tensors = layouts(pipeline)[layout]
    path = tmp_path / "vae.safetensors"
    save_weights(path, {key: t for key, t in tensors.items() if key != "encoder.conv_out.bias"}, {})
    with pytest.raises(Corrupt, match=r"encoder\.conv_out\.bias"):
        load_vae(path, tiny_base)
    save_weights(path, tensors | {"encoder.conv_out.bias": torch.zeros(3)}, {})
    with pytest.raises(Corrupt):
        load_vae(path, tiny_base)


def test_a_folder_without_a_weight_is_refused(
    pipeline: Any, tiny_base: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_base / "vae", tmp_path / "vae")
    path = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    tensors.pop("encoder.conv_out.bias")
    save_weights(path, tensors, {"format": "pt"})
    with pytest.raises(Corrupt, match=r"encoder\.conv_out\.bias"):
        load_vae(tmp_path, tiny_base)
