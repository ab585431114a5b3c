"""Pictures asked for again by what their files say: ours to the same pixels, A1111's in words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import Engine

from sdxl_reg.catalog.artifacts import find_artifact, find_version
from sdxl_reg.catalog.generations import (
    GenerationRequest,
    carry_out_generation,
    find_generation,
    plan_generation,
)
from sdxl_reg.catalog.picture_requests import PictureRequest
from sdxl_reg.catalog.repetition import repeated
from sdxl_reg.errors import Corrupt, InvalidValue, NotFound, RegistryError
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.vocabulary import Sampler, Schedule

pytestmark = pytest.mark.usefixtures("drawing_here")
PROMPTS = ["a red mug <lora:x-lora@2:0.2:0.5>", "a blue shoe", "a mug <lora:x-lora@1:1>"]
A1111 = """a red mug <lora:x-lora-000001:0.5>
Negative prompt: spot
Steps: 2, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 3, Seed: 7, Size: 64x96, \
Model hash: 0123456789, Model: sd_xl_base_1.0, Clip skip: 1, ENSD: 31337, Version: v1.10.1"""


def _drawn(
    engine: Engine,
    store: BlobStore,
    settings: Settings,
    request: GenerationRequest,
    folder: Path,
) -> list[Path]:
    """The PNG files of a generation."""
    planned = plan_generation(engine, store, settings, request)
    carry_out_generation(engine, store, planned, lambda _: None)
    folder.mkdir(exist_ok=True)
    paths = []
    with reading(engine) as session:
        for row in find_generation(session, planned.generation_id).pictures:
            assert row.image is not None, row.reason
            path = folder / f"{planned.generation_id}-{row.position}.png"
            path.write_bytes(store.read(row.image.blob.sha256))
            paths.append(path)
    return paths


def _asked_again(engine: Engine, path: Path) -> tuple[GenerationRequest, list[str]]:
    with reading(engine) as session:
        return repeated(session, path)


def _pixels(path: Path) -> Any:
    with Image.open(path) as picture:
        return np.array(picture)


def _start(folder: Path) -> str:
    values = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(values).save(folder / "start.png")
    return str(folder / "start.png")


@pytest.mark.parametrize(
    "settings_",
    [
        {"num_inference_steps": 3},
        {"num_inference_steps": 3, "sampler": "Euler a", "guidance_scale": 1.0, "clip_skip": 1},
        {"num_inference_steps": 3, "hires_scale": 1.5, "negative_prompt": "spot, (fold:1.2)"},
        {"num_inference_steps": 3, "denoising_strength": 0.5, "mask_blur": 0.0},
    ],
)
def test_our_own_picture_is_drawn_again_to_the_same_pixels(
    sqlite: Engine,
    store: BlobStore,
    settings: Settings,
    tmp_path: Path,
    settings_: dict[str, Any],
) -> None:
    start = _start(tmp_path) if "denoising_strength" in settings_ else ""
    picture = PictureRequest(settings=settings_, init_image=start)
    request = GenerationRequest(prompts=PROMPTS, seeds=[1, 2], picture=picture, batch_size=4)
    paths = _drawn(sqlite, store, settings, request, tmp_path / "first")
    assert len({_pixels(path).tobytes() for path in paths}) == 6
    if start:
        Path(start).unlink()  # its bytes are in the store
    for path in paths[::2]:
        again, notes = _asked_again(sqlite, path)
        assert notes == []
        (found,) = _drawn(sqlite, store, settings, again, tmp_path / "again")
        assert np.array_equal(_pixels(found), _pixels(path))


def test_an_artifact_by_another_name_is_found_by_its_bytes(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    fast = PictureRequest(settings={"num_inference_steps": 2})
    request = GenerationRequest(prompts=PROMPTS[:1], seeds=[1], picture=fast)
    (path,) = _drawn(sqlite, store, settings, request, tmp_path)
    with transaction(sqlite) as session:
        artifact = find_artifact(session, "x-lora")
        artifact.name = artifact.name_key = "renamed"
    again, _ = _asked_again(sqlite, path)
    (prompt,) = again.prompts
    assert not isinstance(prompt, str)
    assert [use.ref for use in prompt.adapters] == ["renamed@2"]


def test_a_picture_of_a_version_that_is_not_here_is_refused(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    fast = PictureRequest(settings={"num_inference_steps": 2})
    request = GenerationRequest(prompts=PROMPTS[:1], seeds=[1], picture=fast)
    (path,) = _drawn(sqlite, store, settings, request, tmp_path)
    with transaction(sqlite) as session:
        find_version(session, "x-lora@2").digest = "0" * 64
    with pytest.raises(NotFound, match=r"x-lora@2.*Import it"):
        _asked_again(sqlite, path)


def _with_text(path: Path, text: str) -> Path:
    chunks = PngInfo()
    chunks.add_text("parameters", text)
    Image.new("RGB", (64, 64)).save(path, pnginfo=chunks)
    return path


def test_a_picture_of_a1111s_is_asked_for_in_its_words(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    request, notes = _asked_again(sqlite, _with_text(tmp_path / "a.png", A1111))
    assert request.prompts == ["a red mug <lora:x-lora-000001:0.5>"]
    assert request.seeds == [7]
    assert dict(request.picture.settings) == {
        "negative_prompt": "spot",
        "num_inference_steps": 2,
        "guidance_scale": 3.0,
        "clip_skip": 1,
        "sampler": Sampler.DPMPP_2M,
        "schedule": Schedule.KARRAS,
        "width": 64,
        "height": 96,
    }
    assert any("ENSD 31337" in note for note in notes)
    assert any("sd_xl_base_1.0" in note and "--base" in note for note in notes)
    (path,) = _drawn(sqlite, store, settings, request, tmp_path / "drawn")
    again, _ = _asked_again(sqlite, path)
    (same,) = _drawn(sqlite, store, settings, again, tmp_path / "drawn")
    assert np.array_equal(_pixels(same), _pixels(path))
    assert _pixels(path).shape == (96, 64, 3)


def test_hires_and_its_strength_are_taken_over(sqlite: Engine, tmp_path: Path) -> None:
    text = (
        "a mug\nSteps: 2, Sampler: Euler, Seed: 7, Size: 64x64, Denoising strength: 0.4, "
        "Hires upscale: 1.5, Hires steps: 3, Hires upscaler: Latent, Tiling: True"
    )
    request, notes = _asked_again(sqlite, _with_text(tmp_path / "a.png", text))
    assert notes == []
    found = request.picture.settings
    assert found["hires_scale"] == 1.5
    assert (found["hires_steps"], found["hires_denoising_strength"]) == (3, 0.4)
    assert found["tiling"] is True


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (A1111.replace("x-lora-000001", "y-lora"), NotFound),
        (A1111.replace("Sampler: DPM++ 2M", "Sampler: Magic"), RegistryError),
        (A1111.replace("Steps: 2", "Steps: two"), InvalidValue),
        (A1111.replace("Seed: 7", "Seed: x"), InvalidValue),
        ("a mug\nSteps: 2, Hires upscale: 2, Denoising strength: x, Seed: 1", InvalidValue),
    ],
)
def test_what_a1111s_text_names_and_is_not_here_is_told(
    sqlite: Engine,
    store: BlobStore,
    settings: Settings,
    tmp_path: Path,
    text: str,
    error: type[Exception],
) -> None:
    path = _with_text(tmp_path / "a.png", text)
    with pytest.raises(error):
        plan_generation(sqlite, store, settings, _asked_again(sqlite, path)[0])


def test_a_picture_that_says_nothing_and_what_is_no_picture_are_refused(
    sqlite: Engine, tmp_path: Path
) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "plain.png")
    with pytest.raises(InvalidValue, match="how it was made"):
        _asked_again(sqlite, tmp_path / "plain.png")
    (tmp_path / "text.png").write_text("no")
    with pytest.raises(Corrupt):
        _asked_again(sqlite, tmp_path / "text.png")
    with pytest.raises(NotFound):
        _asked_again(sqlite, tmp_path / "none.png")


def test_seeds_and_batches_are_kept(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    fast = PictureRequest(settings={"num_inference_steps": 2})
    request = GenerationRequest(prompts=["a mug"], seeds=[2**63 - 1], picture=fast)
    (path,) = _drawn(sqlite, store, settings, replace(request, batch_size=3), tmp_path)
    again, _ = _asked_again(sqlite, path)
    assert (again.seeds, again.batch_size) == ([2**63 - 1], 3)
