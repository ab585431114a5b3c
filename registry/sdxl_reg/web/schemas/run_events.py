"""What happens in a run, event by event, and the place in it that a reader has come to."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fastapi.sse import ServerSentEvent

from sdxl_reg.catalog.run_progress import Said
from sdxl_reg.tables import LineageEvent, Run, RunMetric, RunSample
from sdxl_reg.web.schemas.runs import progress_item, sample_facts

_DIGITS = 18  # more than any row has, and no more than a database takes


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far a reader has come: the last row of each kind, and the words of the process.

    Attributes:
        metric: Row of a number.
        sample: Row of a picture.
        output: Row of something that was given.
        attempt: Processes before the one whose words were read.
        position: Of them, in bytes.
    """

    metric: int = 0
    sample: int = 0
    output: int = 0
    attempt: int = 0
    position: int = 0

    def __str__(self) -> str:
        """As the `id` of an event."""
        rows = (self.metric, self.sample, self.output, self.attempt, self.position)
        return "-".join(map(str, rows))


def read_place(said: str) -> Place:
    """The place that an `id` tells; what is none of ours means the beginning."""
    parts = said.split("-")
    if len(parts) != 5 or not all(p.isascii() and p.isdigit() and len(p) <= _DIGITS for p in parts):
        return Place()
    metric, sample, output, attempt, position = map(int, parts)
    return Place(metric=metric, sample=sample, output=output, attempt=attempt, position=position)


class Bulletin:
    """Events that a reader has not heard yet, in their order, and the place after them.

    Args:
        place: How far the reader has come.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.events: list[ServerSentEvent] = []

    def add_state(self, run: Run) -> None:
        """How a run stands."""
        told = {"state": run.state, "is_final": run.state.is_final, "error": run.error}
        self._add("state", told)

    def add_metrics(self, rows: Sequence[RunMetric]) -> None:
        """Numbers, those of a step together."""
        for step, same in itertools.groupby(rows, key=lambda row: row.step):
            values = {}
            for row in same:
                values[row.name] = row.value if math.isfinite(row.value) else None
                self.place = replace(self.place, metric=row.id)
            self._add("metric", {"step": step, "values": values})

    def add_samples(self, rows: Sequence[RunSample]) -> None:
        """Pictures that were drawn on the way."""
        for row in rows:
            self.place = replace(self.place, sample=row.id)
            facts = {"step": row.step, "prompt": row.prompt, "sha256": row.blob.sha256}
            self._add("sample", sample_facts(facts))

    def add_outputs(self, rows: Sequence[LineageEvent], refs: Mapping[int, str]) -> None:
        """What a run gave: versions, a grid, a generation; an event is called as its slot.

        Args:
            rows: What was recorded.
            refs: Node → how users write it; what the viewer does not see is left out.
        """
        for row in rows:
            self.place = replace(self.place, output=row.id)
            if row.node_id in refs:
                self._add(row.slot, {"slot": row.slot, "ref": refs[row.node_id]})

    def add_said(self, said: Said) -> None:
        """What the process of a run said: its sentences, and how far it is now."""
        self.place = replace(self.place, attempt=said.attempt, position=said.position)
        for at, text in said.messages:
            self._add("message", {"at": at, "text": text})
        if said.progress is not None:
            self._add("progress", progress_item(said.progress))

    def _add(self, name: str, told: object) -> None:
        self.events.append(ServerSentEvent(event=name, data=told, id=str(self.place)))
