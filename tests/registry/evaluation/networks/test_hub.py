"""DINOv2 and CLIP from folders, through the code that loads the real ones."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPModel, CLIPTokenizer, Dinov2Model

from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.evaluation.metrics.interface import Rows
from sdxl_reg.evaluation.networks.hub import HubNetwork
from tests.registry.evaluation.networks.tiny_networks import write_clip, write_dinov2

TOLERANCE = 1e-5  # float32, and the same operations in the same order


@pytest.fixture(scope="module")
def dinov2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dinov2(tmp_path_factory.mktemp("networks") / "dinov2")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("networks") / "clip")


@pytest.fixture(scope="module")
def pixels() -> list[Image.Image]:
    generator = np.random.default_rng(1)
    shapes = ((40, 40, 3), (30, 64, 3))
    return [Image.fromarray(generator.integers(0, 256, s, dtype=np.uint8)) for s in shapes]


def looked_at(network: HubNetwork, pictures: list[Image.Image]) -> tuple[Rows, torch.Tensor]:
    prepared = np.stack([network.prepare(picture) for picture in pictures])
    return network.rows(prepared), torch.from_numpy(prepared)


def test_dinov2_gives_its_class_token(dinov2: Path, pixels: list[Image.Image]) -> None:
    rows, prepared = looked_at(HubNetwork(f"dinov2:{dinov2}"), pixels)
    assert rows.shape == (2, 16)
    with torch.no_grad():
        expected = Dinov2Model.from_pretrained(dinov2).eval()(prepared).pooler_output
    np.testing.assert_allclose(rows, expected.numpy(), atol=TOLERANCE)


def test_clip_gives_pictures_and_texts_in_one_space(clip: Path, pixels: list[Image.Image]) -> None:
    network = HubNetwork(f"clip:{clip}")
    rows, prepared = looked_at(network, pixels)
    texts = ["a red mug", "spot"]
    model = CLIPModel.from_pretrained(clip).eval()
    tokens = CLIPTokenizer.from_pretrained(clip)(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        said = model(pixel_values=prepared, **tokens)
    unit_rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    words = network.text_rows(texts)
    unit_words = words / np.linalg.norm(words, axis=1, keepdims=True)
    assert rows.shape == words.shape == (2, 12)
    np.testing.assert_allclose(unit_rows, said.image_embeds.numpy(), atol=TOLERANCE)
    np.testing.assert_allclose(unit_words, said.text_embeds.numpy(), atol=TOLERANCE)


def test_a_text_alone_has_the_features_it_has_beside_a_longer_one(clip: Path) -> None:
    network = HubNetwork(f"clip:{clip}")
    alone, beside = network.text_rows(["mug"])[0], network.text_rows(["mug", "a red mug " * 9])[0]
    np.testing.assert_allclose(alone, beside, atol=TOLERANCE)


def test_a_text_that_is_too_long_is_cut(clip: Path) -> None:
    network = HubNetwork(f"clip:{clip}")
    assert np.isfinite(network.text_rows(["red mug " * 200])).all()


def test_another_family_in_the_folder_is_refused(clip: Path) -> None:
    with pytest.raises(Corrupt, match=r"'clip', not dinov2.*Write clip:"):
        HubNetwork(f"dinov2:{clip}")


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match=r"no config\.json"):
        HubNetwork(f"dinov2:{tmp_path}")


def test_a_network_is_never_random_where_weights_are_missing(
    dinov2: Path, tmp_path: Path, pixels: list[Image.Image]
) -> None:
    broken = copied(dinov2, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights.pop("layernorm.weight")
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    network = HubNetwork(f"dinov2:{broken}")
    with pytest.raises(Corrupt, match=r"lacks 1 of the weights.*layernorm\.weight"):
        looked_at(network, pixels)


def test_weights_that_are_cut_short_are_told(
    dinov2: Path, tmp_path: Path, pixels: list[Image.Image]
) -> None:
    broken = copied(dinov2, tmp_path / "broken")
    file = broken / "model.safetensors"
    file.write_bytes(file.read_bytes()[:2000])
    network = HubNetwork(f"dinov2:{broken}")
    with pytest.raises(Corrupt, match="its weights cannot be read"):
        looked_at(network, pixels)


def test_a_pickle_is_never_opened(dinov2: Path, tmp_path: Path, pixels: list[Image.Image]) -> None:
    broken = copied(dinov2, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    (broken / "model.safetensors").unlink()
    torch.save(weights, broken / "pytorch_model.bin")
    network = HubNetwork(f"dinov2:{broken}")
    with pytest.raises(Corrupt, match="its weights cannot be read"):
        looked_at(network, pixels)


def test_how_it_wants_pictures_is_never_guessed(dinov2: Path, tmp_path: Path) -> None:
    broken = copied(dinov2, tmp_path / "broken")
    (broken / "preprocessor_config.json").unlink()
    with pytest.raises(NotFound, match="Fetch it beside the weights"):
        HubNetwork(f"dinov2:{broken}")
    (broken / "preprocessor_config.json").write_text(json.dumps({"size": 3}))
    with pytest.raises(Corrupt, match="how the network wants pictures"):
        HubNetwork(f"dinov2:{broken}")


def copied(folder: Path, to: Path) -> Path:
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to
