"""Drawing with LoRA files: ours in plain diffusers, other programs' in ours."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.kohya import kohya_name
from sdxl_reg.testing import draw
from sdxl_reg_lora.apply import applied
from sdxl_reg_lora.files import save_lora
from sdxl_reg_lora.network import PARTS, target_modules, unet_shape

DIFFUSERS_TOLERANCE = 1e-5
"""The same matrices in the same order: float32 rounding over two denoising steps."""


@pytest.fixture
def pipeline(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


def _lora(pipeline: Any, parts: tuple[str, ...] = PARTS, *, rank: int = 4) -> dict[str, Tensor]:
    """Random matrices for every layer, large enough to show."""
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, Tensor] = {}
    for part in parts:
        module = getattr(pipeline, part)
        for path in target_modules(part, module):
            stem = kohya_name(part, path, unet_shape(pipeline.unet))
            layer = module.get_submodule(path)
            down = torch.randn(rank, layer.in_features, generator=generator)
            up = torch.randn(layer.out_features, rank, generator=generator)
            tensors[f"{stem}.lora_down.weight"] = (down * 0.3).half()
            tensors[f"{stem}.lora_up.weight"] = (up * 0.3).half()
            tensors[f"{stem}.alpha"] = torch.tensor(2.0).half()
    return tensors


@pytest.fixture
def weights(pipeline: Any, tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    save_lora(path, _lora(pipeline), {})
    return path


@pytest.mark.parametrize("strength", [1.0, 0.3, -0.5])
def test_plain_diffusers_draws_the_same_picture(
    pipeline: Any, tiny_base: Path, weights: Path, strength: float
) -> None:
    base = draw(pipeline)
    with applied(pipeline, weights, strength):
        ours = draw(pipeline)
    theirs = load_pipeline(tiny_base)
    theirs.load_lora_weights(str(weights.parent), weight_name=weights.name, adapter_name="x")
    theirs.set_adapters("x", strength)
    assert np.abs(ours - base).max() > 0.05
    assert np.abs(ours - draw(theirs)).max() < DIFFUSERS_TOLERANCE


def test_diffusers_own_block_names_mean_the_same_layers(
    pipeline: Any, weights: Path, tmp_path: Path
) -> None:
    tensors = _lora(pipeline)
    renamed: dict[str, Tensor] = {}
    for part in PARTS:
        for path in target_modules(part, getattr(pipeline, part)):
            stem = kohya_name(part, path, unet_shape(pipeline.unet))
            other = stem if part != "unet" else "lora_unet_" + path.replace(".", "_")
            for suffix in ("lora_down.weight", "lora_up.weight", "alpha"):
                renamed[f"{other}.{suffix}"] = tensors[f"{stem}.{suffix}"]
    save_lora(tmp_path / "y.safetensors", renamed, {})
    with applied(pipeline, weights, 1.0):
        expected = draw(pipeline)
    with applied(pipeline, tmp_path / "y.safetensors", 1.0):
        assert np.array_equal(draw(pipeline), expected)


def test_a_missing_alpha_and_an_alpha_of_0_mean_the_rank(pipeline: Any, tmp_path: Path) -> None:
    pictures = []
    for number, alpha in enumerate((torch.tensor(4.0), torch.tensor(0.0), None)):
        tensors = {name: value for name, value in _lora(pipeline).items() if "alpha" not in name}
        stems = {name.partition(".")[0] for name in tensors}
        if alpha is not None:
            tensors |= {f"{stem}.alpha": alpha.half() for stem in stems}
        path = tmp_path / f"{number}.safetensors"
        save_lora(path, tensors, {})
        with applied(pipeline, path, 0.7):
            pictures.append(draw(pipeline))
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])


def test_two_loras_add_up_and_leave_one_after_the_other(
    pipeline: Any, weights: Path, tmp_path: Path
) -> None:
    save_lora(tmp_path / "unet.safetensors", _lora(pipeline, ("unet",)), {})
    with applied(pipeline, weights, 0.5):
        alone = draw(pipeline)
        with applied(pipeline, tmp_path / "unet.safetensors", 0.5):
            assert not np.array_equal(draw(pipeline), alone)
        assert np.array_equal(draw(pipeline), alone)


def test_a_key_that_matches_nothing_is_refused(pipeline: Any, tmp_path: Path) -> None:
    tensors = _lora(pipeline) | {"lora_unet_input_blocks_99_1_proj_in.alpha": torch.tensor(1.0)}
    save_lora(tmp_path / "x.safetensors", tensors, {})
    with (
        pytest.raises(Corrupt, match="blocks_99"),
        applied(pipeline, tmp_path / "x.safetensors", 1),
    ):
        pass


def test_matrices_of_another_width_are_refused(pipeline: Any, tmp_path: Path) -> None:
    tensors = _lora(pipeline)
    name = next(name for name in tensors if name.endswith("lora_down.weight"))
    tensors[name] = tensors[name][:, :-1]
    save_lora(tmp_path / "x.safetensors", tensors, {})
    with (
        pytest.raises(Corrupt, match="trained for"),
        applied(pipeline, tmp_path / "x.safetensors", 1),
    ):
        pass


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), [0.5, 1e9], []])
def test_a_strength_that_is_no_number_is_refused(
    pipeline: Any, weights: Path, strength: float | list[float]
) -> None:
    with pytest.raises(InvalidValue, match="strength"), applied(pipeline, weights, strength):
        pass


def test_strengths_that_do_not_fit_the_batch_are_refused(pipeline: Any, weights: Path) -> None:
    with applied(pipeline, weights, [0.5, 1.0]), pytest.raises(InvalidValue, match="2 strengths"):
        draw(pipeline)
