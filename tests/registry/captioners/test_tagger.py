"""Taggers in ONNX, on a network whose answers can be computed by hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdxl_reg.captioners.tagger import TaggerSettings, prepared, read_tags, wd14
from sdxl_reg.errors import Corrupt
from tests.registry.captioners.tiny_tagger import write_tagger

TAGS = [("blue_sky", 0), ("green_shirt", 0), (">_<", 0), ("explicit", 9), ("hatsune_miku", 4)]
# Tag n reads channel n modulo 3 of blue, green, red: 0.2, 0.6, 1.0 for this colour.
ORANGE = (255, 153, 51)


def tagged(folder: Path, *pictures: Image.Image, **settings: object) -> list[str]:
    return wd14.open(folder, TaggerSettings.model_validate(settings), "cpu").captions(pictures)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tagger(tmp_path / "tagger", TAGS)


def square(colour: tuple[int, int, int] = ORANGE) -> Image.Image:
    return Image.new("RGB", (16, 16), colour)


def test_tags_come_by_probability_and_thresholds(folder: Path) -> None:
    assert tagged(folder, square()) == [">_<, green shirt"]
    assert tagged(folder, square(), general_threshold=0.1) == [">_<, green shirt, blue sky"]
    assert tagged(folder, square(), general_threshold=0.7) == [">_<"]


def test_characters_have_their_own_threshold_and_come_first(folder: Path) -> None:
    assert tagged(folder, square(), character_threshold=0.5) == ["hatsune miku, >_<, green shirt"]


def test_ratings_are_never_tags(folder: Path) -> None:
    found = tagged(folder, square((51, 51, 255)), general_threshold=0, character_threshold=0)
    assert "explicit" not in found[0]


def test_tags_can_be_left_out_and_counted(folder: Path) -> None:
    assert tagged(folder, square(), exclude="Green Shirt, x") == [">_<"]
    assert tagged(folder, square(), max_tags=1) == [">_<"]


@pytest.mark.parametrize("batch", ["N", 1])
def test_several_pictures_are_tagged_in_their_order(tmp_path: Path, batch: int | str) -> None:
    folder = write_tagger(tmp_path / "tagger", TAGS, batch=batch)
    blue = square((0, 0, 255))
    assert tagged(folder, square(), blue, square()) == [
        ">_<, green shirt",
        "blue sky",
        ">_<, green shirt",
    ]


def test_pictures_are_padded_to_a_white_square_in_bgr() -> None:
    found = prepared(Image.new("RGB", (8, 2), ORANGE), 8)
    assert found.shape == (8, 8, 3)
    assert found.dtype == np.float32
    assert tuple(found[0, 0]) == (255, 255, 255)
    assert tuple(found[4, 4]) == ORANGE[::-1]
    assert tuple(found[6, 4]) == (255, 255, 255)


def test_underscores_are_spaces_except_in_faces(folder: Path) -> None:
    assert [name for name, _ in read_tags(folder / "selected_tags.csv")] == [
        "blue sky",
        "green shirt",
        ">_<",
        "explicit",
        "hatsune miku",
    ]


def test_files_that_do_not_belong_together_are_refused(folder: Path, tmp_path: Path) -> None:
    other = write_tagger(tmp_path / "other", TAGS[:2])
    (folder / "selected_tags.csv").write_bytes((other / "selected_tags.csv").read_bytes())
    with pytest.raises(Corrupt, match=r"5 tags, its selected_tags\.csv 2"):
        tagged(folder, square())


def test_files_of_another_kind_are_refused(folder: Path) -> None:
    (folder / "selected_tags.csv").write_text("tag,count\na,1\n")
    with pytest.raises(Corrupt, match="no list of tags"):
        tagged(folder, square())
    write_tagger(folder, TAGS)
    (folder / "model.onnx").write_bytes(b"nothing")
    with pytest.raises(Corrupt, match="onnxruntime cannot read it"):
        tagged(folder, square())
