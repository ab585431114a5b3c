"""Pictures whose edges continue, LoRA included, and a base that is left as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sdxl_reg.diffusion.latents import encode_pixels
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.sampling import (
    decode,
    denoise,
    initial_noise,
    make_generators,
    make_scheduler,
)
from sdxl_reg.diffusion.tiling import tiling
from tests.registry.diffusion.drawing import SCALE, SEEDS, SIDE, conditions

ROLLED = 1e-5
"""float32: the same sums in another place of the picture, over two steps."""
SHOWS = 1e-3
SHIFT = (4, 8)
"""In latents: the U-Net halves twice, so only every fourth place is like another."""


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


@pytest.fixture(scope="module")
def noise(pipeline: Any) -> Tensor:
    return initial_noise(pipeline, make_generators(SEEDS), width=2 * SIDE, height=SIDE)


def drawn(pipeline: Any, noise: Tensor) -> Tensor:
    text, negative = conditions(pipeline)
    latents = denoise(
        pipeline,
        make_scheduler("Euler", pipeline.scheduler.config),
        noise,
        prompts=text,
        negative=negative,
        guidance_scale=SCALE,
        num_inference_steps=2,
        generators=make_generators(SEEDS),
    )
    return decode(pipeline, latents)


def rolled(values: Tensor, factor: int = 1) -> Tensor:
    return values.roll([shift * factor for shift in SHIFT], dims=(-2, -1))


def seam(pictures: Tensor) -> float:
    """The step from the last to the first column, against the step between two in the middle."""
    edge = (pictures[..., 0] - pictures[..., -1]).abs().mean()
    middle = pictures.shape[-1] // 2
    inside = (pictures[..., middle] - pictures[..., middle - 1]).abs().mean()
    return float(edge / inside)


def test_rolled_noise_gives_the_rolled_picture(pipeline: Any, noise: Tensor) -> None:
    with tiling(pipeline):
        picture, moved = drawn(pipeline, noise), drawn(pipeline, rolled(noise))
    assert (moved - rolled(picture, 8)).abs().max() <= ROLLED
    plain, moved = drawn(pipeline, noise), drawn(pipeline, rolled(noise))
    assert (moved - rolled(plain, 8)).abs().max() > SHOWS


def test_left_and_right_edges_continue(pipeline: Any) -> None:
    column = torch.arange(16) / 16 * 2 * torch.pi
    latents = column.sin().expand(1, 4, 8, 16).contiguous()  # smooth all the way around
    with tiling(pipeline):
        around = decode(pipeline, latents)
    assert abs(seam(around) - 1) < 0.1  # as between any two columns
    assert seam(decode(pipeline, latents)) > 1.4


def test_rolled_pixels_give_rolled_latents(pipeline: Any, noise: Tensor) -> None:
    pixels = torch.rand((1, 3, 64, 128), generator=make_generators([1])[0]) * 2 - 1
    with tiling(pipeline):
        latents = encode_pixels(pipeline.vae, pixels)
        moved = encode_pixels(pipeline.vae, rolled(pixels, 8))
    assert (moved - rolled(latents)).abs().max() <= ROLLED


def test_leaving_restores_the_base_bit_equal(pipeline: Any, noise: Tensor) -> None:
    before = drawn(pipeline, noise)
    with tiling(pipeline):
        inside = drawn(pipeline, noise)
    assert (inside - before).abs().max() > SHOWS
    assert torch.equal(drawn(pipeline, noise), before)
    layers = [layer for layer in pipeline.unet.modules() if isinstance(layer, nn.Conv2d)]
    assert {layer.padding_mode for layer in layers} == {"zeros"}
    modules = [*pipeline.unet.modules(), *pipeline.vae.modules()]
    assert not any("forward" in layer.__dict__ for layer in modules)


@pytest.mark.parametrize("order", ["tiling first", "LoRA first"])
def test_what_a_lora_adds_to_convolutions_wraps_around_too(
    pipeline: Any, noise: Tensor, tmp_path: Path, order: str
) -> None:
    from sdxl_reg_lora.apply import applied

    lora = convolution_lora(pipeline, tmp_path)
    with tiling(pipeline):
        without = drawn(pipeline, noise)
    contexts: list[Callable[[], Any]] = [
        lambda: tiling(pipeline),
        lambda: applied(pipeline, lora, 1.0),
    ]
    first, second = contexts if order == "tiling first" else contexts[::-1]
    with first(), second():
        picture, moved = drawn(pipeline, noise), drawn(pipeline, rolled(noise))
    assert (picture - without).abs().max() > SHOWS
    assert (moved - rolled(picture, 8)).abs().max() <= ROLLED


def convolution_lora(pipeline: Any, folder: Path) -> Path:
    """A random LoRA of the convolutions of the U-Net's residual layers."""
    from sdxl_reg.diffusion.weights import save_weights
    from sdxl_reg.formats.lora.kohya_names import kohya_name
    from sdxl_reg.formats.sgm import shape_of

    generator = torch.Generator().manual_seed(3)
    tensors: dict[str, Tensor] = {}
    for path, layer in pipeline.unet.named_modules():
        if isinstance(layer, nn.Conv2d) and ".resnets." in path and layer.kernel_size == (3, 3):
            stem = kohya_name("unet", path, shape_of(pipeline.unet.config))
            down = torch.randn((2, *layer.weight.shape[1:]), generator=generator)
            up = torch.randn((layer.out_channels, 2, 1, 1), generator=generator)
            tensors[f"{stem}.lora_down.weight"] = down * 0.1
            tensors[f"{stem}.lora_up.weight"] = up * 0.1
            tensors[f"{stem}.alpha"] = torch.tensor(2.0)
    assert tensors
    save_weights(folder / "convolutions.safetensors", tensors, {})
    return folder / "convolutions.safetensors"
