"""A process that waits for a job: it does that one, and none is left over."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdxl_reg.jobs.events import Failed, Started
from sdxl_reg.jobs.local import run_job
from sdxl_reg.jobs.standby import Standby
from tests.registry.jobs.test_local import _gone


@pytest.fixture
def standby() -> Iterator[Standby]:
    """One that is closed in the end."""
    waiting = Standby()
    yield waiting
    waiting.close()


def _pid(standby: Standby) -> int:
    assert standby._waiting is not None
    return standby._waiting.pid


def test_the_process_that_waited_does_the_job_it_is_given(standby: Standby, tmp_path: Path) -> None:
    (tmp_path / "new\nline").mkdir()
    standby.prepare()
    waiting = _pid(standby)
    standby.prepare()  # there is one already
    assert _pid(standby) == waiting
    events = list(run_job(tmp_path / "new\nline", start=standby.start))
    last = events[-1]
    assert [event.pid for event in events if isinstance(event, Started)] == [waiting]
    assert isinstance(last, Failed)
    assert "job.json" in last.message  # there is none
    assert "job.json" in (tmp_path / "new\nline" / "log.txt").read_text()
    assert _gone(waiting, within_s=5)


def test_without_one_that_waits_a_fresh_process_does_the_job(
    standby: Standby, tmp_path: Path
) -> None:
    standby.prepare()
    os.kill(_pid(standby), signal.SIGKILL)
    assert standby._waiting is not None
    standby._waiting.wait()
    for _ in range(2):  # the dead one is passed over; then there is none
        assert isinstance(list(run_job(tmp_path, start=standby.start))[-1], Failed)


def test_once_it_is_closed_nothing_waits_any_more(standby: Standby) -> None:
    standby.prepare()
    waiting = _pid(standby)
    standby.close()
    assert _gone(waiting, within_s=5)
    standby.prepare()
    assert standby._waiting is None


def test_it_ends_with_the_process_that_had_it_wait() -> None:
    script = (
        "import sys\n"
        "from sdxl_reg.jobs.standby import Standby\n"
        "standby = Standby()\n"
        "standby.prepare()\n"
        "print(standby._waiting.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        waiting = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    assert _gone(waiting, within_s=15)
