"""Scoring: every metric that can be computed, a reason for every other, and no made-up value."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdxl_reg import plugins
from sdxl_reg.errors import NotFound, UnknownName
from sdxl_reg.evaluation.metrics import discovery
from sdxl_reg.evaluation.metrics.discovery import all_metrics, find_metric, metric_names
from sdxl_reg.evaluation.metrics.interface import Scene, Score
from sdxl_reg.evaluation.references import scorer_name
from sdxl_reg.evaluation.scoring import Networks, Picture, score_pictures
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.vocabulary import Better, Need
from tests.registry.evaluation.networks.tiny_networks import write_clip, write_dinov2


class Heard:
    """A report that keeps everything it hears."""

    def __init__(self) -> None:
        self.scores: dict[str, dict[str, tuple[str, float]]] = {}
        self.messages: list[str] = []
        self.stages: list[tuple[int, int, str]] = []

    def progress(self, done: int, total: int, what: str) -> None:
        self.stages.append((done, total, what))

    def message(self, text: str) -> None:
        self.messages.append(text)

    def score(self, key: str, metric: str, scorer: str, value: float) -> None:
        self.scores.setdefault(metric, {})[key] = (scorer, value)


def noise(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> list[Picture]:
    """Two strengths of two seeds, strength 0 among them."""
    return [
        Picture(
            key=f"{strength:g}-{seed}",
            path=noise(tmp_path / f"{strength:g}-{seed}.png", 10 * seed + int(strength)),
            prompt="qzy, spot",
            seed=seed,
            place=(0, strength),
            baseline=f"0-{seed}",
        )
        for strength in (0.0, 1.0)
        for seed in (1, 2)
    ]


@pytest.fixture
def references(tmp_path: Path) -> list[ImageSpec]:
    return [
        ImageSpec(
            path=noise(tmp_path / f"reference{n}.png", 100 + n),
            sha256=f"{n:064d}",
            caption="qzy, spot",
            tags="qzy/flawed/spot",
        )
        for n in range(4)
    ]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"clip:{write_clip(tmp_path_factory.mktemp('networks') / 'clip')}"


def test_every_metric_gives_every_picture_a_number_in_its_range(
    pictures: list[Picture], references: list[ImageSpec], clip: str
) -> None:
    heard = Heard()
    score_pictures(pictures, references, heard, networks=Networks(text=clip))
    assert heard.messages == []
    assert sorted(heard.scores) == metric_names()
    for metric in all_metrics()[0]:
        found = heard.scores[metric.name]
        assert set(found) == {picture.key for picture in pictures}
        for scorer, value in found.values():
            assert len(scorer) <= 128  # a column of the tables
            assert metric.low is None or value >= metric.low
            assert metric.high is None or value <= metric.high
    assert heard.scores["fidelity"]["1-1"][0] == scorer_name(references)
    assert heard.stages[-1] == (len(heard.scores), len(heard.scores), "scoring")


def test_what_cannot_be_computed_is_left_out_with_its_reason(pictures: list[Picture]) -> None:
    heard = Heard()
    alone = [picture for picture in pictures if picture.key == "1-1"]
    score_pictures(alone, [], heard, networks=Networks())
    assert sorted(heard.scores) == ["burnt", "flatness", "not-finite"]
    told = "\n".join(heard.messages)
    assert "there is no dataset to compare with: defect-adherence, fidelity, kid" in told
    assert "one seed only: diversity" in told
    assert "no picture at strength 0 was drawn from the same noise: background-drift" in told
    assert "no network that knows words is given (clip:PATH): clip-t" in told
    for name in set(metric_names()) - set(heard.scores):
        assert sum(name in message.replace(f"{name}-crop", "") for message in heard.messages) == 1


def test_only_what_is_asked_for_is_scored(
    pictures: list[Picture], references: list[ImageSpec]
) -> None:
    heard = Heard()
    names = ["nearest", "burnt"]
    score_pictures(pictures, references, heard, networks=Networks(), metrics=names)
    assert sorted(heard.scores) == ["burnt", "nearest"]
    assert heard.messages == []
    with pytest.raises(UnknownName, match="Did you mean 'nearest'"):
        score_pictures(pictures, references, heard, networks=Networks(), metrics=["neerest"])


def test_another_network_gives_other_numbers_under_another_scorer(
    pictures: list[Picture], references: list[ImageSpec], tmp_path: Path
) -> None:
    one, other = Heard(), Heard()
    dinov2 = Networks(image=f"dinov2:{write_dinov2(tmp_path / 'dinov2')}")
    for heard, networks in ((one, Networks()), (other, dinov2)):
        score_pictures(pictures, references, heard, networks=networks, metrics=["fidelity", "kid"])
    for metric in ("fidelity", "kid"):
        assert one.scores[metric]["1-1"] != other.scores[metric]["1-1"]
        assert other.scores[metric]["1-1"][0].startswith("dinov2-")


def test_a_network_that_is_not_there_is_told_before_any_number(
    pictures: list[Picture], references: list[ImageSpec]
) -> None:
    heard = Heard()
    networks = Networks(text="clip:/not/there")
    with pytest.raises(NotFound, match="clip:/not/there"):
        score_pictures(pictures, references, heard, networks=networks)
    assert heard.scores == {}


def test_scoring_again_looks_at_nothing_and_says_the_same(
    pictures: list[Picture],
    references: list[ImageSpec],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    networks = Networks(cache_path=tmp_path / "cache")
    first, again = Heard(), Heard()
    score_pictures(pictures, references, first, networks=networks)

    def refuse(*_: object) -> None:
        raise AssertionError("a picture was decoded again")

    monkeypatch.setattr("sdxl_reg.evaluation.networks.features._decoded", refuse)
    score_pictures(pictures, references, again, networks=networks)
    assert again.scores == first.scores


class Failing:
    """A stranger's metric that fails half way."""

    name, summary = "failing", "Fails."
    better, needs, low, high = Better.HIGHER, frozenset[Need](), None, None

    def scores(self, scene: Scene) -> Iterator[Score]:
        first, second, *_ = scene.pictures
        yield Score(key=first.key, scorer="failing/1", value=1.0)
        yield Score(key=second.key, scorer="failing/1", value=float("nan"))
        raise ZeroDivisionError("on purpose")


failing = Failing()


def test_a_metric_that_fails_is_reported_and_stops_no_other(
    pictures: list[Picture], references: list[ImageSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers = [
        EntryPoint("failing", f"{__name__}:failing", discovery.GROUP),
        EntryPoint("absent", "no_such_package:plugin", discovery.GROUP),
    ]

    def listed(**choice: Any) -> EntryPoints:
        return EntryPoints([*entry_points(group=discovery.GROUP), *strangers]).select(**choice)

    monkeypatch.setattr(plugins, "entry_points", listed)
    monkeypatch.setattr(EntryPoint, "load", _load_with_ours(EntryPoint.load))
    heard = Heard()
    score_pictures(pictures, references, heard, networks=Networks())
    told = "\n".join(heard.messages)
    assert "failing failed: ZeroDivisionError: on purpose" in told
    assert "no finite number for 1 pictures" in told
    assert "absent is not scored" in told
    assert heard.scores["failing"] == {"0-1": ("failing/1", 1.0)}
    assert {"fidelity", "nearest", "kid"} <= set(heard.scores)
    assert find_metric("failing") is failing


def _load_with_ours(original: Any) -> Any:
    """Entry points of this very module need no import by name."""
    return lambda entry: failing if entry.name == "failing" else original(entry)
