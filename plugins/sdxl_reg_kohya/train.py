"""Training by a program of sd-scripts: from a job to a process, from its files to versions."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdxl_reg.errors import UsageError, WorkFailed
from sdxl_reg.settings import Settings
from sdxl_reg.trainers.interface import Report, TrainedVersion, TrainingJob
from sdxl_reg.trainers.triggers import FILEWORDS
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_kohya import launch
from sdxl_reg_kohya.checkout import Checkout, environment, find_checkout, options_of
from sdxl_reg_kohya.config import (
    NAME,
    KohyaCheckpointConfig,
    KohyaEmbeddingConfig,
    KohyaLoraConfig,
    SdScriptsConfig,
)
from sdxl_reg_kohya.documents import dataset_document, sample_prompts, write_documents
from sdxl_reg_kohya.options import (
    accepted,
    checkpoint_options,
    common_options,
    embedding_options,
    lora_options,
)
from sdxl_reg_kohya.outputs import adopt, complete_files, complete_samples, place_of, words_of
from sdxl_reg_kohya.progress import Progress
from sdxl_reg_kohya.workspace import (
    Workspace,
    laid_out_base,
    made_workspace,
    write_pictures,
    write_tokenizers,
)

POLL_S = 0.2
GRACE_S = 10.0
LOG_TAIL_BYTES = 3000
_LINE_END = re.compile(rb"[\r\n]+")


def train(job: TrainingJob, report: Report, kind: ArtifactKind) -> list[Path]:
    """Train with a program of sd-scripts; every file it writes becomes a version at once.

    A run that is resumed begins anew: its programs cannot go on to the same bytes.

    Args:
        job: What to train, on what.
        report: Hears of stages, steps, files and sample pictures.
        kind: What is made: which program that is.

    Returns:
        The files, oldest first.

    Raises:
        UsageError: There is no checkout that can be used, or it lacks an option that is needed.
        Corrupt: The base or a picture cannot be read.
        WorkFailed: The program ended with an error, or made nothing.
    """
    config = job.config
    if not isinstance(config, SdScriptsConfig):
        raise UsageError(f"these are no settings of sd-scripts: {type(config).__name__}")
    if not job.images:
        raise UsageError(f"{job.dataset_ref} has no pictures", remedy="Train on another dataset")
    checkout = find_checkout(Settings.from_environment(), kind)
    known = options_of(checkout, job.cache_path)
    workspace = made_workspace(job.workspace_path)
    words = _prepared(job, config, checkout, workspace, known, report)
    progress = Progress(report=report)
    made: list[Path] = []

    def collect(*, all_is_said: bool) -> None:
        made.extend(_new_versions(job, kind, workspace, progress, all_is_said=all_is_said))
        _tell_samples(job, config, workspace, progress)

    with _running(checkout, words, workspace.log) as process:
        for lines in _said(workspace.log, process):
            for line in lines:
                progress.hear(line)
            collect(all_is_said=False)
    collect(all_is_said=True)
    if process.returncode or not made:
        raise _failure(process.returncode, checkout, workspace.log)
    return made


def _prepared(
    job: TrainingJob,
    config: SdScriptsConfig,
    checkout: Checkout,
    workspace: Workspace,
    known: frozenset[str],
    report: Report,
) -> list[str]:
    """Lay everything out that the program reads.

    Returns:
        The words of its command line.
    """
    word = f"tok{job.run_key[:8]}"
    folders = write_pictures(job, config, workspace, _captions(config, word), report)
    options = {
        **common_options(job, config),
        **_own_options(job, config, workspace, word),
        **sample_prompts(config, job.base, workspace.root / "prompts.txt"),
        "pretrained_model_name_or_path": str(laid_out_base(job.base, workspace)),
        "tokenizer_cache_dir": str(write_tokenizers(job.base, workspace)),
        "output_dir": str(workspace.output),
        "output_name": job.output_name,
        **({"logging_dir": str(workspace.root / "logs")} if config.log_with else {}),
        **config.sd_scripts_options,
    }
    taken = accepted(options, known, checkout.program.name, report)
    if job.validation_images:
        report.message(
            f"{len(job.validation_images)} pictures that {job.dataset_ref} holds out are not "
            "trained; sd-scripts measures only on pictures that it splits off itself"
        )
    masked = any(image.mask_path for image in job.images)
    dataset = dataset_document(folders, job.base, config, masked=masked)
    where = f"commit {checkout.commit[:12]}" if checkout.commit else "no clean commit"
    report.message(f"{checkout.program.name} of {checkout.path}, {where}")
    return write_documents(workspace, taken, dataset)


def _captions(config: SdScriptsConfig, word: str) -> Callable[[str], str]:
    if isinstance(config, KohyaEmbeddingConfig):
        line = config.prompt_template.replace(NAME, word)
        return lambda caption: line.replace(FILEWORDS, caption).strip(" ,")
    return lambda caption: caption


def _own_options(
    job: TrainingJob, config: SdScriptsConfig, workspace: Workspace, word: str
) -> dict[str, Any]:
    start = workspace.root / "start.safetensors"
    if job.start_path is not None:
        start.unlink(missing_ok=True)
        start.symlink_to(job.start_path)
    match config:
        case KohyaLoraConfig():
            begun = {"network_weights": str(start)} if job.start_path else {}
            return lora_options(config) | begun
        case KohyaEmbeddingConfig():
            begun = {"weights": str(start)} if job.start_path else {}
            return embedding_options(config, word=word) | begun
        case KohyaCheckpointConfig():
            if job.start_path is not None:
                raise UsageError(
                    "sdxl_train.py starts from its base alone", remedy="Give the version as --base"
                )
            return checkpoint_options(config)
    raise UsageError(f"no program of sd-scripts takes {type(config).__name__}")


@contextmanager
def _running(
    checkout: Checkout, words: list[str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """The program at work, for as long as the context lasts; then it has ended, or is ended."""
    command = [str(checkout.python), launch.__file__, str(os.getpid()), str(checkout.program)]
    with log.open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603 - the program that the user named
            [*command, *words],
            cwd=checkout.path,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _said(log: Path, process: "subprocess.Popen[bytes]") -> Iterator[list[str]]:
    """What the program has said since the last time, a list of lines for each look, until its end.

    Bars are written over with carriage returns: each of their states is a line. The return that
    ends a state comes with the next one: what stays as it is from one look to the next is told too.
    """
    position, rest = log.stat().st_size, b""
    while True:
        has_ended = process.poll() is not None  # asked first: what it said last is read below
        with log.open("rb") as stream:
            stream.seek(position)
            data = stream.read()
        position += len(data)
        *lines, rest = _LINE_END.split(rest + data)
        latest = [] if data and not has_ended else [rest]
        yield [line.decode(errors="replace") for line in [*lines, *latest]]
        if has_ended:
            return
        time.sleep(POLL_S)


def _new_versions(
    job: TrainingJob,
    kind: ArtifactKind,
    workspace: Workspace,
    progress: Progress,
    *,
    all_is_said: bool,
) -> Iterator[Path]:
    """Files that are complete, once the loss of their step is known: it is said after they are."""
    for path in complete_files(workspace.output):
        epoch, step = place_of(path, epoch=progress.epoch, step=progress.step)
        if progress.measured < step and not all_is_said:
            return
        adopted = adopt(path, job, kind)
        progress.report.version(
            TrainedVersion(
                path=adopted,
                epoch=epoch,
                step=step,
                loss=progress.loss,
                details={"trigger_words": words_of(job, kind)},
            )
        )
        yield adopted


def _tell_samples(
    job: TrainingJob, config: SdScriptsConfig, workspace: Workspace, progress: Progress
) -> None:
    for sample in complete_samples(workspace.output):
        prompt = dict(enumerate(config.sample_prompts)).get(sample.prompt, "")
        target = job.output_path / sample.path.name
        sample.path.rename(target)
        progress.report.sample(sample.step or progress.step, prompt, target)


def _failure(returncode: int, checkout: Checkout, log: Path) -> WorkFailed:
    tail = log.read_bytes()[-LOG_TAIL_BYTES:].replace(b"\r", b"\n").decode(errors="replace").strip()
    how = f"ended with exit code {returncode}" if returncode else "made no file"
    return WorkFailed(
        f"{checkout.program.name} {how}; the end of {log}:\n{tail}",
        remedy="Its programs have SDXL's sizes built in: only a full-size base will do",
    )
