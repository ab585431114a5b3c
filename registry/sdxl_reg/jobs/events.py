"""What a job says while it works: JSON lines, one event each, in the order they happened."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


def _now() -> datetime:
    return datetime.now(UTC)


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)

    at: datetime = Field(default_factory=_now)


class Started(_Event):
    """The process is up; `packages` names the versions that determine its results."""

    type: Literal["started"] = "started"
    pid: int
    packages: dict[str, str]


class Progress(_Event):
    """How far a stage is."""

    type: Literal["progress"] = "progress"
    done: int
    total: int
    what: str


class Metric(_Event):
    """Numbers at a step."""

    type: Literal["metric"] = "metric"
    step: int
    values: dict[str, float]


class Message(_Event):
    """A sentence for the user."""

    type: Literal["message"] = "message"
    text: str


class Version(_Event):
    """A file that is complete and shall become a version."""

    type: Literal["version"] = "version"
    path: Path
    epoch: int
    step: int
    loss: float
    details: dict[str, Any] = {}
    preview_path: Path | None = None


class Sample(_Event):
    """A picture drawn while training; its file is complete."""

    type: Literal["sample"] = "sample"
    step: int
    prompt: str
    path: Path


class Cell(_Event):
    """A picture of a grid that is complete."""

    type: Literal["cell"] = "cell"
    key: str
    path: Path


class CellFailed(_Event):
    """A picture that could not be drawn; the others go on."""

    type: Literal["cell_failed"] = "cell_failed"
    key: str
    reason: str


class Score(_Event):
    """A number for a picture of a grid."""

    type: Literal["score"] = "score"
    key: str
    metric: str
    scorer: str
    value: float


class Captioned(_Event):
    """What a model says is on a picture."""

    type: Literal["captioned"] = "captioned"
    key: str
    text: str


class Failed(_Event):
    """The job ended with an error; `code` is that of our error tree, or `crash`."""

    type: Literal["failed"] = "failed"
    code: str
    message: str
    traceback: str = ""


class Finished(_Event):
    """The job did all it was asked to."""

    type: Literal["finished"] = "finished"


Event = (
    Started
    | Progress
    | Metric
    | Message
    | Version
    | Sample
    | Cell
    | CellFailed
    | Score
    | Captioned
    | Failed
    | Finished
)
_EVENT: TypeAdapter[Event] = TypeAdapter(
    Annotated[Event, Field(discriminator="type")],
    config=ConfigDict(ser_json_inf_nan="constants"),  # a loss may be NaN, and shall be heard of
)


def read_event(line: bytes) -> Event:
    """The event a line describes."""
    return _EVENT.validate_json(line)


def read_events(path: Path) -> list[Event]:
    """All that a file of events says; a last line that was cut short by a kill is no event.

    Args:
        path: Need not exist.
    """
    if not path.exists():
        return []
    *lines, _ = path.read_bytes().split(b"\n")
    return [read_event(line) for line in lines]


def event_line(event: Event) -> bytes:
    """An event as one line, its newline included."""
    return _EVENT.dump_json(event) + b"\n"
