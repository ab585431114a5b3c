"""Training as a use case: freeze the dataset, run the trainer, keep what it makes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact, usable_name
from sdxl_reg.catalog.bases import find_base, lay_out, resolution_of
from sdxl_reg.catalog.datasets import entries_of, find_dataset_version, freeze, version_ref
from sdxl_reg.catalog.lineage import record_input
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.catalog.runs import follow, new_run
from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.hashes import short_hashes
from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import run_job
from sdxl_reg.jobs.spec import ImageSpec, TrainSpec, write_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import ArtifactVersion, DatasetVersion, Run
from sdxl_reg.trainers.config import TrainerConfig, parsed
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.interface import Trainer
from sdxl_reg.vocabulary import ArtifactKind, RunKind

Listener = Callable[[events.Event], None]


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """What a user asks for.

    Attributes:
        trainer: Name of the trainer: `lora`.
        dataset: A dataset reference; without a version, the image set is frozen as it is now.
        base: What to train on; see `bases.find_base`.
        config_path: For a single-file base, the folder with its configuration.
        settings: The trainer's settings, by name.
        name: Of the artifact; by default `<dataset>-<trainer>`.
    """

    trainer: str
    dataset: str
    base: str = "micro"
    config_path: Path | None = None
    settings: dict[str, Any]
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedTraining:
    """A run that is recorded and can start.

    Attributes:
        run_id: Its number.
        dataset: The frozen version, as users write it.
        artifact: Name of what it makes.
        kind: Of what it makes.
        base: The base version, as users write it.
        image_count: Pictures of the dataset.
        job_path: The job file.
        base_version_id: Row of the base.
        trainer: Name of the trainer.
    """

    run_id: int
    dataset: str
    artifact: str
    kind: ArtifactKind
    base: str
    image_count: int
    job_path: Path
    base_version_id: int
    trainer: str


def plan(
    engine: Engine, store: BlobStore, settings: Settings, request: TrainingRequest
) -> PlannedTraining:
    """Check everything, freeze the dataset, record the run with its inputs, write its job file.

    Raises:
        UnknownName: No such trainer.
        InvalidSettings: With every fault of the settings.
        NotFound: No such image set, dataset version or base.
        Conflict: The artifact's name is taken by another kind, or the dataset is empty.
        UsageError: The base is not SDXL.
    """
    trainer = find_trainer(request.trainer)
    config = parsed(trainer.config, request.settings, trainer=trainer.name)
    with transaction(engine) as session:
        base = find_base(session, store, request.base, config_path=request.config_path)
        dataset = _frozen(session, store, request.dataset)
        wanted = request.name or f"{dataset.dataset.name}-{trainer.name}"
        artifact = usable_name(session, wanted, trainer.kind)  # made with its first version
        run = _recorded_run(session, trainer, config, base, dataset)
        job_path = settings.runs_path / str(run.id) / "job.json"
        base_spec = lay_out(store, base, job_path.parent / "base")
        _check_resolution(config, resolution_of(base_spec))
        spec = TrainSpec(
            run=run.id,
            run_key=run.spec["key"],
            trainer=trainer.name,
            config=config.model_dump(mode="json"),
            base=base_spec,
            images=_images(session, store, dataset),
            dataset_ref=version_ref(dataset),
            dataset_sha256=dataset.digest,
            output_name=artifact,
        )
        write_job(spec, job_path)
        return PlannedTraining(
            run_id=run.id,
            dataset=version_ref(dataset),
            artifact=artifact,
            kind=trainer.kind,
            base=base_spec.ref,
            image_count=dataset.image_count,
            job_path=job_path,
            base_version_id=base.id,
            trainer=trainer.name,
        )


def carry_out(
    engine: Engine, store: BlobStore, planned: PlannedTraining, listen: Listener
) -> list[int]:
    """Run a planned training to its end; every version is recorded as it is finished.

    Args:
        engine: The database.
        store: Receives the files.
        planned: What `plan` returned.
        listen: Called with every event of the job.

    Returns:
        Ids of the versions it made, oldest first.

    Raises:
        RunFailed: The job failed; what was finished before stays.
        KeyboardInterrupt: The user interrupted; likewise.
    """
    made: list[int] = []

    def handle(event: events.Event) -> None:
        if isinstance(event, events.Version):
            made.append(_keep(engine, store, planned, event))
        listen(event)

    follow(engine, planned.run_id, run_job(planned.job_path.parent), handle)
    return made


def _keep(engine: Engine, store: BlobStore, planned: PlannedTraining, event: events.Version) -> int:
    stored = store.put_file(event.path)
    new = NewVersion(
        files={event.path.name: stored},
        run_id=planned.run_id,
        base_version_id=planned.base_version_id,
        trainer=planned.trainer,
        epoch=event.epoch,
        step=event.step,
        loss=event.loss,
        hashes=short_hashes(event.path, stored.sha256),
        details=event.details,
    )
    with transaction(engine) as session:
        artifact = ensure_artifact(session, planned.artifact, planned.kind)
        version = add_version(session, artifact, new)
        version_id = version.id
    event.path.unlink()
    return version_id


def _frozen(session: Session, store: BlobStore, reference: str) -> DatasetVersion:
    wanted = parse_reference(reference)
    if wanted.version is not None or wanted.alias is not None:
        return find_dataset_version(session, reference)
    return freeze(session, store, wanted.name)


def _recorded_run(
    session: Session,
    trainer: Trainer,
    config: TrainerConfig,
    base: ArtifactVersion,
    dataset: DatasetVersion,
) -> Run:
    determines: dict[str, object] = {
        "trainer": trainer.name,
        "config": config.model_dump(mode="json"),
        "base": base.digest,
        "dataset": dataset.digest,
        "packages": {"sdxl-reg": package_version("sdxl-reg")},
    }
    key = sha256(json.dumps(determines, sort_keys=True).encode()).hexdigest()
    title = f"train {trainer.name} on {version_ref(dataset)}"
    spec = determines | {"key": key}
    run = new_run(session, RunKind.TRAIN, title, spec, trainer=trainer.name)
    record_input(session, run.id, base.node_id, "base")
    record_input(session, run.id, dataset.node_id, "dataset")
    return run


def _images(session: Session, store: BlobStore, dataset: DatasetVersion) -> list[ImageSpec]:
    return [
        ImageSpec(
            path=store.path(entry.image.blob.sha256),
            sha256=entry.image.blob.sha256,
            caption=entry.caption,
            tags=entry.tag_path,
            repeats=entry.repeats,
        )
        for entry in entries_of(session, dataset)
    ]


def _check_resolution(config: TrainerConfig, native: int) -> None:
    """Refuse a size far beyond the base's own before any work is done."""
    if config.resolution is not None and config.resolution > 4 * native:
        raise InvalidValue(
            "resolution",
            config.resolution,
            remedy=f"The base was made for {native}; up to {4 * native} can be trained",
        )
