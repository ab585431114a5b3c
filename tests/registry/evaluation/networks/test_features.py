"""Features are computed once for the same bytes, and memory holds nothing else."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdxl_reg.errors import Corrupt
from sdxl_reg.evaluation.metrics.interface import Measure, Rows
from sdxl_reg.evaluation.networks.features import CHUNK, Features, Measuring


class MeanColour:
    """An extractor that remembers how many pictures it was shown at a time."""

    def __init__(self, identity: str = "mean/1") -> None:
        self.identity = identity
        self.shown: list[int] = []

    def prepare(self, picture: Image.Image) -> Rows:
        return np.asarray(picture.resize((4, 4)), dtype=np.float32)

    def rows(self, prepared: Rows) -> Rows:
        self.shown.append(len(prepared))
        means: Rows = prepared.mean(axis=(1, 2))
        return means


def told(*_: object) -> None:
    """Nobody listens."""


def colours(folder: Path, *levels: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    for number, level in enumerate(levels):
        paths.append(folder / f"{number}.png")
        Image.new("RGB", (8, 8), (level, 0, 9)).save(paths[-1])
    return paths


def test_rows_come_in_the_order_of_the_pictures(tmp_path: Path) -> None:
    paths = colours(tmp_path, *range(40))
    network = MeanColour()
    found = Features(None, told).of_pictures(network, paths[::-1])
    assert found[:, 0].tolist() == list(range(40))[::-1]
    assert max(network.shown) == CHUNK
    assert Features(None, told).of_pictures(network, []).shape == (0, 0)


def test_equal_bytes_are_looked_at_once_even_by_another_process(tmp_path: Path) -> None:
    paths = colours(tmp_path / "a", 1, 2, 3)
    copies = colours(tmp_path / "b", 1, 2, 3)
    first = Features(tmp_path / "cache", told).of_pictures(MeanColour(), paths)
    again = MeanColour()
    found = Features(tmp_path / "cache", told).of_pictures(again, [*copies, copies[0]])
    assert again.shown == []
    assert np.array_equal(found, first[[0, 1, 2, 0]])


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 44])
def test_a_damaged_entry_is_computed_again(tmp_path: Path, damage: bytes) -> None:
    paths = colours(tmp_path / "a", 7)
    cache = tmp_path / "cache"
    first = Features(cache, told).of_pictures(MeanColour(), paths)
    (entry,) = (path for path in cache.rglob("*") if path.is_file())
    entry.write_bytes(damage)
    network = MeanColour()
    assert np.array_equal(Features(cache, told).of_pictures(network, paths), first)
    assert network.shown == [1]
    later = MeanColour()
    Features(cache, told).of_pictures(later, paths)
    assert later.shown == []  # and mended


def test_another_network_or_another_picture_is_another_entry(tmp_path: Path) -> None:
    (path,) = colours(tmp_path / "a", 7)
    cache = tmp_path / "cache"
    for network in (MeanColour("mean/1"), MeanColour("mean/2")):
        Features(cache, told).of_pictures(network, [path])
        assert network.shown == [1]
    Image.new("RGB", (8, 8), (8, 0, 9)).save(path)
    network = MeanColour()
    assert Features(cache, told).of_pictures(network, [path])[0, 0] == 8


def test_a_measure_is_kept_as_features_are(tmp_path: Path) -> None:
    asked = []

    def size(picture: Image.Image) -> Rows:
        asked.append(picture.size)
        return np.array(picture.size, dtype=np.float32)

    measuring = Measuring(measure=Measure(identity="size/1", of=size))
    paths = colours(tmp_path / "a", 1)
    for _ in range(2):
        found = Features(tmp_path / "cache", told).of_pictures(measuring, paths)
        assert found.tolist() == [[8, 8]]
    assert asked == [(8, 8)]


def test_texts_are_kept_too(tmp_path: Path) -> None:
    asked: list[Sequence[str]] = []

    def lengths(texts: Sequence[str]) -> Rows:
        asked.append(list(texts))
        return np.array([[len(text)] for text in texts], dtype=np.float32)

    for _ in range(2):
        found = Features(tmp_path, told).of_texts("length/1", ["mug", "a shoe", "mug"], lengths)
        assert found.tolist() == [[3], [6], [3]]
    assert asked == [["mug", "a shoe"]]


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_text("<html>")
    with pytest.raises(Corrupt, match=r"page\.png.*HTML"):
        Features(None, told).of_pictures(MeanColour(), [path])


def test_no_half_written_entry_is_left(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    Features(cache, told).of_pictures(MeanColour(), colours(tmp_path / "a", *range(5)))
    files = [path for path in cache.rglob("*") if path.is_file()]
    assert len(files) == 5
    assert not [path for path in files if path.suffix == ".part"]
