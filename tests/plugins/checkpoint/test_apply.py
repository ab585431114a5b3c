"""Drawing with whole checkpoints: as plain diffusers draws with them, blended, and refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from torch import Tensor

from sdxl_reg.diffusion.pipeline import MODELS, load_pipeline
from sdxl_reg.diffusion.single_file import Parts, save_single_file, weights_of
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.testing import ROWS_TOLERANCE, Heard, draw, training_job
from sdxl_reg_checkpoint.apply import applied
from sdxl_reg_checkpoint.config import CheckpointConfig
from sdxl_reg_checkpoint.train import train

HALF_TOLERANCE = 0.02
"""A weight in fp16 is off by 2⁻¹¹ of its size; two denoising steps of a random base grow that."""
SHOWS = 0.05
"""By how much a picture in 0 … 1 differs at least where a checkpoint is drawn with."""


@pytest.fixture(scope="module")
def trained(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A training of the U-Net and the first text encoder, its file in a number format."""
    files: dict[str, Path] = {}

    def file(precision: str) -> Path:
        if precision not in files:
            config = CheckpointConfig.model_validate(
                {"preview": False, "max_train_steps": 3, "save_precision": precision}
                | {"learning_rate": 0.01, "text_encoder_lr": 0.01, "text_encoder_2_lr": 0}
            )
            folder = tmp_path_factory.mktemp(precision)
            files[precision] = train(training_job(config, tiny_base, folder), Heard())[-1]
        return files[precision]

    return file


