"""The whole check on rendered shirts: what pays, what does not, and what leaks."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from examples.render_products import BRANDS, product_shot
from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.downstream.check import check_downstream
from sdxl_reg.evaluation.downstream.report import RESULT, Downstream, Interval, Regime, verdict_of
from sdxl_reg.jobs.spec import DownstreamSpec, ImageSpec

REAL_COUNTS = {"flawless": 16, "flawed/fold": 16, "flawed/spot": 5}


class Silent:
    """A report that nobody reads."""

    def progress(self, done: int, total: int, what: str) -> None:
        pass

    def message(self, text: str) -> None:
        raise AssertionError(text)

    def score(self, key: str, metric: str, scorer: str, value: float) -> None:
        raise AssertionError(key)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered pictures, and the features of those that were looked at."""
    return tmp_path_factory.mktemp("downstream")


def shot(folder: Path, state: str, number: int, *, source: int) -> ImageSpec:
    """A shirt of one of two brands; another source has other accidents of pose and defect."""
    path = folder / f"{source}-{state.replace('/', '-')}-{number}.png"
    brand = BRANDS[number % 2]
    if not path.exists():
        seed = (source, number, *state.encode())
        picture = product_shot(brand, state, number % 8, rng=np.random.default_rng(seed))
        Image.fromarray(picture).resize((96, 96)).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ImageSpec(path=path, sha256=digest, caption="", tags=f"{brand}/{state}")


@pytest.fixture(scope="module")
def real(folder: Path) -> list[ImageSpec]:
    """A set in which spots are rare."""
    return [
        shot(folder, state, n, source=1)
        for state, count in REAL_COUNTS.items()
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def spots(folder: Path) -> list[ImageSpec]:
    return [shot(folder, "flawed/spot", n, source=2) for n in range(40)]


def checked(
    folder: Path, real: Sequence[ImageSpec], synthetic: Sequence[ImageSpec], **changes: object
) -> Downstream:
    spec = DownstreamSpec(
        run=1,
        real=list(real),
        synthetic=list(synthetic),
        level=2,
        held_out=0.4,
        ratios=[0.5, 1.0],
        seeds=[1, 2, 3, 4, 5, 6],
        image_network="efficientnet-lite0",
        cache_path=folder / "cache",
    )
    return check_downstream(spec.model_copy(update=changes), folder, Silent())


def named(found: Downstream, name: str) -> Regime:
    return next(regime for regime in found.regimes if regime.name == name)


def test_more_pictures_of_a_rare_class_raise_its_f1(
    folder: Path, real: list[ImageSpec], spots: list[ImageSpec]
) -> None:
    found = checked(folder, real, spots)
    without, with_spots = named(found, "real only"), named(found, "real + 1× synthetic")
    assert with_spots.class_f1["spot"] > without.class_f1["spot"] + 0.2
    assert with_spots.f1 > without.f1
    assert without.difference is None
    assert with_spots.difference is not None
    assert with_spots.difference.mean == pytest.approx(with_spots.f1 - without.f1)
    assert [(each.name, each.real) for each in found.classes] == [
        ("flawless", 16),
        ("fold", 16),
        ("spot", 5),
    ]
    assert Downstream.model_validate_json((folder / RESULT).read_bytes()) == found


def test_what_cannot_be_tried_is_left_out_with_its_reason(
    folder: Path, real: list[ImageSpec], spots: list[ImageSpec]
) -> None:
    found = checked(folder, real, spots, ratios=[0.5, 4.0])
    reasons = {each.name: each.reason for each in found.left_out}
    assert reasons["synthetic only"] == "there are no synthetic pictures of flawless, fold"
    wanted = 4 * named(found, "real only").real
    told = f"it takes {wanted} synthetic pictures, and there are"
    assert reasons["real + 4× synthetic"].startswith(told)
    assert [regime.name for regime in found.regimes] == ["real only", "real + 0.5× synthetic"]


def test_pictures_with_wrong_tags_do_not_pay(folder: Path, real: list[ImageSpec]) -> None:
    generator = np.random.default_rng(1)
    states = list(REAL_COUNTS)
    noise = [
        shot(folder, state, n, source=3).model_copy(
            update={"tags": f"qzy/{states[generator.integers(3)]}"}
        )
        for state in states
        for n in range(14)
    ]
    found = checked(folder, real, noise)
    assert not found.verdict.startswith("It pays")
    synthetic = named(found, "synthetic only")
    assert synthetic.difference is not None
    assert synthetic.difference.high < 0


def test_copies_of_held_out_pictures_are_dropped_and_counted(
    folder: Path, real: list[ImageSpec], tmp_path: Path
) -> None:
    """As synthetic pictures the real ones themselves: equal bytes, and shrunk as JPEG."""
    shrunk = []
    for number, image in enumerate(real):
        path = tmp_path / f"{number}.jpg"
        Image.open(image.path).resize((80, 80)).save(path, quality=80)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        shrunk.append(image.model_copy(update={"path": path, "sha256": digest}))
    for copies in (real, shrunk):
        found = checked(folder, real, copies, ratios=[0.1])
        # In six splits nearly all are held out once, and each is dropped then.
        assert found.copies > 0.7 * len(real)
        assert named(found, "synthetic only").synthetic <= named(found, "real only").real


def test_pictures_of_no_class_are_counted_and_alone_refused(
    folder: Path, real: list[ImageSpec], spots: list[ImageSpec]
) -> None:
    strange = [image.model_copy(update={"tags": "qzy/flawed/hole"}) for image in spots[:3]]
    assert checked(folder, real, [*spots, *strange]).strangers == 3
    with pytest.raises(UsageError, match=r"of a class of the real ones \(flawless, fold, spot\)"):
        checked(folder, real, strange)


def test_real_pictures_that_are_all_alike_cannot_be_split(
    folder: Path, real: list[ImageSpec], spots: list[ImageSpec]
) -> None:
    same = [image for image in real if not image.tags.endswith("spot")] + spots[:1] * 5
    with pytest.raises(UsageError, match="'spot' are so much alike"):
        checked(folder, same, spots[1:])


def test_the_same_check_finds_the_same(
    folder: Path, real: list[ImageSpec], spots: list[ImageSpec]
) -> None:
    assert checked(folder, real, spots) == checked(folder, real, spots)


def mix(name: str, mean: float, low: float, high: float) -> Regime:
    interval = Interval(mean=mean, low=low, high=high)
    return Regime(
        name=name,
        kind="mixed",
        real=1,
        synthetic=1,
        f1=0.8,
        class_f1={"spot": 0.8},
        difference=interval,
        class_differences={"spot": interval},
    )


def test_the_verdict_rests_on_the_interval() -> None:
    good, bad = mix("a", 0.1, 0.02, 0.2), mix("b", -0.1, -0.2, -0.02)
    unclear = mix("c", 0.05, -0.02, 0.2)
    assert verdict_of([bad, good, unclear]) == (
        "It pays: a raises the mean F1 by +0.100 (0.020 … 0.200), to 0.800; better at spot"
    )
    assert verdict_of([bad, unclear]).startswith("No gain is shown: the best mix, c,")
    assert verdict_of([bad]).startswith("It harms: even b")
    assert verdict_of([]) == "No mix of real and synthetic pictures could be tried"
