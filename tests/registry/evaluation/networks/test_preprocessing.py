"""The steps before a network, against transformers' own."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from sdxl_reg.evaluation.networks.preprocessing import read_preprocessing
from tests.registry.evaluation.networks.tiny_networks import CLIP_STEPS

DINOV2 = CLIP_STEPS | {
    "image_processor_type": "BitImageProcessor",
    "size": {"shortest_edge": 256},
    "crop_size": {"height": 224, "width": 224},
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}
CLIP = CLIP_STEPS | {"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}}


def noise(width: int, height: int) -> Image.Image:
    generator = np.random.default_rng(1)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(300, 300), (320, 500), (641, 257), (100, 90), (224, 224)])
@pytest.mark.parametrize(
    ("steps", "processor"), [(CLIP, CLIPImageProcessorPil), (DINOV2, BitImageProcessorPil)]
)
def test_they_equal_those_of_transformers(
    tmp_path: Path, size: tuple[int, int], steps: dict[str, object], processor: type
) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(steps))
    ours = read_preprocessing(tmp_path).apply(noise(*size))
    theirs = processor(**{k: v for k, v in steps.items() if k != "image_processor_type"})
    expected = theirs(noise(*size), return_tensors="np")["pixel_values"][0]
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_both_sides_can_be_given_and_steps_left_out(tmp_path: Path) -> None:
    steps = {"size": {"width": 10, "height": 6}, "do_normalize": False, "resample": 0}
    (tmp_path / "processor_config.json").write_text(json.dumps({"image_processor": steps}))
    found = read_preprocessing(tmp_path).apply(Image.new("RGB", (31, 33), (255, 0, 51)))
    assert found.shape == (3, 6, 10)
    np.testing.assert_allclose(found[:, 0, 0], [1, 0, 0.2], atol=1e-6)


def test_sizes_of_old_files_are_numbers(tmp_path: Path) -> None:
    steps = {**CLIP_STEPS, "size": 28, "crop_size": 28}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(steps))
    assert read_preprocessing(tmp_path).apply(noise(50, 40)).shape == (3, 28, 28)
