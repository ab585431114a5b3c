import math
from pathlib import Path

import pytest

from sdxl_reg.jobs.events import (
    Cell,
    CellFailed,
    Event,
    Failed,
    Finished,
    Message,
    Metric,
    Progress,
    Score,
    Started,
    Version,
    event_line,
    read_event,
)


@pytest.mark.parametrize(
    "event",
    [
        Started(pid=1, packages={"torch": "2.13.0"}),
        Progress(done=1, total=2, what="train"),
        Metric(step=1, values={"loss": 0.1}),
        Message(text="two\nlines, ü"),
        Version(path=Path("/x"), epoch=1, step=2, loss=0.5, details={"a": [1]}),
        Cell(key="k", path=Path("/x")),
        CellFailed(key="k", reason="two\nlines"),
        Score(key="k", metric="m", scorer="s", value=0.25),
        Failed(code="crash", message="m"),
        Finished(),
    ],
)
def test_an_event_is_one_line_that_reads_back(event: Event) -> None:
    line = event_line(event)
    assert line.count(b"\n") == 1
    assert read_event(line) == event


def test_a_number_that_is_none_survives() -> None:
    read = read_event(event_line(Metric(step=1, values={"loss": math.nan, "norm": math.inf})))
    assert isinstance(read, Metric)
    assert math.isnan(read.values["loss"])
    assert read.values["norm"] == math.inf
