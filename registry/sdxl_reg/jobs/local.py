"""Running a job in a child process on this machine, and hearing what it says while it works."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from sdxl_reg.jobs.events import Event, Failed, Finished, read_event

EVENTS, LOG, JOB = "events.jsonl", "log.txt", "job.json"
POLL_S = 0.1
GRACE_S = 5.0
LOG_TAIL_BYTES = 2000


Starter = Callable[[Path], "subprocess.Popen[bytes]"]
"""From the folder of a job to its process."""


def fresh_process(folder: Path) -> "subprocess.Popen[bytes]":
    """A process for the job of a folder; its outputs are appended to `log.txt` there.

    Args:
        folder: Holds `job.json`.
    """
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "sdxl_reg.worker", str(folder / JOB), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal reaches us, and we tell the child
        )


def run_job(
    folder: Path, *, stop: threading.Event | None = None, start: Starter = fresh_process
) -> Generator[Event]:
    """Start the job of a folder and yield its events as they happen, until it has ended.

    The last event is always `Finished` or `Failed`: a process that ends without a word, by a
    signal or a crash, is said to have failed, with the end of its log. When the caller stops
    listening (Ctrl-C, or a closed generator), the process is asked to end, and killed if it does
    not within a few seconds.

    Args:
        folder: Holds `job.json`; receives `events.jsonl` (what an earlier attempt said is kept in
            `events.N.jsonl`) and `log.txt`, both outputs of the process together.
        stop: Set by another thread, it is to this one what Ctrl-C is to the main thread.
        start: Starts the process.

    Raises:
        KeyboardInterrupt: `stop` is set.
    """
    _heed(stop)
    _set_aside(folder / EVENTS)
    process = start(folder)
    last: Event | None = None
    try:
        for event in _events(folder / EVENTS, process, stop):
            last = event
            yield event
    finally:
        _end(process)
    if not isinstance(last, Failed | Finished):
        yield Failed(code="crash", message=_epitaph(process.returncode, folder / LOG))


def _set_aside(events: Path) -> None:
    if events.exists():
        number = 1 + len(list(events.parent.glob("events.*.jsonl")))
        events.rename(events.with_name(f"events.{number}.jsonl"))


def _heed(stop: threading.Event | None) -> None:
    if stop is not None and stop.is_set():
        raise KeyboardInterrupt


def _events(
    path: Path, process: "subprocess.Popen[bytes]", stop: threading.Event | None
) -> Iterator[Event]:
    """Complete lines of a growing file until its writer has ended and all of it was read."""
    position, rest = 0, b""
    while True:
        has_ended = process.poll() is not None  # asked first: what it wrote last is read below
        if path.exists():
            with path.open("rb") as stream:
                stream.seek(position)
                *lines, rest = stream.read().split(b"\n")
                position = stream.tell() - len(rest)
            for line in lines:
                yield read_event(line)
        if has_ended:
            return
        _heed(stop)
        time.sleep(POLL_S)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _epitaph(returncode: int, log: Path) -> str:
    tail = log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
    if returncode < 0:
        name = signal.Signals(-returncode).name
        how = f"its process was ended by {name}"
        if returncode == -signal.SIGKILL:
            how += ", by hand or for want of memory"
    else:
        how = f"its process ended with exit code {returncode} and without a word"
    return f"{how}; the end of {log}:\n{tail}" if tail else how
