"""Finding metrics: ours and strangers' come through the same door, the entry points."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from sdxl_reg.errors import UnknownName, UsageError
from sdxl_reg.evaluation.metrics.interface import Metric

GROUP = "sdxl_reg.metrics"


@dataclass(frozen=True, kw_only=True)
class BrokenMetric:
    """A registered metric that could not be loaded.

    Attributes:
        name: Its entry point's name.
        reason: What its import said.
    """

    name: str
    reason: str


def metric_names() -> list[str]:
    """The names of the registered metrics; nothing is imported."""
    return sorted(entry_points(group=GROUP).names)


def find_metric(name: str) -> Metric:
    """The metric of a name.

    Raises:
        UnknownName: No such metric is registered.
        UsageError: It is registered and cannot be loaded.
    """
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise UnknownName("metric", name, metric_names())
    return _load(found[0])


def all_metrics(names: Sequence[str] = ()) -> tuple[list[Metric], list[BrokenMetric]]:
    """Every metric that loads, and those that do not with their reasons; by name.

    Args:
        names: Only these; empty stands for all.

    Raises:
        UnknownName: One of the names is not registered.
    """
    known = metric_names()
    for name in names:
        if name not in known:
            raise UnknownName("metric", name, known)
    working: list[Metric] = []
    broken: list[BrokenMetric] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        if names and entry.name not in names:
            continue
        try:
            working.append(_load(entry))
        except UsageError as error:
            broken.append(BrokenMetric(name=entry.name, reason=str(error)))
    return working, broken


def _load(entry: EntryPoint) -> Metric:
    try:
        metric: Metric = entry.load()
    except Exception as error:  # a stranger's import may raise anything
        raise UsageError(
            f"metric {entry.name!r} ({entry.value}) cannot be loaded: {error!r}",
            remedy="Repair or uninstall the package that registers it",
        ) from error
    return metric