def by_diffusers(path: Path, base: Path) -> Any:
    """Plain diffusers' pipeline of a single file.

    The second text encoder, which was not trained, is handed over: the tiny base's two are equally
    wide, and diffusers tells them apart by their widths. No weight asks for gradients: torch sums
    in another order where one does, which is seen in the sixth digit.
    """
    pipeline: Any = StableDiffusionXLPipeline.from_single_file(
        str(path),
        config=str(base),
        text_encoder_2=load_pipeline(base).text_encoder_2,
        torch_dtype=torch.float32,
        local_files_only=True,
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    for part in MODELS:
        getattr(pipeline, part).requires_grad_(False)
    return pipeline


def altered(pipeline: Any, folder: Path, change: Callable[[Parts], None]) -> Path:
    """A checkpoint like the base but for a change of its parts."""
    parts = {part: dict(weights) for part, weights in weights_of(pipeline).items()}
    change(parts)
    save_single_file(folder / "altered.safetensors", parts, metadata={})
    return folder / "altered.safetensors"


def test_plain_diffusers_draws_the_very_same_from_the_file(
    pipeline: Any, base: Any, tiny_base: Path, trained: Callable[[str], Path]
) -> None:
    with applied(pipeline, trained("float"), 1.0):
        ours = draw(pipeline)
    assert np.abs(ours - base).max() > SHOWS
    assert np.array_equal(ours, draw(by_diffusers(trained("float"), tiny_base)))


def test_in_half_precision_it_is_nearly_the_same(
    pipeline: Any, base: Any, tiny_base: Path, trained: Callable[[str], Path]
) -> None:
    with applied(pipeline, trained("fp16"), 1.0):
        ours = draw(pipeline)
    with applied(pipeline, trained("float"), 1.0):
        whole = draw(pipeline)
    assert np.abs(ours - whole).max() < HALF_TOLERANCE
    assert np.abs(ours - draw(by_diffusers(trained("fp16"), tiny_base))).max() < HALF_TOLERANCE


@pytest.mark.parametrize("strength", [0.5, 1.5, -0.5])
def test_a_strength_is_a_straight_line_through_both_sets_of_weights(
    pipeline: Any, tiny_base: Path, trained: Callable[[str], Path], strength: float
) -> None:
    """Computed here in float64, by plain diffusers' own pipelines."""
    zero, one = load_pipeline(tiny_base), by_diffusers(trained("float"), tiny_base)
    for part in ("unet", "text_encoder"):
        goals = dict(getattr(one, part).named_parameters())
        for name, weight in getattr(zero, part).named_parameters():
            line = weight.double() + strength * (goals[name].double() - weight.double())
            weight.data = line.float()
    with applied(pipeline, trained("float"), strength):
        assert np.abs(draw(pipeline) - draw(zero)).max() < ROWS_TOLERANCE


def test_every_kind_of_layer_has_its_strength_row_by_row(
    pipeline: Any, base: Any, tmp_path: Path
) -> None:
    """Every weight of every part is changed, the VAE's too."""
    generator = torch.Generator().manual_seed(0)

    def shaken(parts: Parts) -> None:
        for weights in parts.values():
            for name, value in weights.items():
                noise = torch.randn(value.shape, generator=generator)
                weights[name] = value + 0.1 * value.abs().mean() * noise

    weights = altered(pipeline, tmp_path, shaken)
    strengths = (-0.5, 0.4, 1.3)
    with applied(pipeline, weights, strengths):
        together = draw(pipeline)
    for row, strength in enumerate(strengths):
        with applied(pipeline, weights, strength):
            alone = draw(pipeline)
        assert np.abs(alone[row] - base[row]).max() > 10 * ROWS_TOLERANCE
        assert np.abs(together[row] - alone[row]).max() < ROWS_TOLERANCE


def test_the_base_has_the_very_tensors_it_had_before(
    pipeline: Any, base: Any, trained: Callable[[str], Path]
) -> None:
    places = [value.data_ptr() for value in pipeline.unet.parameters()]
    for strength in (0.5, [0.1, 0.2, 0.3]):
        with applied(pipeline, trained("float"), strength):
            draw(pipeline)
    assert [value.data_ptr() for value in pipeline.unet.parameters()] == places
    assert np.array_equal(draw(pipeline), base)


def _without_a_weight(parts: Parts) -> None:
    del parts["unet"]["conv_out.bias"]


def _with_one_too_many(parts: Parts) -> None:
    parts["text_encoder"]["text_model.encoder.layers.9.layer_norm1.bias"] = torch.zeros(16)


def _of_another_shape(parts: Parts) -> None:
    parts["unet"]["conv_in.weight"] = torch.zeros(16, 9, 3, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_a_weight, "no weight 'conv_out.bias' of the unet"),
        (_with_one_too_many, r"the base has no weight '.*layers\.9.*' of the text_encoder"),
        (_of_another_shape, r"'conv_in.weight' of the unet has the shape \[16, 9, 3, 3\]"),
    ],
)
def test_a_checkpoint_of_another_architecture_is_refused_by_its_first_weight(
    pipeline: Any, base: Any, tmp_path: Path, change: Callable[[Parts], None], message: str
) -> None:
    weights = altered(pipeline, tmp_path, change)
    with pytest.raises(Corrupt, match=message) as refusal, applied(pipeline, weights, 1.0):
        pass
    assert refusal.value.remedy == "Use it with a base of its own shape"
    assert np.array_equal(draw(pipeline), base)


@pytest.mark.parametrize("tensors", [{"lora_unet_x.alpha": torch.zeros(())}, {}])
def test_what_is_no_checkpoint_is_refused(
    pipeline: Any, tmp_path: Path, tensors: dict[str, Tensor]
) -> None:
    save_weights(tmp_path / "x.safetensors", tensors, {})
    with pytest.raises(Corrupt), applied(pipeline, tmp_path / "x.safetensors", 1.0):
        pass


def test_a_batch_that_is_no_multiple_of_the_strengths_is_refused(
    pipeline: Any, trained: Callable[[str], Path]
) -> None:
    with (
        applied(pipeline, trained("float"), [0.1, 0.2, 0.3, 0.4]),
        pytest.raises(InvalidValue, match="one for every picture"),
    ):
        draw(pipeline)
