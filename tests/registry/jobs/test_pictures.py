"""A picture as a document, and the key that tells one picture's pixels from another's."""

from typing import Any

import pytest
from pydantic import ValidationError

from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec, picture_key
from sdxl_reg.vocabulary import Sampler, Schedule, Upscaler

DIGESTS = {
    "b@1": "b" * 64,
    "c@1": "c" * 64,
    "same@7": "1" * 64,
    "x@1": "1" * 64,
    "x@2": "2" * 64,
}
USED = {"adapters": (AdapterUse(ref="x@1", strength=0.5),)}
SHA = "a" * 64


def _picture(**fields: Any) -> PictureSpec:
    return PictureSpec(**{"base": "b@1", "width": 64, "height": 64, **fields})


def _key(**fields: Any) -> str:
    return picture_key(_picture(**fields), DIGESTS)


CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"base": "c@1"}),
    ({}, {"prompt": "a mug"}),
    ({"prompt": "a mug"}, {"prompt": "a mug "}),
    ({}, {"prompt_2": "a mug"}),
    ({}, {"negative_prompt": "ugly"}),
    ({}, {"negative_prompt_2": "ugly"}),
    ({}, USED),
    (USED, {"adapters": (AdapterUse(ref="x@2", strength=0.5),)}),
    (USED, {"adapters": (AdapterUse(ref="x@1", strength=0.6),)}),
    (USED, {"adapters": (AdapterUse(ref="x@1", strength=0.5, text_strength=0.0),)}),
    (USED, {"adapters": (*USED["adapters"], AdapterUse(ref="x@2"))}),
    ({}, {"seed": 1}),
    ({}, {"width": 96}),
    ({}, {"height": 96}),
    ({}, {"num_inference_steps": 21}),
    ({}, {"guidance_scale": 5.5}),
    ({}, {"guidance_rescale": 0.7}),
    ({}, {"sampler": Sampler.DDIM}),
    ({}, {"schedule": Schedule.KARRAS}),
    ({}, {"clip_skip": 1}),
    ({}, {"tiling": True}),
    ({}, {"vae": SHA}),
    ({}, {"init_image": SHA}),
    ({"init_image": SHA}, {"mask": SHA}),
    ({"init_image": SHA, "mask": SHA}, {"mask_blur": 0}),
    ({"init_image": SHA}, {"denoising_strength": 0.5}),
    ({}, {"hires_scale": 2}),
    ({"hires_scale": 2}, {"hires_upscaler": Upscaler.LANCZOS}),
    ({"hires_scale": 2}, {"hires_steps": 5}),
    ({"hires_scale": 2}, {"hires_denoising_strength": 0.5}),
    ({}, {"refiner": "c@1"}),
    ({"refiner": "c@1"}, {"switch_at": 0.8}),
]
IDLE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"mask_blur": 0.0, "denoising_strength": 0.1, "switch_at": 0.1}),
    ({}, {"hires_upscaler": Upscaler.LANCZOS, "hires_steps": 5, "hires_denoising_strength": 0.1}),
    ({"guidance_scale": 1}, {"negative_prompt": "ugly", "negative_prompt_2": "ugly"}),
    ({"guidance_scale": 0.5}, {"guidance_rescale": 0.7}),
    ({}, {"adapters": (AdapterUse(ref="x@1", strength=0.0),)}),
    (USED, {"adapters": (AdapterUse(ref="same@7", strength=0.5),)}),
    (USED, {"adapters": (AdapterUse(ref="x@1", strength=0.5, text_strength=0.5),)}),
    (USED, {"adapters": (AdapterUse(ref="x@1", strength=0.50001),)}),
    (USED, {"adapters": (AdapterUse(ref="x@2", strength=0.0), *USED["adapters"])}),
]


@pytest.mark.parametrize(("picture", "change"), CHANGES)
def test_whatever_changes_the_pixels_changes_the_key(
    picture: dict[str, Any], change: dict[str, Any]
) -> None:
    assert _key(**picture) != _key(**picture | change)


def test_every_field_is_among_those_that_were_changed() -> None:
    assert {name for _, change in CHANGES for name in change} == set(PictureSpec.model_fields)


@pytest.mark.parametrize(("picture", "change"), IDLE)
def test_what_changes_no_pixel_does_not_change_the_key(
    picture: dict[str, Any], change: dict[str, Any]
) -> None:
    assert _key(**picture) == _key(**picture | change)


def test_a_default_that_is_written_out_does_not_change_the_key() -> None:
    plain = _picture()
    assert picture_key(PictureSpec(**plain.model_dump()), DIGESTS) == picture_key(plain, DIGESTS)


def test_the_order_of_adapters_counts() -> None:
    uses = [AdapterUse(ref="x@1"), AdapterUse(ref="x@2")]
    assert _key(adapters=uses) != _key(adapters=uses[::-1])


def test_a_key_stays_what_it_was_in_earlier_releases() -> None:
    # A registry of pictures is only reused when this does not move; raise KEY_SCHEMA to move it.
    asked = {"prompt": "a mug", "seed": 1, "sampler": "Heun", "hires_scale": 1.5, **USED}
    assert _key(**asked) == "0cb245ec9d4bef8deaca3a5a7a2a2f73ee73bc152a795fffcf4630a747e1961b"


def test_a_picture_reads_back_from_json() -> None:
    picture = _picture(seed=2**63 - 1, refiner="c@1", hires_scale=1.5, **USED)
    assert PictureSpec.model_validate_json(picture.model_dump_json()) == picture
    assert PictureSpec.model_validate(picture.said()) == picture


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 60},
        {"height": 0},
        {"width": 8200},
        {"seed": -1},
        {"seed": 2**63},
        {"num_inference_steps": 0},
        {"guidance_scale": float("nan")},
        {"guidance_rescale": 1.5},
        {"clip_skip": 0},
        {"denoising_strength": 0},
        {"hires_scale": 0.5},
        {"switch_at": 0},
        {"sampler": "Eulr"},
        {"mask": SHA},
        {"init_image": SHA, "hires_scale": 2},
        {"adapters": [{"ref": "x@1", "strength": float("nan")}]},
        {"adapters": [{"ref": "x@1", "strength": 101}]},
        {"nonsense": 1},
    ],
)
def test_what_is_out_of_range_or_does_not_fit_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _picture(**fields)


@pytest.mark.parametrize(
    ("width", "scale", "final"), [(64, 1, 64), (64, 1.5, 96), (96, 1.3, 120), (1024, 1.05, 1072)]
)
def test_the_finished_size_is_a_multiple_of_8(width: int, scale: float, final: int) -> None:
    assert _picture(width=width, height=width, hires_scale=scale).final_size == (final, final)
