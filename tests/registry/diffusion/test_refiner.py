"""A refiner that takes over, against diffusers' base and refiner one after the other."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline
from torch import Tensor

from sdxl_reg.diffusion.conditioning import together
from sdxl_reg.diffusion.guidance import Guidance
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.refiner import load_refiner
from sdxl_reg.diffusion.sampling import initial_noise, make_generators, make_scheduler
from sdxl_reg.diffusion.stages import Handover
from sdxl_reg.diffusion.texts import encode_negatives, encode_texts
from sdxl_reg.errors import Corrupt, InvalidValue, NotFound, UsageError
from sdxl_reg.formats.refiner import is_refiner
from sdxl_reg.vocabulary import Sampler
from tests.registry.diffusion.drawing import PROMPTS, SCALE, SEEDS, SIDE, ours
from tests.registry.diffusion.tiny_refiner import write_single_file, write_tiny_refiner

TOLERANCE = 1e-5
"""Of the largest value, float32 on the CPU: both do the same operations."""
SHOWS = 1e-3
WITHOUT_HISTORY = [Sampler.EULER, Sampler.EULER_ANCESTRAL, Sampler.DDIM]
"""Samplers whose second half can begin afresh, as diffusers' second pipeline does."""

pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # numpy 2


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


@pytest.fixture(scope="module")
def folder(pipeline: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_refiner(tmp_path_factory.mktemp("refiner") / "refiner", pipeline)


@pytest.fixture(scope="module")
def refiner(folder: Path) -> Any:
    return load_refiner(folder)


def difference(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


def handover(refiner: Any, switch_at: float, **more: Any) -> Handover:
    guidance = Guidance(
        prompts=together(encode_texts(refiner, [(text, "") for text in PROMPTS])),
        negative=together(encode_negatives(refiner, [("spot", "")] * 2)),
        scale=SCALE,
        **more,
    )
    return Handover(pipeline=refiner, guidance=guidance, switch_at=switch_at)


def one_after_the_other(base: Any, refiner: Any, sampler: str, share: float, **more: Any) -> Tensor:
    """Latents of diffusers' two pipelines, with noise on the way from the same generators."""
    generators = make_generators(SEEDS)
    arguments: dict[str, Any] = {
        "prompt": PROMPTS,
        "negative_prompt": ["spot"] * 2,
        "num_inference_steps": 4,
        "guidance_scale": SCALE,
        "generator": generators,
        "output_type": "latent",
    }
    first = StableDiffusionXLPipeline(**{**base.components}, add_watermarker=False)
    second = StableDiffusionXLImg2ImgPipeline(
        **{**refiner.components},
        add_watermarker=False,
        requires_aesthetics_score=bool(refiner.config.get("requires_aesthetics_score")),
    )
    for pipe in (first, second):
        pipe.set_progress_bar_config(disable=True)
        pipe.scheduler = make_scheduler(sampler, base.scheduler.config)
    noise = initial_noise(base, generators, width=SIDE, height=SIDE)
    latents = first(**arguments, latents=noise, width=SIDE, height=SIDE, denoising_end=share).images
    found: Tensor = second(**arguments, image=latents, denoising_start=share, **more).images
    return found


@pytest.mark.parametrize("sampler", WITHOUT_HISTORY)
@pytest.mark.parametrize("share", [0.25, 0.75])
def test_a_refiner_goes_on_as_diffusers_second_pipeline_does(
    pipeline: Any, refiner: Any, sampler: Sampler, share: float
) -> None:
    found = ours(pipeline, sampler, handover=handover(refiner, share))
    wanted = one_after_the_other(pipeline, refiner, sampler, share)
    assert difference(found, wanted) <= TOLERANCE
    if share < 0.5:  # the very last step of DDIM hardly moves
        assert difference(found, ours(pipeline, sampler)) > SHOWS


def test_aesthetic_scores_are_those_asked_for(pipeline: Any, refiner: Any) -> None:
    found = ours(pipeline, handover=handover(refiner, 0.5, scores=(9.0, 1.0)))
    wanted = one_after_the_other(
        pipeline, refiner, "Euler", 0.5, aesthetic_score=9.0, negative_aesthetic_score=1.0
    )
    assert difference(found, wanted) <= TOLERANCE
    assert difference(found, ours(pipeline, handover=handover(refiner, 0.5))) > 1e-4


def test_any_base_can_take_over(pipeline: Any, tiny_base: Path) -> None:
    other = load_refiner(tiny_base)
    with torch.no_grad():
        for weight in other.unet.parameters():
            weight.mul_(1.05)
    found = ours(pipeline, handover=handover(other, 0.5))
    assert difference(found, one_after_the_other(pipeline, other, "Euler", 0.5)) <= TOLERANCE
    assert difference(found, ours(pipeline)) > SHOWS


@pytest.mark.parametrize("sampler", [Sampler.DPMPP_2M, Sampler.HEUN, Sampler.UNIPC, Sampler.DPM2])
def test_the_samplers_memory_outlives_the_handover(
    pipeline: Any, tiny_base: Path, sampler: Sampler
) -> None:
    same = load_refiner(tiny_base)
    found = ours(pipeline, sampler, handover=handover(same, 0.5))
    assert difference(found, ours(pipeline, sampler)) <= TOLERANCE


@pytest.mark.parametrize(
    ("sampler", "share", "calls"),
    [
        ("Euler", 0.0, 4),
        ("Euler", 0.5, 2),
        ("Euler", 0.6, 1),
        ("Euler", 1.0, 0),
        ("Heun", 0.5, 3),
        ("Heun", 0.0, 7),
    ],
)
def test_it_takes_over_after_that_share_of_the_steps(
    pipeline: Any, refiner: Any, sampler: str, share: float, calls: int
) -> None:
    seen: list[float] = []
    hook = refiner.unet.register_forward_pre_hook(lambda _, inputs: seen.append(float(inputs[1])))
    try:
        ours(pipeline, sampler, handover=handover(refiner, share))
    finally:
        hook.remove()
    assert len(seen) == calls


def test_a_share_out_of_range_is_refused(pipeline: Any, refiner: Any) -> None:
    with pytest.raises(InvalidValue, match="refiner switch"):
        ours(pipeline, handover=handover(refiner, 1.5))


def test_a_single_file_loads_bit_equal(folder: Path, refiner: Any, tmp_path: Path) -> None:
    path = write_single_file(tmp_path / "refiner.safetensors", refiner)
    config = tmp_path / "config"
    shutil.copytree(folder, config, ignore=shutil.ignore_patterns("*.safetensors"))
    found = load_refiner(path, config_path=config)
    assert found.text_encoder is None
    assert found.config.requires_aesthetics_score
    assert not found.config.force_zeros_for_empty_prompt
    for part in ("unet", "vae", "text_encoder_2"):
        weights = getattr(found, part).state_dict()
        for name, wanted in getattr(refiner, part).state_dict().items():
            assert torch.equal(weights[name], wanted), name
    with pytest.raises(UsageError, match="single file"):
        load_refiner(path)


def test_a_refiner_and_a_base_are_told_apart(
    folder: Path, refiner: Any, tiny_base: Path, tmp_path: Path
) -> None:
    assert is_refiner(folder)
    assert not is_refiner(tiny_base)
    assert is_refiner(write_single_file(tmp_path / "refiner.safetensors", refiner))


def test_what_is_not_there_or_not_whole_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        load_refiner(tmp_path / "none")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "model_index.json").write_text("{")
    with pytest.raises(Corrupt):
        load_refiner(copy)
    shutil.copyfile(folder / "model_index.json", copy / "model_index.json")
    (copy / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(NotFound):
        load_refiner(copy)
