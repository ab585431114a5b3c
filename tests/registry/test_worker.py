"""What the process of a job writes; how it is started and ended is tests/registry/jobs' matter."""

import errno
from io import BytesIO
from pathlib import Path

import pytest

from sdxl_reg import worker
from sdxl_reg.jobs.events import Event, Failed, Finished, Started, read_event
from sdxl_reg.jobs.spec import DrawSpec, write_job


def _events(folder: Path) -> list[Event]:
    return [read_event(line) for line in (folder / "events.jsonl").read_bytes().splitlines()]


def test_a_drawing_job_is_done_by_the_evaluation(tmp_path: Path) -> None:
    spec = DrawSpec(run=1, bases={}, versions={}, cells=[], batch_size=1)
    write_job(spec, tmp_path / "job.json")
    assert worker.main([str(tmp_path / "job.json")]) == 0
    first, *_, last = _events(tmp_path)
    assert isinstance(first, Started)
    assert isinstance(last, Finished)


def test_a_full_disk_is_told_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = BytesIO()
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x"))
    assert worker._failed(error, worker.EventFile(stream), tmp_path) == 6
    event = read_event(stream.getvalue())
    assert isinstance(event, Failed)
    assert event.code == "out-of-space"
    assert "No space left" in capsys.readouterr().err


def test_the_versions_that_determine_the_results_are_named() -> None:
    assert {"python", "torch", "diffusers", "transformers", "peft"} <= set(
        worker.package_versions()
    )
