"""How far a run is, told by the end of what its process said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sdxl_reg.catalog.run_progress import progress_of, said_since
from sdxl_reg.jobs.events import Event, Message, Metric, Progress, event_line
from sdxl_reg.jobs.local import EVENTS
from sdxl_reg.settings import Settings

BEGUN = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def folder(settings: Settings) -> Path:
    """That of run 7."""
    path = settings.runs_path / "7"
    path.mkdir(parents=True)
    return path


def _say(folder: Path, *said: Event) -> None:
    with (folder / EVENTS).open("ab") as stream:
        stream.writelines(event_line(event) for event in said)


def _step(done: int, *, seconds: float, what: str = "train", total: int = 10) -> Progress:
    at = BEGUN + timedelta(seconds=seconds)
    return Progress(at=at, done=done, total=total, what=what)


def test_a_run_that_has_said_nothing_is_nowhere(settings: Settings, folder: Path) -> None:
    assert progress_of(settings, 7) is None
    assert progress_of(settings, 8) is None
    _say(folder, Message(text="21 pictures"))
    assert progress_of(settings, 7) is None


def test_the_rest_takes_as_long_as_the_steps_before(settings: Settings, folder: Path) -> None:
    _say(folder, _step(1, seconds=0), Metric(step=1, values={"loss": 0.5}))
    found = progress_of(settings, 7)
    assert found is not None
    assert (found.done, found.total, found.loss, found.remaining_s) == (1, 10, 0.5, None)
    _say(folder, _step(3, seconds=8), Metric(step=3, values={"loss": 0.25, "lr": 1}))
    found = progress_of(settings, 7)
    assert found is not None
    assert (found.done, found.loss, found.remaining_s) == (3, 0.25, 28.0)


def test_another_stage_has_a_pace_of_its_own(settings: Settings, folder: Path) -> None:
    _say(folder, _step(1, seconds=0, what="latents"), _step(9, seconds=80, what="latents"))
    _say(folder, _step(1, seconds=81), _step(2, seconds=82))
    found = progress_of(settings, 7)
    assert found is not None
    assert (found.what, found.remaining_s) == ("train", 8.0)


def test_of_a_long_file_only_whole_lines_at_its_end_are_read(
    settings: Settings, folder: Path
) -> None:
    _say(folder, *(_step(done, seconds=done, total=5000) for done in range(1, 2001)))
    with (folder / EVENTS).open("ab") as stream:
        stream.write(b'{"type": "progress", "done": 99')  # it is being written
    found = progress_of(settings, 7)
    assert found is not None
    assert (found.done, found.remaining_s) == (2000, 3000.0)


def test_what_was_said_since_is_told_once(settings: Settings, folder: Path) -> None:
    _say(folder, Message(text="one"), _step(1, seconds=0))
    first = said_since(settings, 7, attempt=0, position=0)
    assert [text for _, text in first.messages] == ["one"]
    assert first.progress is not None
    again = said_since(settings, 7, attempt=first.attempt, position=first.position)
    assert (again.messages, again.progress) == ([], None)
    _say(folder, Message(text="two"))
    more = said_since(settings, 7, attempt=again.attempt, position=again.position)
    assert [text for _, text in more.messages] == ["two"]


def test_another_attempt_is_heard_from_its_beginning(settings: Settings, folder: Path) -> None:
    _say(folder, Message(text="one"))
    first = said_since(settings, 7, attempt=0, position=0)
    (folder / EVENTS).rename(folder / "events.1.jsonl")
    _say(folder, Message(text="goes on"))
    more = said_since(settings, 7, attempt=first.attempt, position=first.position)
    assert [text for _, text in more.messages] == ["goes on"]
    assert more.attempt == 1
