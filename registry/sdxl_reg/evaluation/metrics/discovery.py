"""Finding metrics, see `plugins`."""

from collections.abc import Sequence

from sdxl_reg.evaluation.metrics.interface import Metric
from sdxl_reg.plugins import BrokenPlugin, Door

GROUP = "sdxl_reg.metrics"
_DOOR = Door(group=GROUP, noun="metric")


def metric_names() -> list[str]:
    """The names of the registered metrics; nothing is imported."""
    return _DOOR.names()


def find_metric(name: str) -> Metric:
    """The metric of a name; raises as `plugins.Door.find` does."""
    metric: Metric = _DOOR.find(name)
    return metric


def all_metrics(names: Sequence[str] = ()) -> tuple[list[Metric], list[BrokenPlugin]]:
    """Every metric that loads, or those named, see `plugins.Door.all`."""
    return _DOOR.all(names)
