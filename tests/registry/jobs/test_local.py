"""A job in a child process: what is heard of it, and that nothing is left of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sdxl_reg.jobs.events import Failed, Finished, Started, Version
from sdxl_reg.jobs.local import run_job
from sdxl_reg.jobs.spec import BaseSpec, ImageSpec, TrainSpec, write_job
from sdxl_reg.testing import training_job
from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.vocabulary import BaseFormat


@pytest.fixture
def folder(tiny_base: Path, tmp_path: Path) -> Path:
    _write(tiny_base, tmp_path, max_train_epochs=1, train_batch_size=4)
    return tmp_path


def _write(base: Path, folder: Path, **config: object) -> None:
    pictures = folder / "pictures"
    if not pictures.exists():
        pictures.mkdir()
        training_job(TrainerConfig(), base, pictures)
    spec = TrainSpec(
        run=1,
        run_key="2" * 64,
        trainer="lora",
        config=config,
        base=BaseSpec(ref="tiny@1", path=base, format=BaseFormat.DIFFUSERS, sha256="0" * 64),
        images=[
            ImageSpec(path=path, sha256="0" * 64, caption="a red mug", tags="")
            for path in sorted(pictures.glob("*.png"))
        ],
        dataset_ref="things@1",
        dataset_sha256="1" * 64,
        output_name="things-lora",
        cache_path=folder / "cache",
    )
    write_job(spec, folder / "job.json")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def _gone(pid: int, *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _is_alive(pid)


def test_a_job_is_heard_from_start_to_finish_and_again(folder: Path) -> None:
    for attempt in (1, 2):
        events = list(run_job(folder))
        assert isinstance(events[0], Started)
        assert events[0].packages["torch"].startswith("2.")
        assert isinstance(events[-1], Finished), attempt
        versions = [event for event in events if isinstance(event, Version)]
        expected = ["things-lora.safetensors"] if attempt == 1 else []  # all was done before
        assert [version.path.name for version in versions] == expected
        assert (folder / "files" / "things-lora.safetensors").is_file()
    assert (folder / "events.1.jsonl").is_file()


def test_an_error_of_ours_keeps_its_code_and_message(tiny_base: Path, folder: Path) -> None:
    _write(tiny_base, folder, resolution=1024)
    last = list(run_job(folder))[-1]
    assert isinstance(last, Failed)
    assert last.code == "invalid-value"
    assert "1024" in last.message
    assert "Traceback" in last.traceback


def test_an_error_that_is_not_ours_is_a_crash(folder: Path) -> None:
    (folder / "files").write_text("in the way")
    last = list(run_job(folder))[-1]
    assert isinstance(last, Failed)
    assert last.code == "crash"
    assert "FileExistsError" in last.message


def test_a_process_that_is_killed_has_failed_and_the_signal_is_told(folder: Path) -> None:
    events = run_job(folder)
    started = next(events)
    assert isinstance(started, Started)
    os.kill(started.pid, signal.SIGKILL)
    last = list(events)[-1]
    assert isinstance(last, Failed)
    assert last.code == "crash"
    assert "SIGKILL" in last.message


def test_no_job_file_is_told_with_the_end_of_the_log(tmp_path: Path) -> None:
    last = list(run_job(tmp_path))[-1]
    assert isinstance(last, Failed)
    assert "job.json" in last.message


def test_a_listener_that_stops_ends_the_process(tiny_base: Path, folder: Path) -> None:
    _write(tiny_base, folder, max_train_steps=100_000)
    events = run_job(folder)
    started = next(events)
    assert isinstance(started, Started)
    events.close()
    assert _gone(started.pid, within_s=1)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_process_whose_parent_is_killed_ends_itself(tiny_base: Path, folder: Path) -> None:
    _write(tiny_base, folder, max_train_steps=100_000)
    listen = (
        "import sys; from pathlib import Path; from sdxl_reg.jobs.local import run_job\n"
        "for event in run_job(Path(sys.argv[1])): print(getattr(event, 'pid', ''), flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", listen, str(folder)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        assert _gone(child, within_s=10)
