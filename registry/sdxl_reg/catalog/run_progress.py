"""How far a run is: the last words of its process, read from the end of what it said so far."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sdxl_reg.jobs.events import Event, Message, Metric, Progress, read_event
from sdxl_reg.jobs.local import EVENTS
from sdxl_reg.settings import Settings

_TAIL_BYTES = 1 << 15
_LOSS = "loss"


@dataclass(frozen=True, kw_only=True)
class RunProgress:
    """How far a run is.

    Attributes:
        what: The present stage in a word or two: `train`.
        done: Of it, in steps or pictures.
        total: All of them.
        loss: The last one that was told; None where there is none yet.
        remaining_s: How long the rest of the stage takes at the present pace, in seconds; None
            while that is not known.
    """

    what: str
    done: int
    total: int
    loss: float | None
    remaining_s: float | None


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the process of a run has said since somebody looked.

    Attributes:
        messages: Its sentences for people, with when they were said.
        progress: How far it is now; None where it said nothing of that.
        attempt: How many processes had worked on it before.
        position: Up to where its words were read, in bytes.
    """

    messages: list[tuple[datetime, str]]
    progress: RunProgress | None
    attempt: int
    position: int


def progress_of(settings: Settings, run_id: int) -> RunProgress | None:
    """How far a run is; None where its process says nothing of that on this machine.

    Args:
        settings: Where the runs lie.
        run_id: Its number.
    """
    return _progress_in(_events(_path(settings, run_id), from_end=_TAIL_BYTES)[0])


def said_since(settings: Settings, run_id: int, *, attempt: int, position: int) -> Said:
    """What the process of a run has said since somebody looked.

    Args:
        settings: Where the runs lie.
        run_id: Its number.
        attempt: As it was told then; another one means that all is new.
        position: As it was told then, in bytes.
    """
    path = _path(settings, run_id)
    before = len(list(path.parent.glob("events.*.jsonl")))
    start = position if attempt == before else 0
    happened, end = _events(path, start=start)
    messages = [(event.at, event.text) for event in happened if isinstance(event, Message)]
    is_news = any(isinstance(event, Progress) for event in happened)
    progress = progress_of(settings, run_id) if is_news else None
    return Said(messages=messages, progress=progress, attempt=before, position=end)


def _path(settings: Settings, run_id: int) -> Path:
    return settings.runs_path / str(run_id) / EVENTS


def _events(path: Path, *, start: int = 0, from_end: int | None = None) -> tuple[list[Event], int]:
    """Whole lines of a growing file, and where they end.

    Args:
        path: Need not exist.
        start: Where to begin, in bytes.
        from_end: Instead of that, so many bytes before the end; what is cut there is left out.
    """
    try:
        with path.open("rb") as stream:
            length = stream.seek(0, os.SEEK_END)
            begin = start if from_end is None else max(0, length - from_end)
            stream.seek(min(begin, length))
            data = stream.read()
    except FileNotFoundError:
        return [], 0
    if from_end is not None and begin > 0:
        data = data.partition(b"\n")[2]
    whole, newline, _ = data.rpartition(b"\n")
    end = min(begin, length) + len(whole) + len(newline)
    return [read_event(line) for line in whole.split(b"\n") if line], end


def _progress_in(happened: list[Event]) -> RunProgress | None:
    steps = [event for event in happened if isinstance(event, Progress)]
    if not steps:
        return None
    last = steps[-1]
    stage = [event for event in steps if (event.what, event.total) == (last.what, last.total)]
    numbers = [event.values for event in happened if isinstance(event, Metric)]
    losses = [values[_LOSS] for values in numbers if _LOSS in values]
    return RunProgress(
        what=last.what,
        done=last.done,
        total=last.total,
        loss=losses[-1] if losses else None,
        remaining_s=_remaining(stage[0], last),
    )


def _remaining(first: Progress, last: Progress) -> float | None:
    done = last.done - first.done
    if done <= 0:
        return None
    return (last.at - first.at).total_seconds() / done * max(0, last.total - last.done)
