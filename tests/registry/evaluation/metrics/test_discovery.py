"""Finding metrics."""

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any

import pytest

from sdxl_reg import plugins
from sdxl_reg.errors import UnknownName, UsageError
from sdxl_reg.evaluation.metrics import discovery
from sdxl_reg.evaluation.metrics.discovery import all_metrics, find_metric, metric_names
from sdxl_reg.evaluation.metrics.interface import Metric
from sdxl_reg.vocabulary import Better, Need


def every_metric() -> list[Metric]:
    working, broken = all_metrics()
    assert broken == []
    return working


def test_ours_come_through_the_door_of_the_entry_points() -> None:
    assert {"fidelity", "nearest", "kid", "clip-t", "memorisation"} <= set(metric_names())
    assert find_metric("kid").better is Better.LOWER


@pytest.mark.parametrize("metric", every_metric(), ids=lambda metric: metric.name)
def test_a_metric_says_what_it_is(metric: Metric) -> None:
    assert find_metric(metric.name) is metric
    assert metric.summary.endswith(".")
    assert len(metric.summary) < 100
    assert metric.needs <= set(Need)
    assert metric.low is None or metric.high is None or metric.low < metric.high
    assert len(metric.name) <= 64  # a column of the tables


def test_a_metric_that_does_not_exist_comes_with_near_names() -> None:
    with pytest.raises(UnknownName, match=r"'fidelty'.*Did you mean 'fidelity'\?"):
        find_metric("fidelty")
    with pytest.raises(UnknownName, match=r"'fidelty'.*Did you mean 'fidelity'\?"):
        all_metrics(["kid", "fidelty"])


@pytest.fixture
def broken_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's metric is registered beside ours, and its import fails."""
    stranger = EntryPoint("stranger", "no_such_package:plugin", discovery.GROUP)

    def listed(**choice: Any) -> EntryPoints:
        mine = EntryPoints([*entry_points(group=discovery.GROUP), stranger])
        return mine.select(**choice)

    monkeypatch.setattr(plugins, "entry_points", listed)


@pytest.mark.usefixtures("broken_neighbour")
def test_a_broken_metric_is_listed_with_its_reason_and_stops_nothing() -> None:
    working, broken = all_metrics()
    assert "fidelity" in [metric.name for metric in working]
    assert [metric.name for metric in broken] == ["stranger"]
    assert "no_such_package" in broken[0].reason
    assert [metric.name for metric in all_metrics(["kid"])[0]] == ["kid"]
    with pytest.raises(UsageError, match="Repair or uninstall"):
        find_metric("stranger")


def test_loading_every_metric_imports_no_torch() -> None:
    program = (
        "import sys; from sdxl_reg.evaluation.metrics.discovery import all_metrics\n"
        "assert len(all_metrics()[0]) > 9 and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
