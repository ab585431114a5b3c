"""The process of a job: `python -m sdxl_reg.worker job.json [parent]`, or `--wait parent`.

It reads the job file, does the work and writes what happens to `events.jsonl` beside it, one line
an event. It knows nothing of the database, and it ends when the process that started it does.
"""

import json
import os
import platform
import signal
import sys
import threading
import time
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import BinaryIO

from sdxl_reg.errors import NO_ROOM, OutOfSpace, RegistryError
from sdxl_reg.jobs.events import (
    Captioned,
    Cell,
    CellFailed,
    Event,
    Failed,
    Finished,
    Message,
    Metric,
    Progress,
    Sample,
    Score,
    Started,
    Version,
    event_line,
)
from sdxl_reg.jobs.lock import alone_in
from sdxl_reg.jobs.spec import CaptionSpec, DownstreamSpec, DrawSpec, TrainSpec, read_job
from sdxl_reg.trainers.config import parsed
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.interface import BaseModel, TrainedVersion, TrainingImage, TrainingJob

PACKAGES = ("sdxl-reg", "torch", "diffusers", "transformers", "peft", "numpy", "pillow")
WATCH_S = 0.5
CRASH_EXIT_CODE = 1


class EventFile:
    """A report that writes events to a stream; each one is on its way when a call returns."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, event: Event) -> None:
        """One event as one line."""
        self._stream.write(event_line(event))
        self._stream.flush()

    def progress(self, done: int, total: int, what: str) -> None:
        """How far the present stage is."""
        self.write(Progress(done=done, total=total, what=what))

    def metric(self, step: int, **values: float) -> None:
        """Numbers worth plotting, by name."""
        self.write(Metric(step=step, values=values))

    def message(self, text: str) -> None:
        """A sentence for the user."""
        self.write(Message(text=text))

    def version(self, version: TrainedVersion) -> None:
        """A finished version."""
        self.write(
            Version(
                path=version.path,
                epoch=version.epoch,
                step=version.step,
                loss=version.loss,
                details=version.details,
                preview_path=version.preview_path,
            )
        )

    def sample(self, step: int, prompt: str, path: Path) -> None:
        """A picture drawn while training."""
        self.write(Sample(step=step, prompt=prompt, path=path))

    def cell(self, key: str, path: Path) -> None:
        """A finished picture of a grid."""
        self.write(Cell(key=key, path=path))

    def cell_failed(self, key: str, reason: str) -> None:
        """A picture that could not be drawn."""
        self.write(CellFailed(key=key, reason=reason))

    def score(self, key: str, metric: str, scorer: str, value: float) -> None:
        """A number for a picture of a grid."""
        self.write(Score(key=key, metric=metric, scorer=scorer, value=value))

    def captioned(self, key: str, text: str) -> None:
        """What a model says is on a picture."""
        self.write(Captioned(key=key, text=text))


def main(arguments: list[str]) -> int:
    """Do the job of a file.

    Args:
        arguments: The path of the job file and, if the job shall end with its parent, the number
            of the parent's process.

    Returns:
        The exit code: 0, that of the error, or 1 for an error that is not ours.
    """
    job_path = Path(arguments[0]).absolute()
    if arguments[1:]:
        _end_with(parent=int(arguments[1]))
    with alone_in(job_path.parent), (job_path.parent / "events.jsonl").open("ab") as stream:
        report = EventFile(stream)
        report.write(Started(pid=os.getpid(), packages=package_versions()))
        try:
            _work(job_path, report)
        except Exception as error:
            return _failed(error, report, job_path.parent)
        report.write(Finished())
    return 0


def wait_for_job(parent: int) -> int:
    """Import what jobs need, wait for the line that names the folder of one, and do it.

    Args:
        parent: The number of the process that writes that line, with which this one ends.

    Returns:
        The exit code; 0 where no job came.
    """
    _end_with(parent)
    import sdxl_reg.evaluation.render
    import sdxl_reg.training.loop  # noqa: F401 - what takes ten seconds

    line = sys.stdin.readline()
    if not line:
        return 0
    folder = Path(json.loads(line))
    with (folder / "log.txt").open("ab") as log:
        for output in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), output.fileno())
    return main([str(folder / "job.json")])


def package_versions() -> dict[str, str]:
    """The versions that determine what a job makes; a package that is not there is left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _work(job_path: Path, report: EventFile) -> None:
    job = read_job(job_path)
    if isinstance(job, TrainSpec):
        _train(job, job_path.parent, report)
    elif isinstance(job, DownstreamSpec):
        _downstream(job, job_path.parent, report)
    elif isinstance(job, CaptionSpec):
        _caption(job, report)
    else:
        _draw(job, job_path.parent, report)


def _train(spec: TrainSpec, folder: Path, report: EventFile) -> None:
    trainer = find_trainer(spec.trainer)
    job = TrainingJob(
        run_key=spec.run_key,
        config=parsed(trainer.config, spec.config, trainer=spec.trainer),
        base=BaseModel(**dict(spec.base)),
        images=[TrainingImage(**dict(image)) for image in spec.images],
        validation_images=[TrainingImage(**dict(image)) for image in spec.validation_images],
        class_images=[TrainingImage(**dict(image)) for image in spec.class_images],
        dataset_ref=spec.dataset_ref,
        dataset_sha256=spec.dataset_sha256,
        output_name=spec.output_name,
        output_path=_made(folder / "files"),
        workspace_path=_made(folder / "work"),
        cache_path=_made(spec.cache_path),
        start_path=spec.start_path,
    )
    trainer.train(job, report)


def _draw(spec: DrawSpec, folder: Path, report: EventFile) -> None:
    from sdxl_reg.evaluation.render import draw_and_score

    draw_and_score(spec, _made(folder / "files"), report)


def _downstream(spec: DownstreamSpec, folder: Path, report: EventFile) -> None:
    from sdxl_reg.evaluation.downstream.check import check_downstream

    found = check_downstream(spec, _made(folder / "files"), report)
    report.metric(0, **{f"f1, {regime.name}": regime.f1 for regime in found.regimes})


def _caption(spec: CaptionSpec, report: EventFile) -> None:
    from sdxl_reg.captioners.work import write_captions

    write_captions(spec, report)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _failed(error: Exception, report: EventFile, folder: Path) -> int:
    known = error
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        known = OutOfSpace(error.filename or folder)
    trace = "".join(traceback.format_exception(error))
    sys.stderr.write(trace)
    if isinstance(known, RegistryError):
        code, exit_code, message = known.code, known.exit_code, str(known)
    else:
        code, exit_code, message = "crash", CRASH_EXIT_CODE, f"{type(error).__name__}: {error}"
    report.write(Failed(code=code, message=message, traceback=trace))
    return exit_code


def _end_with(parent: int) -> None:
    """Have this process end when its parent does, so that nothing is orphaned.

    Watching the parent's number works everywhere, unlike Linux's PR_SET_PDEATHSIG, which looks at
    the starting thread instead of the process.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    if sys.argv[1] == "--wait":
        sys.exit(wait_for_job(int(sys.argv[2])))
    sys.exit(main(sys.argv[1:]))
