"""What a picture says of itself, for each kind of artifact and every setting."""

from pathlib import Path
from typing import Any

import pytest

from sdxl_reg import __version__
from sdxl_reg.evaluation.parameters import details_of, parameters_of
from sdxl_reg.formats.hashes import auto_v3
from sdxl_reg.formats.png_parameters import GenerationParameters, parameters_text, parse_parameters
from sdxl_reg.formats.safetensors import header_bytes
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec
from sdxl_reg.jobs.spec import BaseSpec, CellSpec, DrawSpec, VersionSpec
from sdxl_reg.vocabulary import BaseFormat, Sampler, Schedule, Upscaler

SHA256 = "0123456789abcdef" * 4
TRAINERS = ["lora", "hypernetwork", "embedding", "checkpoint"]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "x-000003.safetensors"
    path.write_bytes(header_bytes({}, {}))
    return path


def _base(ref: str, path: Path, digit: str) -> BaseSpec:
    return BaseSpec(ref=ref, path=path, format=BaseFormat.DIFFUSERS, sha256=digit * 64)


def _spec(
    weights: Path, trainer: str, strength: float, text_strength: float | None = None, **fields: Any
) -> tuple[DrawSpec, CellSpec]:
    use = AdapterUse(ref="x@3", strength=strength, text_strength=text_strength)
    asked = {"base": "tiny@1", "prompt": "x, a red mug", "seed": 7, "negative_prompt": "ugly"}
    picture = PictureSpec(**{**asked, "width": 64, "height": 64, "adapters": (use,), **fields})
    cell = CellSpec(key="k", picture=picture)
    spec = DrawSpec(
        run=3,
        bases={
            "tiny@1": _base("tiny@1", weights.parent, "b"),
            "fine@2": _base("fine@2", weights.parent, "f"),
        },
        versions={
            "x@3": VersionSpec(
                ref="x@3", name=weights.stem, trainer=trainer, path=weights, sha256=SHA256
            )
        },
        images={"d" * 64: weights.parent / "soft.safetensors"},
        cells=[cell],
        batch_size=2,
    )
    return spec, cell


def _said(weights: Path, trainer: str, strength: float, **fields: Any) -> GenerationParameters:
    """As a reader finds it in the file."""
    spec, cell = _spec(weights, trainer, strength, **fields)
    return parse_parameters(parameters_text(parameters_of(spec, cell)))


def test_a_lora_is_a_mark_in_the_prompt(weights: Path) -> None:
    said = _said(weights, "lora", 0.5)
    assert said.prompt == "x, a red mug <lora:x-000003:0.5>"
    assert said.settings["Lora hashes"] == f"x-000003: {auto_v3(weights)[:12]}"
    assert said.hashes == {"model": "b" * 10, "lora:x-000003": SHA256[:10]}


def test_a_base_in_one_file_goes_by_the_hash_of_its_bytes(weights: Path) -> None:
    spec, cell = _spec(weights, "lora", 0.5)
    base = spec.bases["tiny@1"].model_copy(update={"file_sha256": "c" * 64})
    said = parameters_of(spec.model_copy(update={"bases": {"tiny@1": base}}), cell)
    assert said.settings["Model hash"] == said.hashes["model"] == "c" * 10


def test_a_hypernetwork_is_a_mark_in_the_prompt(weights: Path) -> None:
    said = _said(weights, "hypernetwork", 0.25)
    assert said.prompt == "x, a red mug <hypernet:x-000003:0.25>"
    assert said.hashes == {"model": "b" * 10, "hypernet:x-000003": SHA256[:10]}


def test_an_embedding_is_in_the_prompt_already(weights: Path) -> None:
    said = _said(weights, "embedding", 0.5)
    assert said.prompt == "x, a red mug"
    assert said.settings["TI hashes"] == f"x-000003: {SHA256[:12]}"
    assert said.hashes == {"model": "b" * 10, "embed:x-000003": SHA256[:10]}


def test_a_checkpoint_is_the_model(weights: Path) -> None:
    said = _said(weights, "checkpoint", 1)
    assert said.prompt == "x, a red mug"
    assert (said.settings["Model"], said.settings["Model hash"]) == ("x-000003", SHA256[:10])
    assert said.hashes == {"model": SHA256[:10]}


