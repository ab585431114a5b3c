"""What our pictures say of themselves, as another program's reader understands it.

It reads no value in quotes, such as A1111's own `Lora hashes`; `Hashes` it does.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sd_parsers import ParserManager
from sd_parsers.data import Generators, PromptInfo

from sdxl_reg.evaluation.parameters import details_of, parameters_of
from sdxl_reg.formats.png_parameters import write_png
from sdxl_reg.jobs.pictures import AdapterUse
from sdxl_reg.jobs.spec import VersionSpec
from sdxl_reg.vocabulary import Sampler, Schedule, Upscaler
from tests.registry.evaluation.jobs import BASE, base_spec, job, picture, use


def _read(
    folder: Path, base: Path, versions: Mapping[str, VersionSpec], *uses: AdapterUse, **fields: Any
) -> PromptInfo:
    bases = {ref: base_spec(ref, base) for ref in (BASE, "fine@1")}
    asked = {"negative_prompt": "ugly, spot", **fields}
    spec = job(base, versions, [picture("wug, a (red:1.2) mug", *uses, **asked)], bases=bases)
    (cell,) = spec.cells
    write_png(
        Image.new("RGB", (64, 64)),
        folder / "x.png",
        parameters=parameters_of(spec, cell),
        details=details_of(spec, cell),
    )
    found = ParserManager().parse(folder / "x.png")
    assert isinstance(found, PromptInfo)
    return found


@pytest.mark.parametrize(
    ("uses", "fields", "prompt", "metadata"),
    [
        ([], {}, "wug, a (red:1.2) mug", {"Size": "64x64", "Version": None}),
        (
            [use("lora@1", 0.5), use("lora@2", 0.8, 0.2)],
            {},
            "wug, a (red:1.2) mug <lora:x-lora-000001:0.5> <lora:x-lora-000002:0.2:0.8>",
            {"Hashes": "lora:x-lora-000002"},
        ),
        ([use("wug@1")], {}, "wug, a (red:1.2) mug", {"Hashes": "embed:wug-1"}),
        (
            [use("hyper@1", 0.5)],
            {},
            "wug, a (red:1.2) mug <hypernet:hyper-1:0.5>",
            {"Hashes": "hypernet:"},
        ),
        (
            [],
            {"refiner": "fine@1", "switch_at": 0.8},
            "wug, a (red:1.2) mug",
            {"Refiner": None, "Refiner switch at": "0.8"},
        ),
        (
            [use("lora@1")],
            {"hires_scale": 1.5, "hires_upscaler": Upscaler.LANCZOS, "hires_steps": 9},
            "wug, a (red:1.2) mug <lora:x-lora-000001:1>",
            {"Hires upscale": "1.5", "Hires upscaler": "Lanczos", "Denoising strength": "0.7"},
        ),
    ],
)
def test_another_reader_finds_what_it_reads(
    tmp_path: Path,
    tiny_base: Path,
    versions: Mapping[str, VersionSpec],
    uses: list[AdapterUse],
    fields: dict[str, Any],
    prompt: str,
    metadata: dict[str, str | None],
) -> None:
    found = _read(tmp_path, tiny_base, versions, *uses, **fields)
    assert found.generator == Generators.AUTOMATIC1111
    assert [str(one) for one in found.prompts] == [prompt]
    assert [str(one) for one in found.negative_prompts] == ["ugly, spot"]
    for key, value in metadata.items():
        assert key in found.metadata
        assert value is None or value in str(found.metadata[key])


def test_another_reader_finds_the_sampler_and_the_model(
    tmp_path: Path, tiny_base: Path, versions: Mapping[str, VersionSpec]
) -> None:
    found = _read(tmp_path, tiny_base, versions, sampler=Sampler.DPMPP_2M, schedule=Schedule.KARRAS)
    (sampler,) = found.samplers
    assert sampler.name == "DPM++ 2M"
    assert {key: str(value) for key, value in sampler.parameters.items()}.items() >= {
        "steps": "3",
        "seed": "7",
        "cfg_scale": "5",
    }.items()
    assert sampler.model is not None
    assert (sampler.model.name, sampler.model.hash) == (
        "tiny",
        base_spec(BASE, tiny_base).sha256[:10],
    )
