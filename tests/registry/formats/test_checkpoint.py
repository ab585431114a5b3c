import json
import shutil
from pathlib import Path

import pytest

from sdxl_reg.errors import Corrupt, NotFound, UsageError
from sdxl_reg.formats.checkpoint import native_resolution, require_sdxl
from sdxl_reg.formats.safetensors import serialise, write_file

SINGLE = {
    "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight": (640, 2048),
    "conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": (768,),
    "conditioner.embedders.1.model.ln_final.weight": (1280,),
    "first_stage_model.decoder.conv_in.weight": (1,),
}
CONTEXT = next(iter(SINGLE))


@pytest.fixture
def folder(tiny_base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_base, tmp_path / "base"))


def _change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def _single(path: Path, shapes: dict[str, tuple[int, ...]]) -> Path:
    tensors = {}
    for name, shape in shapes.items():
        count = 1
        for side in shape:
            count *= side
        tensors[name] = ("F8_E4M3", shape, bytes(count))
    write_file(path, serialise(tensors, {}))
    return path


def test_a_diffusers_folder_of_sdxl_is_taken(tiny_base: Path) -> None:
    require_sdxl(tiny_base)
    assert native_resolution(tiny_base) == 64


def test_a_single_file_of_sdxl_is_taken_with_a_folder_of_its_configuration(
    tiny_base: Path, tmp_path: Path
) -> None:
    path = _single(tmp_path / "sdxl.safetensors", SINGLE)
    require_sdxl(path, config_path=tiny_base)
    with pytest.raises(UsageError, match="configur"):
        require_sdxl(path)


def test_nothing_at_the_path(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Stable Diffusion XL"):
        require_sdxl(tmp_path / "none")


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="model_index"):
        require_sdxl(tmp_path)


def test_another_pipeline(folder: Path) -> None:
    _change(folder / "model_index.json", _class_name="StableDiffusionPipeline")
    with pytest.raises(UsageError, match="StableDiffusionPipeline"):
        require_sdxl(folder)


def test_a_refiner_has_no_first_text_encoder(folder: Path) -> None:
    shutil.rmtree(folder / "text_encoder")
    with pytest.raises(NotFound, match="text_encoder"):
        require_sdxl(folder)


def test_parts_that_do_not_fit_together(folder: Path) -> None:
    _change(folder / "unet" / "config.json", cross_attention_dim=7)
    with pytest.raises(Corrupt, match="7 wide"):
        require_sdxl(folder)


def test_weights_that_are_cut_short(folder: Path) -> None:
    path = next((folder / "unet").glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(Corrupt, match="cut short"):
        require_sdxl(folder)


def test_weights_that_are_missing(folder: Path) -> None:
    next((folder / "vae").glob("*.safetensors")).unlink()
    with pytest.raises(NotFound, match="vae"):
        require_sdxl(folder)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({CONTEXT: (640, 1280)}, "1280 wide"),
        ({CONTEXT: None}, "U-Net"),
        ({"first_stage_model.decoder.conv_in.weight": None}, "VAE"),
        ({"conditioner.embedders.1.model.ln_final.weight": None}, "second text encoder"),
    ],
)
def test_a_single_file_of_something_else(
    tmp_path: Path, tiny_base: Path, change: dict[str, tuple[int, ...] | None], fault: str
) -> None:
    shapes = {name: shape for name, shape in (SINGLE | change).items() if shape is not None}
    with pytest.raises(UsageError, match=fault):
        require_sdxl(_single(tmp_path / "x.safetensors", shapes), config_path=tiny_base)


def test_a_file_that_is_no_checkpoint_at_all(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"hello")
    with pytest.raises(Corrupt):
        require_sdxl(tmp_path / "x.safetensors")
    (tmp_path / "x.ckpt").write_bytes(b"hello")
    with pytest.raises(UsageError, match="safetensors"):
        require_sdxl(tmp_path / "x.ckpt")
