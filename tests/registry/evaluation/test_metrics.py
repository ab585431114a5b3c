"""What the scores can tell apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from sdxl_reg.evaluation.metrics import features, load_network, scores_of


@pytest.fixture(scope="module")
def network() -> Any:
    return load_network()


def _shirt(path: Path, colour: str, *, size: int = 96, shift: int = 0) -> Path:
    picture = Image.new("RGB", (size, size), "black")
    pen = ImageDraw.Draw(picture)
    unit = size / 12
    body = [(3, 3), (9, 3), (11, 5), (9, 6), (9, 11), (3, 11), (3, 6), (1, 5)]
    pen.polygon([(x * unit + shift, y * unit) for x, y in body], fill=colour)
    picture.save(path)
    return path


def _noise(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def test_features_are_directions_that_do_not_depend_on_the_batch(
    network: Any, tmp_path: Path
) -> None:
    paths = [_noise(tmp_path / f"{n}.png", n) for n in range(17)]
    found = features(network, paths)
    assert found.shape == (17, 1280)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(17))
    # float32 sums in another order for another batch size
    torch.testing.assert_close(features(network, paths[16:]), found[16:], atol=1e-5, rtol=1e-4)
    assert features(network, []).shape == (0, 1280)


def test_a_picture_of_the_kind_is_nearer_than_noise(network: Any, tmp_path: Path) -> None:
    references = features(
        network,
        [_shirt(tmp_path / f"r{n}.png", c) for n, c in enumerate(("white", "green", "red"))],
    )
    shirt = features(network, [_shirt(tmp_path / "s.png", "yellow", shift=3)])[0]
    noise = features(network, [_noise(tmp_path / "n.png", 1)])[0]
    assert scores_of(shirt, references).fidelity > scores_of(noise, references).fidelity + 0.2


def test_a_copy_is_told_by_its_nearest_reference(network: Any, tmp_path: Path) -> None:
    paths = [_shirt(tmp_path / f"{n}.png", c) for n, c in enumerate(("white", "green"))]
    references = features(network, paths)
    copy = scores_of(references[0], references)
    other = scores_of(features(network, [_shirt(tmp_path / "y.png", "yellow")])[0], references)
    assert copy.nearest == pytest.approx(1.0, abs=1e-5)
    assert other.nearest < 0.99


def test_a_cut_out_is_seen_on_white(network: Any, tmp_path: Path) -> None:
    Image.new("RGBA", (96, 48), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("RGB", (48, 96), "white").save(tmp_path / "white.png")
    clear, white = features(network, [tmp_path / "clear.png", tmp_path / "white.png"])
    torch.testing.assert_close(clear, white, atol=1e-5, rtol=1e-4)
