"""Copies are told from fresh pictures of the same kind, on the example's rendered products."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from examples.render_products import product_shot
from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.metrics.memorisation import CROPS, Bank, memorisation, memorisation_crop
from sdxl_reg.evaluation.networks.names import Networks
from sdxl_reg.evaluation.scoring import Sight
from sdxl_reg.jobs.spec import ImageSpec
from tests.registry.evaluation.metrics.scenes import GivenScene, picture, reference

COPIED = 0.8  # between the largest fresh value and the smallest copied one in what follows


def shot(number: int, *, source: int) -> Image.Image:
    """A rendered shirt; another source gives other accidents of pose, mark and stain."""
    generator = np.random.default_rng((source, number))
    return Image.fromarray(product_shot("qzy", "flawed/spot", number % 8, rng=generator))


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> list[ImageSpec]:
    folder = tmp_path_factory.mktemp("training")
    for number in range(12):
        shot(number, source=1).save(folder / f"{number}.png")
    return [reference(path) for path in sorted(folder.iterdir())]


def values(metric: object, paths: list[Path], training: list[ImageSpec]) -> list[float]:
    pictures = [picture(str(n), path=path) for n, path in enumerate(paths)]
    sight = Sight(pictures, training, networks=Networks(), tell=lambda *_: None)
    return [score.value for score in metric.scores(sight)]  # type: ignore[attr-defined]


def test_a_fresh_picture_is_no_copy_and_a_copy_is_whatever_its_bytes(
    tmp_path: Path, training: list[ImageSpec]
) -> None:
    fresh = [tmp_path / f"fresh{n}.png" for n in range(6)]
    for number, path in enumerate(fresh):
        shot(number, source=2).save(path)
    copies = [tmp_path / f"copy{n}.jpg" for n in range(3)]
    for number, path in enumerate(copies):
        original = Image.open(training[number].path)
        original.resize((256, 256)).save(path, quality=60)  # smaller, and with blocks
    exact = values(memorisation, [training[0].path], training)
    assert exact == pytest.approx([1.0], abs=1e-6)
    assert max(values(memorisation, fresh, training)) < COPIED - 0.1
    assert min(values(memorisation, copies, training)) > COPIED + 0.05


def test_a_part_that_was_copied_is_found_by_crop_alone(
    tmp_path: Path, training: list[ImageSpec]
) -> None:
    """A picture that is half its own and half a training picture's."""
    fresh, original = shot(3, source=5), Image.open(training[4].path)
    fresh = fresh.resize(original.size)
    fresh.paste(original.crop((0, 0, original.width, round(original.height * 0.62))), (0, 0))
    fresh = fresh.convert("RGB")
    ImageDraw.Draw(fresh).rectangle(
        (0, round(fresh.height * 0.62), fresh.width, fresh.height), fill="orange"
    )
    fresh.save(tmp_path / "half.png")
    (whole,) = values(memorisation, [tmp_path / "half.png"], training)
    (part,) = values(memorisation_crop, [tmp_path / "half.png"], training)
    assert part > COPIED + 0.1
    assert whole < COPIED - 0.1


def test_a_plain_picture_has_no_part_to_copy(tmp_path: Path, training: list[ImageSpec]) -> None:
    Image.new("RGB", (64, 64), "black").save(tmp_path / "plain.png")
    assert values(memorisation_crop, [tmp_path / "plain.png"], training) == []


def test_crops_overlap_and_cover_the_picture() -> None:
    covered = np.zeros((100, 100), dtype=int)
    for left, upper, right, lower in CROPS:
        covered[
            round(upper * 100) : round(lower * 100), round(left * 100) : round(right * 100)
        ] += 1
    assert covered.min() == 1
    assert covered.max() == len(CROPS)


def test_the_number_is_1_less_the_ratio_of_the_two_distances() -> None:
    rows = np.array([[0, 0], [4, 0], [0, 8], [6, 0]], dtype=np.float32)
    bank = Bank(rows, np.arange(4))
    # Nearest is (0, 0) at distance 3; its neighbours lie at 4, 6 and 8, on average 6.
    assert bank.likeness(np.array([0, -3], dtype=np.float32)) == pytest.approx(0.5)
    assert bank.likeness(np.array([0, 0], dtype=np.float32)) == 1


def test_parts_of_the_same_picture_are_no_neighbours() -> None:
    rows = np.array([[0, 0], [0.1, 0], [4, 0], [4.1, 0], [9, 0]], dtype=np.float32)
    bank = Bank(rows, np.array([0, 0, 1, 1, 2]))
    # Of (0, 0): 4 from the second picture, 9 from the third.
    assert bank.likeness(np.array([0, 1], dtype=np.float32)) == pytest.approx(1 - 1 / 6.5)


def test_among_copies_of_one_picture_nothing_is_near() -> None:
    bank = Bank(np.ones((3, 2), dtype=np.float32), np.arange(3))
    assert bank.likeness(np.ones(2, dtype=np.float32)) is None


def test_a_set_of_two_is_too_few() -> None:
    given = GivenScene(pictures=[picture("p")], references=[reference("a"), reference("b")])
    with pytest.raises(UsageError, match="2 different pictures"):
        list(memorisation.scores(given))
