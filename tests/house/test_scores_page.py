"""docs/scores.md says of every registered metric what the metric says of itself."""

import re

import pytest

from sdxl_reg.evaluation.metrics.discovery import all_metrics
from sdxl_reg.evaluation.metrics.interface import Metric
from sdxl_reg.vocabulary import Need
from tests.house.tracked import ROOT

PAGE = (ROOT / "docs" / "scores.md").read_text("utf-8")
WORDS = {Need.REFERENCES: "dataset", Need.SEEDS: "several seeds", Need.BASELINE: "strength 0"}


def row_of(metric: Metric) -> str:
    """The row of the page's table that a metric has to have."""
    needs = ", ".join(word for need, word in WORDS.items() if need in metric.needs)
    network = next((n for n in ("image", "text") if Need(f"{n}-network") in metric.needs), "none")
    cells = [f"`{metric.name}`", metric.better.value, range_of(metric), needs, network]
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def range_of(metric: Metric) -> str:
    low, high = (("" if end is None else f"{end:g}") for end in (metric.low, metric.high))
    return f"{low} … {high}".strip() if low or high else "unbounded"


@pytest.mark.parametrize("metric", all_metrics()[0], ids=lambda metric: metric.name)
def test_a_metric_has_its_row_and_its_paragraph(metric: Metric) -> None:
    assert row_of(metric) in PAGE
    assert f"**`{metric.name}`**" in PAGE


def test_the_page_tells_of_no_metric_that_is_not_there() -> None:
    names = [metric.name for metric in all_metrics()[0]]
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)) == names
    assert sorted(re.findall(r"\*\*`([\w-]+)`\*\*", PAGE)) == names
