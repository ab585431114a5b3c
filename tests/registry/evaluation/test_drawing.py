"""Batches against pictures drawn one by one, here and by plain diffusers."""

import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.evaluation.drawing import draw_latents, draw_pictures
from sdxl_reg.evaluation.studio import Studio
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec
from sdxl_reg.jobs.spec import VersionSpec
from tests.registry.evaluation.jobs import BLUE, RED, picture, use
from tests.registry.evaluation.versions import WORD

TOLERANCE = 1e-4
"""Latents reach 10; a row's products are summed in another order than a picture's alone: float32's
6e-8 of them, grown by three steps with guidance 5. Found: 1e-5."""
BLENDED_TOLERANCE = 3e-4
"""Rows of a checkpoint at several strengths are y + s · f(x; ΔW), alone it is f(x; W + s · ΔW)."""
SHOWS = 0.05
KINDS = ["lora", "unet", "wug", "hyper", "whole"]
SIZE = 4


def _one_by_one(studio: Studio, pictures: list[PictureSpec]) -> Tensor:
    return torch.cat([draw_latents(studio, [one], 1) for one in pictures])


def _strengths(kind: str, values: tuple[float, ...] = (0.5, 1.0, -0.5)) -> list[PictureSpec]:
    """Rows that differ in all that a row may have for itself; the first is the base's."""
    rows = [picture(f"{WORD}, {RED}")]
    for seed, value in enumerate(values):
        prompt = f"{(RED, BLUE)[seed % 2]} {WORD}"
        rows.append(picture(prompt, use(f"{kind}@1", value), seed=seed, negative_prompt="spot"))
    return rows


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_equals_the_picture_drawn_alone(studio: Studio, kind: str) -> None:
    pictures = _strengths(kind)
    together = draw_latents(studio, pictures, SIZE)
    alone = _one_by_one(studio, pictures)
    atol = BLENDED_TOLERANCE if kind == "whole" else TOLERANCE
    torch.testing.assert_close(together, alone, atol=atol, rtol=0)
    bare = [one.model_copy(update={"adapters": ()}) for one in pictures]
    without = draw_latents(studio, bare, SIZE)
    assert torch.equal(together[0], without[0]) or kind == "whole"
    for row in (1, 2, 3):
        assert (together[row] - without[row]).abs().max() > SHOWS


@pytest.mark.parametrize("kind", ["lora", "hyper"])
def test_versions_that_share_a_batch_do_not_touch_each_others_rows(
    studio: Studio, kind: str
) -> None:
    pictures = [
        picture(RED, use(f"{kind}@1", 0.5)),
        picture(RED, use(f"{kind}@2", 1.0)),
        picture(BLUE, use(f"{kind}@1", 1.0), seed=3),
    ]
    together = draw_latents(studio, pictures, SIZE)
    torch.testing.assert_close(together, _one_by_one(studio, pictures), atol=TOLERANCE, rtol=0)
    assert (together[0] - together[1]).abs().max() > SHOWS