def test_a_merge_with_a_checkpoint_has_no_hash(weights: Path) -> None:
    said = _said(weights, "checkpoint", 0.25)
    assert said.settings["Model"] == "0.75(tiny) + 0.25(x-000003)"
    assert "Model hash" not in said.settings
    assert said.hashes == {}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_at_strength_0_only_the_base_is_named(weights: Path, trainer: str) -> None:
    said = _said(weights, trainer, 0)
    assert said.prompt == "x, a red mug"
    assert said.hashes == {"model": "b" * 10}
    assert details_of(*_spec(weights, trainer, 0))["adapters"] == []


@pytest.mark.parametrize("trainer", TRAINERS)
def test_steps_come_first_and_the_version_last(weights: Path, trainer: str) -> None:
    keys = list(_said(weights, trainer, 1).settings)
    assert (keys[0], keys[-1]) == ("Steps", "Version")
    assert (
        parameters_of(*_spec(weights, trainer, 1)).settings["Version"] == f"sdxl-reg {__version__}"
    )


def test_strengths_that_differ_are_both_in_the_mark(weights: Path) -> None:
    said = _said(weights, "lora", 0.8, text_strength=0.5)
    assert said.prompt == "x, a red mug <lora:x-000003:0.5:0.8>"
    only_texts = _said(weights, "lora", 0, text_strength=1)
    assert only_texts.prompt == "x, a red mug <lora:x-000003:1:0>"


def test_a_version_twice_is_listed_twice(weights: Path) -> None:
    uses = [AdapterUse(ref="x@3", strength=0.5), AdapterUse(ref="x@3", strength=0.25)]
    said = _said(weights, "lora", 1, adapters=uses)
    assert said.prompt == "x, a red mug <lora:x-000003:0.5> <lora:x-000003:0.25>"
    assert said.settings["Lora hashes"].count("x-000003: ") == 2


@pytest.mark.parametrize(
    ("fields", "pairs"),
    [
        ({"sampler": Sampler.DPMPP_2M}, {"Sampler": "DPM++ 2M", "Schedule type": "Automatic"}),
        ({"schedule": Schedule.KARRAS}, {"Schedule type": "Karras"}),
        ({"num_inference_steps": 30, "guidance_scale": 7.5}, {"Steps": "30", "CFG scale": "7.5"}),
        ({"clip_skip": 1}, {"Clip skip": "1"}),
        ({"tiling": True}, {"Tiling": "True"}),
        ({"guidance_rescale": 0.7}, {"CFG rescale": "0.7"}),
        ({"vae": "d" * 64}, {"VAE": "soft", "VAE hash": "d" * 10}),
        ({"init_image": "a" * 64, "denoising_strength": 0.4}, {"Denoising strength": "0.4"}),
        (
            {"hires_scale": 1.5, "hires_upscaler": Upscaler.LANCZOS, "hires_steps": 9},
            {
                "Denoising strength": "0.7",
                "Hires upscale": "1.5",
                "Hires steps": "9",
                "Hires upscaler": "Lanczos",
            },
        ),
        (
            {"refiner": "fine@2", "switch_at": 0.8},
            {"Refiner": "fine [ffffffffff]", "Refiner switch at": "0.8"},
        ),
    ],
)
def test_a_setting_is_said_under_a1111s_name(
    weights: Path, fields: dict[str, Any], pairs: dict[str, str]
) -> None:
    said = _said(weights, "lora", 1, **fields).settings
    assert {key: said.get(key) for key in pairs} == pairs


def test_settings_that_say_nothing_stay_out(weights: Path) -> None:
    said = _said(weights, "lora", 1).settings
    usual = ["Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash"]
    assert list(said) == [*usual, "Model", "Lora hashes", "Version"]


def test_our_own_words_are_enough_to_ask_again(weights: Path) -> None:
    spec, cell = _spec(weights, "lora", 0.8, text_strength=0.5, hires_scale=1.5)
    details = details_of(spec, cell)
    assert PictureSpec.model_validate(details["request"]) == cell.picture
    assert details["batch_size"] == 2
    assert details["adapters"] == [
        {"ref": "x@3", "sha256": SHA256, "strength": 0.8, "text_strength": 0.5}
    ]
    assert details["base"] == {"ref": "tiny@1", "sha256": "b" * 64}
