"""The files that a program of sd-scripts writes, made ours as soon as they are complete."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.hashes import auto_v3
from sdxl_reg.formats.safetensors import Header, read_header
from sdxl_reg.formats.safetensors_copy import copy_with_header, tensor_bytes
from sdxl_reg.formats.training_metadata import TRIGGER, lineage_metadata
from sdxl_reg.trainers.interface import TrainingJob
from sdxl_reg.trainers.triggers import trigger_words
from sdxl_reg.vocabulary import ArtifactKind, BaseFormat

MODEL_HASH = "sshs_model_hash"
PROJECTION = "conditioner.embedders.1.model.text_projection"
_EPOCH = re.compile(r"-(\d{6})$")
_STEP = re.compile(r"-step(\d{8})$")
_SAMPLE = re.compile(r"_(?:e(\d{6})|(\d{6}))_(\d\d)_\d{14}(?:_\d+)?\.png$")
_PNG_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True, kw_only=True)
class SamplePicture:
    """A complete sample picture.

    Attributes:
        path: The file.
        step: Steps done when it was drawn; None where only the epoch is known.
        prompt: Number of its prompt, from 0.
    """

    path: Path
    step: int | None
    prompt: int


def complete_files(folder: Path) -> Iterator[Path]:
    """The complete safetensors files of a folder, oldest first; those half-written are left."""
    found = [path for path in folder.glob("*.safetensors") if path.is_file()]
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns):
        try:
            read_header(path)  # its offsets end where the file ends, so nothing is missing
        except Corrupt:
            continue
        yield path


def complete_samples(folder: Path) -> Iterator[SamplePicture]:
    """The complete sample pictures below a folder, oldest first."""
    for path in sorted((folder / "sample").glob("*.png"), key=lambda path: path.stat().st_mtime_ns):
        name = _SAMPLE.search(path.name)
        if name and path.read_bytes().endswith(_PNG_END):
            step = int(name[2]) if name[2] else None
            yield SamplePicture(path=path, step=step, prompt=int(name[3]))


def place_of(path: Path, *, epoch: int, step: int) -> tuple[int, int]:
    """The epoch and the step of a file: as its header or name says, else as counted so far.

    Args:
        path: The file.
        epoch: Epochs begun, from 1.
        step: Steps done.
    """
    said = read_header(path).metadata
    by_epoch, by_step = _EPOCH.search(path.stem), _STEP.search(path.stem)
    epoch_said = said.get("ss_epoch") or (by_epoch[1] if by_epoch else "")
    step_said = said.get("ss_steps") or (by_step[1] if by_step else "")
    return (
        int(epoch_said) if epoch_said.isdecimal() else max(epoch, 1),
        int(step_said) if step_said.isdecimal() else max(step, 1),
    )


def adopt(path: Path, job: TrainingJob, kind: ArtifactKind) -> Path:
    """Move a complete file to the job's files, with what links it to its lineage in the header.

    The weights stay as they are. One tensor of a checkpoint is turned: what sd-scripts loaded
    from a diffusers folder it saves without the transposition that the single-file layout has.

    Args:
        path: The file, as the program wrote it.
        job: Receives it.
        kind: What it is.

    Returns:
        Where it lies now.
    """
    header = read_header(path)
    target = job.output_path / path.name
    turned = kind == ArtifactKind.CHECKPOINT and job.base.format == BaseFormat.DIFFUSERS
    replaced = {PROJECTION: _transposed(path, header)} if turned else {}
    copy_with_header(path, target, metadata=_metadata(path, header, job, kind), replaced=replaced)
    path.unlink()
    return target


def _metadata(path: Path, header: Header, job: TrainingJob, kind: ArtifactKind) -> dict[str, str]:
    metadata = dict(header.metadata) | lineage_metadata(
        run_key=job.run_key,
        dataset_ref=job.dataset_ref,
        dataset_sha256=job.dataset_sha256,
        base_ref=job.base.ref,
        base_sha256=job.base.sha256,
    )
    if kind != ArtifactKind.CHECKPOINT:
        metadata[MODEL_HASH] = auto_v3(path)
    if kind == ArtifactKind.EMBEDDING:
        metadata[TRIGGER] = job.output_name
    phrase = ", ".join(words_of(job, kind))
    return metadata | ({"modelspec.trigger_phrase": phrase} if phrase else {})


def words_of(job: TrainingJob, kind: ArtifactKind) -> list[str]:
    """What a prompt says to call up what was learned."""
    return [job.output_name] if kind == ArtifactKind.EMBEDDING else trigger_words(job.images)


def _transposed(path: Path, header: Header) -> bytes:
    tensor = header.tensors[PROJECTION]
    item = np.dtype(f"u{(tensor.end - tensor.begin) // (tensor.shape[0] * tensor.shape[1])}")
    matrix = np.frombuffer(tensor_bytes(path, PROJECTION), item).reshape(tensor.shape)
    return np.ascontiguousarray(matrix.T).tobytes()
