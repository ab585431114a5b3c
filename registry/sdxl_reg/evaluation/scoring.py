"""Scoring drawn pictures: every registered metric, on features that are computed once."""

from collections.abc import Sequence
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Protocol

from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.metrics.discovery import all_metrics
from sdxl_reg.evaluation.metrics.interface import Measure, Metric, Picture, Rows
from sdxl_reg.evaluation.networks.efficientnet import EfficientNetLite0
from sdxl_reg.evaluation.networks.features import Extractor, Features, Measuring, Tell
from sdxl_reg.evaluation.networks.hub import HubNetwork
from sdxl_reg.evaluation.networks.names import SHIPPED, Networks
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.vocabulary import Need

__all__ = ["Networks", "Picture", "ScoreReport", "Sight", "check_networks", "score_pictures"]

_STAGE = "scoring"
_LAST = "fidelity"  # a grid that is taken up again takes a picture that has it for scored


class ScoreReport(Protocol):
    """What a scoring says while it works; each call is durable at once."""

    def progress(self, done: int, total: int, what: str) -> None:
        """How far the present stage is; `what` names it in a word or two."""

    def message(self, text: str) -> None:
        """A sentence for the user."""

    def score(self, key: str, metric: str, scorer: str, value: float) -> None:
        """A number for a picture."""


class Sight:
    """Pictures and references as metrics see them, through the networks of a scoring.

    Args:
        pictures: To be scored; each key once.
        references: Of the dataset, or none.
        networks: What looks at them.
        tell: Is told how far the looking is.

    Raises:
        NotFound: A network is not there.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        references: Sequence[ImageSpec],
        *,
        networks: Networks,
        tell: Tell,
    ) -> None:
        self.pictures = pictures
        self.references = references
        self._networks = networks
        cache = networks.cache_path / "features" if networks.cache_path else None
        self._features = Features(cache, tell)
        self._image = image_network(networks)
        self.image_network = self._image.identity

    @cached_property
    def text_network(self) -> str:
        """Name of the network that knows words; empty without one."""
        return self._text.identity if self._text else ""

    def image_features(self, paths: Sequence[Path]) -> Rows:
        """What the image network says; see `metrics.interface.Scene`."""
        return self._features.of_pictures(self._image, paths)

    def joint_features(self, paths: Sequence[Path]) -> Rows:
        """Pictures in the space of texts; raises as `text_features` does."""
        return self._features.of_pictures(self._required_text(), paths)

    def text_features(self, texts: Sequence[str]) -> Rows:
        """Texts in the space of pictures; see `metrics.interface.Scene`."""
        network = self._required_text()
        return self._features.of_texts(network.identity, texts, network.text_rows)

    def measured(self, paths: Sequence[Path], measure: Measure) -> Rows:
        """What a measure says; see `metrics.interface.Scene`."""
        return self._features.of_pictures(Measuring(measure=measure), paths)

    @cached_property
    def _text(self) -> HubNetwork | None:
        if not self._networks.text:
            return None
        return HubNetwork(self._networks.text, may_download=self._networks.may_download)

    def _required_text(self) -> HubNetwork:
        if self._text is None:
            raise UsageError("no network that knows words is given", remedy="Give clip:PATH")
        return self._text


def check_networks(networks: Networks) -> None:
    """Refuse networks that are not there, without reading their weights.

    Args:
        networks: Those of a scoring to come.

    Raises:
        NotFound: One is not there.
        Corrupt: It is another than its name says.
    """
    image_network(networks)
    if networks.text:
        HubNetwork(networks.text, may_download=networks.may_download)


def image_network(networks: Networks) -> Extractor:
    """What compares pictures; its weights are not read yet. Raises as `check_networks` does.

    Args:
        networks: Those of a scoring.
    """
    if networks.image == SHIPPED:
        return EfficientNetLite0()
    return HubNetwork(networks.image, may_download=networks.may_download)


def score_pictures(
    pictures: Sequence[Picture],
    references: Sequence[ImageSpec],
    report: ScoreReport,
    *,
    networks: Networks,
    metrics: Sequence[str] = (),
) -> None:
    """Score drawn pictures by every metric, or by those named.

    A metric that cannot be computed is left out with a message that says why; one that fails is
    reported and stops no other.

    Args:
        pictures: Each key once.
        references: The pictures of the dataset; none when nothing is recorded.
        report: Is told of every number.
        networks: What looks at the pictures.
        metrics: Names; empty stands for all that are registered.

    Raises:
        UnknownName: No such metric.
        NotFound: A network that was asked for is not there.
    """
    chosen, broken = all_metrics(metrics)
    for each in broken:
        report.message(f"{each.name} is not scored: {each.reason}")
    sight = Sight(pictures, references, networks=networks, tell=report.progress)
    lacks = _lacks(sight)
    _tell_what_is_left_out(chosen, lacks, report)
    able = [metric for metric in chosen if not metric.needs & lacks.keys()]
    able.sort(key=lambda metric: metric.name == _LAST)
    for done, metric in enumerate(able):
        report.progress(done, len(able), _STAGE)
        _score(metric, sight, report)
    report.progress(len(able), len(able), _STAGE)


def _score(metric: Metric, sight: Sight, report: ScoreReport) -> None:
    wrong = 0
    try:
        for score in metric.scores(sight):
            if isfinite(score.value):
                report.score(score.key, metric.name, score.scorer, score.value)
            else:
                wrong += 1
    except UsageError as error:
        report.message(f"{metric.name} is not scored: {error}")
    except OSError:
        raise  # of the disk, not of the metric
    except Exception as error:  # a stranger's metric may raise anything
        report.message(f"{metric.name} failed: {type(error).__name__}: {error}")
    if wrong:
        report.message(f"{metric.name} gave no finite number for {wrong} pictures: left out")


def _lacks(sight: Sight) -> dict[Need, str]:
    """What the pictures at hand do not have, and how to say so."""
    found = {}
    if not sight.references:
        found[Need.REFERENCES] = "there is no dataset to compare with"
    if not any(count > 1 for count in _seed_counts(sight.pictures).values()):
        found[Need.SEEDS] = "every prompt was drawn with one seed only"
    keys = {picture.key for picture in sight.pictures}
    if not any(picture.baseline in keys for picture in sight.pictures):
        found[Need.BASELINE] = "no picture at strength 0 was drawn from the same noise"
    if not sight.text_network:
        found[Need.TEXT_NETWORK] = "no network that knows words is given (clip:PATH)"
    return found


def _seed_counts(pictures: Sequence[Picture]) -> dict[tuple[object, ...], int]:
    seeds: dict[tuple[object, ...], set[int]] = {}
    for picture in pictures:
        seeds.setdefault((picture.prompt, picture.place), set()).add(picture.seed)
    return {group: len(found) for group, found in seeds.items()}


def _tell_what_is_left_out(
    metrics: Sequence[Metric], lacks: dict[Need, str], report: ScoreReport
) -> None:
    """One sentence for each thing that is lacking, with the metrics that it costs."""
    told: set[str] = set()
    for need, why in lacks.items():
        names = [m.name for m in metrics if need in m.needs and m.name not in told]
        told.update(names)
        if names:
            report.message(f"not scored, because {why}: {', '.join(names)}")
