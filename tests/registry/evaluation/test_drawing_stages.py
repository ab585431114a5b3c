"""Every setting drawn through a batch equals the functions of diffusion that it stands for."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sdxl_reg.diffusion.conditioning import together
from sdxl_reg.diffusion.guidance import Guidance
from sdxl_reg.diffusion.pictures import (
    encode_pictures,
    feathered,
    fitted,
    kept_pixels,
    latent_mask,
)
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.refiner import load_refiner
from sdxl_reg.diffusion.samplers import make_scheduler
from sdxl_reg.diffusion.sampling import decode, denoise, initial_noise, make_generators
from sdxl_reg.diffusion.stages import Handover, Start, schedule_length
from sdxl_reg.diffusion.texts import encode_negatives, encode_texts
from sdxl_reg.diffusion.tiling import tiling
from sdxl_reg.diffusion.upscaling import upscale
from sdxl_reg.diffusion.vae import load_vae
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.evaluation.drawing import draw_latents, draw_pictures
from sdxl_reg.evaluation.studio import Studio
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.jobs.spec import VersionSpec
from sdxl_reg.vocabulary import Sampler, Schedule, Upscaler
from tests.registry.diffusion.tiny_refiner import write_tiny_refiner
from tests.registry.evaluation.jobs import (
    BASE,
    BLUE,
    RED,
    base_spec,
    job,
    picture,
    sha256,
    use,
    version,
)
from tests.registry.evaluation.versions import checkpoint_file

TOLERANCE = 1e-4
"""Latents reach 10, pixels 1: rows of a batch against one picture, over three steps."""
SHOWS = 1e-3
LONG = ", ".join(["a red mug"] * 30)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> dict[str, Path]:
    """A picture to start from, a mask, and another VAE, by name."""
    folder = tmp_path_factory.mktemp("inputs")
    values = np.random.default_rng(0).integers(0, 256, (80, 96, 3), dtype=np.uint8)
    Image.fromarray(values).save(folder / "start.png")
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 0, 64, 64))
    mask.save(folder / "mask.png")
    vae = load_pipeline(tiny_base).vae
    changed = {name: weight * 1.02 for name, weight in vae.state_dict().items()}
    save_weights(folder / "vae.safetensors", changed, {})
    return {name.stem: name for name in folder.iterdir()}


@pytest.fixture(scope="module")
def refiner_folder(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path) -> Path:
    return write_tiny_refiner(tmp_path_factory.mktemp("refiner") / "r", load_pipeline(tiny_base))


@pytest.fixture(scope="module")
def stocked(
    tiny_base: Path,
    versions: Mapping[str, VersionSpec],
    inputs: Mapping[str, Path],
    refiner_folder: Path,
) -> Studio:
    """A studio that knows all inputs, by the digests of their bytes."""
    bases = {BASE: base_spec(BASE, tiny_base), "fine@1": base_spec("fine@1", refiner_folder)}
    images = {sha256(path): path for path in inputs.values()}
    return Studio(job(tiny_base, versions, bases=bases, images=images))


@pytest.fixture(scope="module")
def plain(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


def _direct(
    pipeline: Any,
    one: PictureSpec,
    *,
    size: tuple[int, int] | None = None,
    steps: int | None = None,
    start: Start | None = None,
    handover: Handover | None = None,
) -> Tensor:
    """Latents of a picture by the functions of `diffusion`."""
    width, height = size or (one.width, one.height)
    generators = make_generators([one.seed])
    (prompt,) = encode_texts(pipeline, [(one.prompt, one.prompt_2)], clip_skip=one.clip_skip)
    asked = [(one.negative_prompt, one.negative_prompt_2)]
    (negative,) = encode_negatives(pipeline, asked, clip_skip=one.clip_skip)
    return denoise(
        pipeline,
        make_scheduler(one.sampler, pipeline.scheduler.config, schedule=one.schedule),
        initial_noise(pipeline, generators, width=width, height=height),
        prompts=prompt,
        negative=negative if one.guidance_scale > 1 else None,
        guidance_scale=one.guidance_scale,
        guidance_rescale=one.guidance_rescale,
        num_inference_steps=steps or one.num_inference_steps,
        generators=generators,
        start=start,
        handover=handover,
    )


def _drawn(studio: Studio, one: PictureSpec) -> tuple[Tensor, Tensor]:
    """Latents and pixels of a picture that is not the first of its batch."""
    other = one.model_copy(update={"prompt": f"{one.prompt}, spot", "seed": 99})
    latents = draw_latents(studio, [other, one], 3)[1:]
    return latents, torch.stack(draw_pictures(studio, [other, one], 3)[1:])


def _require_close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prompt_2": BLUE},
        {"negative_prompt": "spot"},
        {"negative_prompt": "spot", "negative_prompt_2": "fold"},
        {"prompt": "a (red:1.4) mug, [spot]"},
        {"prompt": LONG},
        {"prompt": LONG, "negative_prompt": "spot"},
        {"negative_prompt": LONG},
        {"clip_skip": 1},
        {"guidance_scale": 1},
        {"guidance_rescale": 0.7},
        {"sampler": Sampler.EULER_ANCESTRAL},
        {"sampler": Sampler.DPMPP_2M, "schedule": Schedule.KARRAS},
        {"width": 96, "height": 64},
    ],
)
def test_a_setting_is_what_the_functions_make_of_it(
    stocked: Studio, plain: Any, fields: dict[str, Any]
) -> None:
    one = picture(**fields)
    latents, pixels = _drawn(stocked, one)
    wanted = _direct(plain, one)
    _require_close(latents, wanted)
    _require_close(pixels, decode(plain, wanted))
    if fields:
        default = _direct(plain, picture())
        assert wanted.shape != default.shape or (wanted - default).abs().max() > SHOWS


def test_texts_of_several_lengths_are_drawn_apart_and_come_back_in_order(
    stocked: Studio, plain: Any
) -> None:
    pictures = [picture(LONG), picture(RED), picture(LONG, seed=3), picture(BLUE)]
    found = draw_latents(stocked, pictures, 4)
    _require_close(found, torch.cat([_direct(plain, one) for one in pictures]))


def test_a_prompt_that_is_longer_for_one_encoder_is_drawn_beside_others(
    stocked: Studio, plain: Any
) -> None:
    pictures = [picture(LONG, prompt_2=RED), picture(RED, prompt_2=LONG)]
    found = draw_latents(stocked, pictures, 2)
    _require_close(found, torch.cat([_direct(plain, one) for one in pictures]))


def _start(pipeline: Any, path: Path, one: PictureSpec, mask: Tensor | None = None) -> Start:
    with Image.open(path) as opened:
        original = fitted(opened, width=one.width, height=one.height)
    latents = encode_pictures(pipeline, [original])
    return Start(latents=latents, denoising_strength=one.denoising_strength, mask=mask)


def test_a_picture_to_start_from(stocked: Studio, plain: Any, inputs: Mapping[str, Path]) -> None:
    one = picture(init_image=sha256(inputs["start"]), denoising_strength=0.7)
    latents, pixels = _drawn(stocked, one)
    wanted = _direct(plain, one, start=_start(plain, inputs["start"], one))
    _require_close(latents, wanted)
    _require_close(pixels, decode(plain, wanted))
    assert (wanted - _direct(plain, picture())).abs().max() > SHOWS


@pytest.mark.parametrize("blur", [0, 4])
def test_inpainting(stocked: Studio, plain: Any, inputs: Mapping[str, Path], blur: float) -> None:
    digests = {"init_image": sha256(inputs["start"]), "mask": sha256(inputs["mask"])}
    one = picture(**digests, denoising_strength=0.7, mask_blur=blur)
    latents, pixels = _drawn(stocked, one)
    with Image.open(inputs["mask"]) as opened:
        mask = opened.convert("L")
    start = _start(plain, inputs["start"], one, latent_mask(mask))
    wanted = _direct(plain, one, start=start)
    _require_close(latents, wanted)
    with Image.open(inputs["start"]) as opened:
        original = fitted(opened, width=64, height=64)
    _require_close(pixels, kept_pixels(decode(plain, wanted), original, feathered(mask, blur)))
    kept = torch.from_numpy(np.array(original)).permute(2, 0, 1)[None, :, :, :8] / 255
    assert torch.equal(pixels[..., :8], kept)


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("upscaler", [Upscaler.LATENT, Upscaler.LANCZOS])
def test_a_second_pass_at_another_size(
    stocked: Studio, plain: Any, upscaler: Upscaler, steps: int
) -> None:
    one = picture(hires_scale=1.5, hires_upscaler=upscaler, hires_steps=steps)
    latents, pixels = _drawn(stocked, one)
    small = _direct(plain, one)
    larger = upscale(plain, small, upscaler, width=96, height=96)
    start = Start(latents=larger, denoising_strength=0.7)
    length = schedule_length(steps, 0.7) if steps else None
    wanted = _direct(plain, one, size=(96, 96), start=start, steps=length)
    tolerance = 0.1 if upscaler is Upscaler.LANCZOS else TOLERANCE  # eight-bit pixels in between
    torch.testing.assert_close(latents, wanted, atol=tolerance, rtol=0)
    assert pixels.shape == (1, 3, 96, 96)


def test_tiling(stocked: Studio, plain: Any) -> None:
    one = picture(tiling=True)
    latents, pixels = _drawn(stocked, one)
    with tiling(plain):
        wanted = _direct(plain, one)
        _require_close(pixels, decode(plain, wanted))
    _require_close(latents, wanted)
    assert (wanted - _direct(plain, picture())).abs().max() > SHOWS


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("scale", [5.0, 1.0])
def test_a_refiner_ends_the_picture(
    stocked: Studio, plain: Any, refiner_folder: Path, scale: float, tiled: bool
) -> None:
    one = picture(
        refiner="fine@1", switch_at=0.4, guidance_scale=scale, tiling=tiled, negative_prompt="spot"
    )
    latents, _ = _drawn(stocked, one)
    refiner = load_refiner(refiner_folder)
    negative = encode_negatives(refiner, [("spot", "")]) if scale > 1 else None
    guidance = Guidance(
        prompts=together(encode_texts(refiner, [(one.prompt, "")])),
        negative=together(negative) if negative else None,
        scale=scale,
    )
    handover = Handover(pipeline=refiner, guidance=guidance, switch_at=0.4)
    with ExitStack() as stack:
        if tiled:
            stack.enter_context(tiling(plain, refiner))
        _require_close(latents, _direct(plain, one, handover=handover))
        assert (latents - _direct(plain, one)).abs().max() > SHOWS


def test_texts_that_are_equally_long_only_for_the_base_are_refined_too(stocked: Studio) -> None:
    fields: dict[str, Any] = {"refiner": "fine@1", "switch_at": 0.4}
    pictures = [picture(LONG, prompt_2=RED, **fields), picture(RED, prompt_2=LONG, **fields)]
    found = draw_latents(stocked, pictures, 2)
    alone = torch.cat([draw_latents(stocked, [one], 1) for one in pictures])
    _require_close(found, alone)


def test_another_vae(
    stocked: Studio, tiny_base: Path, plain: Any, inputs: Mapping[str, Path]
) -> None:
    one = picture(vae=sha256(inputs["vae"]))
    latents, pixels = _drawn(stocked, one)
    _require_close(latents, _direct(plain, one))
    other = load_pipeline(tiny_base)
    other.vae = load_vae(inputs["vae"], tiny_base)
    _require_close(pixels, decode(other, latents))
    assert (pixels - decode(plain, latents)).abs().max() > SHOWS
    _, own = _drawn(stocked, picture())
    _require_close(own, decode(plain, latents))  # and the base's own VAE comes back


def test_adapters_are_at_work_in_every_pass(stocked: Studio, inputs: Mapping[str, Path]) -> None:
    start = {"init_image": sha256(inputs["start"])}
    for fields in ({"hires_scale": 1.5}, start, {**start, "mask": sha256(inputs["mask"])}):
        one = picture(RED, use("lora@1", 0.8), **fields)
        bare = one.model_copy(update={"adapters": ()})
        found = draw_latents(stocked, [one, bare], 3)
        for row, alone in enumerate((one, bare)):
            _require_close(found[row : row + 1], draw_latents(stocked, [alone], 1))
        assert (found[0] - found[1]).abs().max() > SHOWS


def test_a_checkpoint_brings_its_own_vae(
    tiny_base: Path, plain: Any, inputs: Mapping[str, Path], tmp_path: Path
) -> None:
    whole = version("vae@1", checkpoint_file(tmp_path, tiny_base, parts=["vae"]), "checkpoint")
    images = {sha256(path): path for path in inputs.values()}
    studio = Studio(job(tiny_base, {"vae@1": whole}, images=images))
    pictures = [picture(RED), picture(RED, use("vae@1", 0.5)), picture(RED, use("vae@1", 1.0))]
    found = draw_pictures(studio, pictures, 4)
    latents = _direct(plain, picture(RED))
    for one, pixels in zip(pictures, found, strict=True):
        with studio.applied(plain, [one], to_texts=False):
            _require_close(pixels, decode(plain, latents)[0])
    assert (found[0] - found[2]).abs().max() > SHOWS
    chosen = picture(RED, use("vae@1", 1.0), vae=sha256(inputs["vae"]))  # goes before the version's
    base = chosen.model_copy(update={"adapters": ()})
    _require_close(draw_pictures(studio, [chosen], 1)[0], draw_pictures(studio, [base], 1)[0])