NEIGHBOURS = {
    "lora": [picture(BLUE, use("lora@2", 1.0), seed=3), picture("q", use("unet@1")), picture("q")],
    "unet": [picture(BLUE, use("lora@2", 1.0), seed=3), picture("q", use("unet@1")), picture("q")],
    "hyper": [picture(BLUE, use("hyper@2", 1.0), seed=3), picture("q", use("hyper@1"))],
    "wug": [picture(WORD, use("wug@1", 1.0), seed=3), picture("q", use("wug@1", -0.3))],
    "whole": [picture("q", use("whole@1", 0.5)), picture(BLUE, use("whole@1", 0.5), seed=3)],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_bit_equal_whatever_is_drawn_beside_it(studio: Studio, kind: str) -> None:
    """Wherever it stands; padding, the base's own pictures and other versions included."""
    for one in (picture(f"{WORD}, {RED}", use(f"{kind}@1", 0.5)), picture(f"{WORD}, {RED}")):
        if kind == "whole" and not one.adapters:
            continue  # beside others it is y + 0 · f(x), and the checkpoint's blend is not made
        expected = draw_latents(studio, [one], SIZE)[0]
        for count in {1, len(NEIGHBOURS[kind])}:
            for others in permutations(NEIGHBOURS[kind], count):
                rows = [*others[:1], one, *others[1:]]
                assert torch.equal(draw_latents(studio, rows, SIZE)[1], expected)
        assert torch.equal(draw_latents(studio, [one, one, one, one], SIZE)[3], expected)


@pytest.mark.parametrize("size", [2, 3, 7])
def test_pixels_too_are_bit_equal_whatever_is_drawn_beside_them(studio: Studio, size: int) -> None:
    one = picture(RED, use("lora@1", 0.5))
    others = [picture(BLUE, use("lora@2"), seed=seed) for seed in range(size - 1)]
    alone = draw_pictures(studio, [one], size)[0]
    for count in {1, size - 1}:
        assert torch.equal(draw_pictures(studio, [*others[:count], one], size)[-1], alone)


def test_rows_of_a_checkpoint_at_several_strengths_are_within_rounding(studio: Studio) -> None:
    one = picture(RED, use("whole@1", 0.5))
    expected = draw_latents(studio, [one], SIZE)[0]
    for other in (picture(BLUE, use("whole@1", 1.0)), picture(BLUE)):
        found = draw_latents(studio, [other, one], SIZE)[1]
        torch.testing.assert_close(found, expected, atol=BLENDED_TOLERANCE, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_strength_0_is_the_base(studio: Studio, kind: str) -> None:
    zero = [picture(RED, use(f"{kind}@{number}", 0.0)) for number in (1, 2) if kind != "unet"]
    expected = draw_latents(studio, [picture(RED)], SIZE)[0]
    for found in draw_latents(studio, [*zero, picture(RED, use(f"{kind}@1", 0.0))], SIZE):
        assert torch.equal(found, expected)


def test_the_pipeline_is_left_as_it_was_found(studio: Studio) -> None:
    before = draw_latents(studio, [picture(RED)], SIZE)
    for kind in KINDS:
        draw_latents(studio, _strengths(kind), SIZE)
    assert torch.equal(draw_latents(studio, [picture(RED)], SIZE), before)


@pytest.fixture(scope="module")
def theirs(tiny_base: Path) -> Any:
    """A pipeline of plain diffusers of its own, in double precision."""
    return load_pipeline(tiny_base).to(torch.float64)


def _by_diffusers(
    pipeline: Any, versions: Mapping[str, VersionSpec], one: PictureSpec, *weights: Any
) -> Tensor:
    """A picture by `load_lora_weights` and `set_adapters`, computed in double precision.

    In float32 diffusers itself is up to 8.5e-5 from that, ours up to 6.7e-5.

    Args:
        pipeline: Plain, in float64.
        versions: By reference.
        one: The picture.
        weights: For each of its adapters: a strength, or one by component.
    """
    names = [f"a{number}" for number, _ in enumerate(one.adapters)]
    with warnings.catch_warnings(), ExitStack() as stack:
        warnings.simplefilter("ignore")  # peft's, of a second adapter
        stack.callback(pipeline.unload_lora_weights)
        for name, adapter in zip(names, one.adapters, strict=True):
            path = versions[adapter.ref].path
            pipeline.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name=name)
        if names:
            own = weights or tuple(adapter.strength for adapter in one.adapters)
            pipeline.set_adapters(names, list(own))
        noise = torch.randn(
            (1, 4, one.height // 8, one.width // 8),
            generator=torch.Generator().manual_seed(one.seed),
        )
        found: Tensor = pipeline.to(torch.float64)(
            one.prompt,
            negative_prompt=one.negative_prompt or None,
            width=one.width,
            height=one.height,
            num_inference_steps=one.num_inference_steps,
            guidance_scale=one.guidance_scale,
            latents=noise.double(),
            output_type="latent",
        ).images
    return found


@pytest.mark.parametrize(
    "uses",
    [
        [()],
        [(use("lora@1", 0.5),), (use("lora@1", 1.0),), (), (use("lora@1", -0.3),)],
        [(use("lora@1", 0.5),), (use("lora@2", 0.8),), (use("unet@1", 1.2),)],
        [(use("lora@1", 0.5), use("lora@2", 0.4)), (use("lora@1", 0.5), use("lora@2", 0.9))],
    ],
)
def test_every_row_equals_plain_diffusers_with_set_adapters(
    studio: Studio,
    theirs: Any,
    versions: Mapping[str, VersionSpec],
    uses: list[tuple[AdapterUse, ...]],
) -> None:
    pictures = [
        picture((RED, BLUE)[row % 2], *own, seed=row, negative_prompt="spot")
        for row, own in enumerate(uses)
    ]
    found = draw_latents(studio, pictures, SIZE)
    wanted = torch.cat([_by_diffusers(theirs, versions, one) for one in pictures])
    torch.testing.assert_close(found.double(), wanted, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    ("text", "unet"), [(0.2, 0.9), (1.0, 0.0), (0.0, 1.0), (-0.5, 0.5), (0.7, 0.7)]
)
def test_text_encoders_and_unet_have_strengths_of_their_own(
    studio: Studio, theirs: Any, versions: Mapping[str, VersionSpec], text: float, unet: float
) -> None:
    one = picture(RED, use("lora@1", unet, text))
    other = picture(RED, use("lora@1", 0.4))
    weights = {"text_encoder": text, "text_encoder_2": text, "unet": unet}
    wanted = _by_diffusers(theirs, versions, one, weights)[0]
    beside = _by_diffusers(theirs, versions, other)[0]
    found = draw_latents(studio, [one, other], SIZE)
    torch.testing.assert_close(found[0].double(), wanted, atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(found[1].double(), beside, atol=TOLERANCE, rtol=0)
    if text != unet:
        assert (found[0] - draw_latents(studio, [picture(RED, use("lora@1", unet))], SIZE)[0]).any()


def test_a_version_twice_counts_twice(studio: Studio) -> None:
    twice = picture(RED, use("unet@1", 0.5), use("unet@1", 0.25))
    once = picture(RED, use("unet@1", 0.75))
    found = draw_latents(studio, [twice, once], SIZE)
    assert torch.equal(found[0], found[1])
