"""What the network that ships with a package can tell apart."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sdxl_reg.evaluation.metrics.interface import Rows, unit
from sdxl_reg.evaluation.metrics.likeness import fidelity_of, nearest_of
from sdxl_reg.evaluation.networks.efficientnet import EfficientNetLite0
from sdxl_reg.evaluation.networks.features import Features


def features(paths: list[Path]) -> Rows:
    return Features(None, lambda *_: None).of_pictures(EfficientNetLite0(), paths)


def _shirt(path: Path, colour: str, *, size: int = 96, shift: int = 0) -> Path:
    picture = Image.new("RGB", (size, size), "black")
    pen = ImageDraw.Draw(picture)
    edge = size / 12
    body = [(3, 3), (9, 3), (11, 5), (9, 6), (9, 11), (3, 11), (3, 6), (1, 5)]
    pen.polygon([(x * edge + shift, y * edge) for x, y in body], fill=colour)
    picture.save(path)
    return path


def _noise(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_features_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    paths = [_noise(tmp_path / f"{n}.png", n) for n in range(17)]
    found = features(paths)
    assert found.shape == (17, 1280)
    # float32 sums in another order for another batch size
    np.testing.assert_allclose(features(paths[16:]), found[16:], atol=1e-5, rtol=1e-4)


def test_a_picture_of_the_kind_is_nearer_than_noise(tmp_path: Path) -> None:
    references = unit(
        features(
            [_shirt(tmp_path / f"r{n}.png", c) for n, c in enumerate(("white", "green", "red"))]
        )
    )
    shirt, noise = unit(
        features([_shirt(tmp_path / "s.png", "yellow", shift=3), _noise(tmp_path / "n.png", 1)])
    )
    assert fidelity_of(shirt, references) > fidelity_of(noise, references) + 0.2


def test_a_copy_is_told_by_its_nearest_reference(tmp_path: Path) -> None:
    references = unit(
        features([_shirt(tmp_path / f"{n}.png", c) for n, c in enumerate(("white", "green"))])
    )
    (other,) = unit(features([_shirt(tmp_path / "y.png", "yellow")]))
    assert nearest_of(references[0], references) == pytest.approx(1.0, abs=1e-5)
    assert nearest_of(other, references) < 0.99


def test_a_cut_out_is_seen_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (96, 48), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("RGB", (48, 96), "white").save(tmp_path / "white.png")
    clear, white = features([tmp_path / "clear.png", tmp_path / "white.png"])
    np.testing.assert_allclose(clear, white, atol=1e-5, rtol=1e-4)
