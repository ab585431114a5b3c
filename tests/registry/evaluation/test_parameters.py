"""What a cell's picture says of itself, for each kind of artifact."""

from pathlib import Path

import pytest

from sdxl_reg import __version__
from sdxl_reg.evaluation.parameters import details_of, parameters_of
from sdxl_reg.formats.hashes import auto_v3
from sdxl_reg.formats.png_parameters import GenerationParameters, parameters_text, parse_parameters
from sdxl_reg.formats.safetensors import header_bytes
from sdxl_reg.jobs.spec import BaseSpec, CellSpec, GridSpec, SamplingSpec, VersionSpec
from sdxl_reg.vocabulary import BaseFormat

SHA256 = "0123456789abcdef" * 4


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "x-000003.safetensors"
    path.write_bytes(header_bytes({}, {}))
    return path


def _spec(weights: Path, trainer: str, strength: float) -> tuple[GridSpec, CellSpec]:
    cell = CellSpec(key="k", version=0, strength=strength, prompt="x, a red mug", seed=7)
    spec = GridSpec(
        run=3,
        base=BaseSpec(
            ref="tiny@1", path=weights.parent, format=BaseFormat.DIFFUSERS, sha256="b" * 64
        ),
        versions=[
            VersionSpec(ref="x@3", name=weights.stem, trainer=trainer, path=weights, sha256=SHA256)
        ],
        sampling=SamplingSpec(width=64, height=64, negative_prompt="ugly"),
        cells=[cell],
    )
    return spec, cell


def _said(weights: Path, trainer: str, strength: float) -> GenerationParameters:
    """As a reader finds it in the file."""
    return parse_parameters(parameters_text(parameters_of(*_spec(weights, trainer, strength))))


def test_a_lora_is_a_mark_in_the_prompt(weights: Path) -> None:
    said = _said(weights, "lora", 0.5)
    assert said.prompt == "x, a red mug <lora:x-000003:0.5>"
    assert said.settings["Lora hashes"] == f"x-000003: {auto_v3(weights)[:12]}"
    assert said.hashes == {"model": "b" * 10, "lora:x-000003": SHA256[:10]}


def test_a_base_in_one_file_goes_by_the_hash_of_its_bytes(weights: Path) -> None:
    spec, cell = _spec(weights, "lora", 0.5)
    base = spec.base.model_copy(update={"file_sha256": "c" * 64})
    said = parameters_of(spec.model_copy(update={"base": base}), cell)
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


@pytest.mark.parametrize("trainer", ["lora", "hypernetwork", "embedding", "checkpoint"])
def test_at_strength_0_only_the_base_is_named(weights: Path, trainer: str) -> None:
    said = _said(weights, trainer, 0)
    assert said.prompt == "x, a red mug"
    assert said.hashes == {"model": "b" * 10}
    assert details_of(*_spec(weights, trainer, 0))["version"] is None


@pytest.mark.parametrize("trainer", ["lora", "hypernetwork", "embedding", "checkpoint"])
def test_steps_come_first_and_the_version_last(weights: Path, trainer: str) -> None:
    keys = list(_said(weights, trainer, 1).settings)
    assert (keys[0], keys[-1]) == ("Steps", "Version")
    assert (
        parameters_of(*_spec(weights, trainer, 1)).settings["Version"] == f"sdxl-reg {__version__}"
    )
