"""Training as a use case: freeze the dataset, run the trainer, keep what it makes."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import present_viewer, shown_to
from sdxl_reg.catalog.artifacts import find_version, usable_name, weights_of
from sdxl_reg.catalog.bases import find_base, lay_out, resolution_of_version
from sdxl_reg.catalog.crops import background_of
from sdxl_reg.catalog.datasets import find_dataset_version, freeze, version_ref
from sdxl_reg.catalog.image_specs import image_specs
from sdxl_reg.catalog.lineage import record_input
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.catalog.runs import find_run, follow, mark_lost, new_run, requeue
from sdxl_reg.catalog.splits import TRAIN, VALIDATION
from sdxl_reg.catalog.training_results import Keeper
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.imaging.backgrounds import WHITE
from sdxl_reg.imaging.names import name_key
from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import Starter, fresh_process, run_job
from sdxl_reg.jobs.lock import alone_in
from sdxl_reg.jobs.spec import TrainSpec, read_job, write_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Artifact, ArtifactVersion, DatasetVersion, Run
from sdxl_reg.trainers.config import SMALL_BASE, TrainerConfig, parsed, with_small_base_defaults
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.interface import Trainer
from sdxl_reg.vocabulary import ArtifactKind, Role, RunKind, RunState

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
        start: A version whose weights are trained further, such as `weipin-lora@2`.
        class_dataset: Pictures of the class at large, for prior preservation; as `dataset`.
        mask_dataset: Masks of the pictures, under the same paths; as `dataset`.
        source: Another program's configuration that the settings came from, kept with the run.
    """

    trainer: str
    dataset: str
    base: str = "micro"
    config_path: Path | None = None
    settings: dict[str, Any]
    name: str = ""
    start: str = ""
    class_dataset: str = ""
    mask_dataset: str = ""
    source: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PlannedTraining:
    """A run that is recorded and can start.

    Attributes:
        run_id: Its number.
        dataset: The frozen version, as users write it.
        artifact: Name of what it makes.
        kind: Of what it makes.
        base: The base version, as users write it.
        image_count: Pictures of the dataset that are trained.
        job_path: The job file.
        base_version_id: Row of the base.
        trainer: Name of the trainer.
        small_base_defaults: Settings that were chosen because the base is small.
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
    small_base_defaults: dict[str, Any]


def plan(
    engine: Engine, store: BlobStore, settings: Settings, request: TrainingRequest
) -> PlannedTraining:
    """Check everything, freeze the dataset, record the run with its inputs, write its job file.

    Raises:
        UnknownName: No such trainer.
        InvalidSettings: With every fault of the settings.
        NotFound: No such image set, dataset version or base.
        Conflict: The artifact's name is taken by another kind or project, or the dataset is empty.
        UsageError: The base is not SDXL.
        NotAllowed: The artifact belongs to a project in which the viewer is no trainer.
    """
    trainer = find_trainer(request.trainer)
    parsed(trainer.config, request.settings, trainer=trainer.name)  # before anything is touched
    with transaction(engine) as session:
        base = find_base(session, store, request.base, config_path=request.config_path)
        native = resolution_of_version(store, base)
        dataset = _frozen(session, store, request.dataset)
        said = _background(store, dataset, trainer) | request.settings
        values = _settings(trainer, said, native)
        config = parsed(trainer.config, values, trainer=trainer.name)
        classes = _frozen(session, store, request.class_dataset) if request.class_dataset else None
        masks = _frozen(session, store, request.mask_dataset) if request.mask_dataset else None
        start = _start(session, trainer, request.start) if request.start else None
        wanted = request.name or f"{dataset.dataset.name}-{trainer.name}"
        project = dataset.dataset.image_set.project
        artifact = usable_name(session, wanted, trainer.kind)  # made with its first version
        _require_trainer_of(session, artifact, project)
        inputs = {"base": base, "dataset": dataset, "class_dataset": classes}
        inputs |= {"mask_dataset": masks, "start": start}
        title = f"train {trainer.name} on {version_ref(dataset)}"
        run = _recorded_run(
            session, trainer, config, inputs, artifact=artifact, title=title, project=project
        )
        if request.source:
            run.spec = run.spec | {"source": request.source}
        job_path = settings.runs_path / str(run.id) / "job.json"
        spec = TrainSpec(
            run=run.id,
            run_key=run.spec["key"],
            trainer=trainer.name,
            config=config.model_dump(mode="json"),
            base=lay_out(store, base, job_path.parent / "base"),
            images=image_specs(session, store, dataset, masks=masks, split=TRAIN),
            validation_images=image_specs(session, store, dataset, split=VALIDATION),
            class_images=image_specs(session, store, classes) if classes else [],
            dataset_ref=version_ref(dataset),
            dataset_sha256=dataset.digest,
            output_name=artifact,
            start_path=store.path(weights_of(start).blob.sha256) if start else None,
            cache_path=settings.cache_path,
        )
        write_job(spec, job_path)
        return PlannedTraining(
            run_id=run.id,
            dataset=version_ref(dataset),
            artifact=artifact,
            kind=trainer.kind,
            base=spec.base.ref,
            image_count=len(spec.images),
            job_path=job_path,
            base_version_id=base.id,
            trainer=trainer.name,
            small_base_defaults={k: v for k, v in values.items() if k not in said},
        )


def planned_again(engine: Engine, settings: Settings, run_id: int) -> PlannedTraining:
    """A training that was stopped, as it was planned.

    Raises:
        NotFound: No such run, or its job file is not on this machine.
        Conflict: It is no training, is still at work, or has done all it had to.
    """
    job_path = settings.runs_path / str(run_id) / "job.json"
    with transaction(engine) as session:
        mark_lost(session)
        run = find_run(session, run_id)
        _require_stopped(run)
        if not job_path.is_file():
            raise NotFound("job file", job_path, remedy="Resume it on the machine that it ran on")
        spec = read_job(job_path)
        if not isinstance(spec, TrainSpec):
            raise Conflict(
                f"run {run_id} trains nothing",
                remedy=f"The same command goes on with it: sdxl-reg {run.title.partition(':')[0]}",
            )
        base = find_version(session, spec.base.ref)
        requeue(session, run)
        return PlannedTraining(
            run_id=run_id,
            dataset=spec.dataset_ref,
            artifact=spec.output_name,
            kind=find_trainer(spec.trainer).kind,
            base=spec.base.ref,
            image_count=len(spec.images),
            job_path=job_path,
            base_version_id=base.id,
            trainer=spec.trainer,
            small_base_defaults={},
        )


def carry_out(
    engine: Engine,
    store: BlobStore,
    planned: PlannedTraining,
    listen: Listener,
    *,
    stop: threading.Event | None = None,
    start: Starter = fresh_process,
) -> list[int]:
    """Run a planned training to its end; every version is recorded as it is finished.

    Args:
        engine: The database.
        store: Receives the files.
        planned: What `plan` returned.
        listen: Called with every event of the job.
        stop: Set by another thread, it interrupts as a user would.
        start: Starts the process of the job.

    Returns:
        Ids of the versions it made, oldest first.

    Raises:
        RunFailed: The job failed; what was finished before stays.
        KeyboardInterrupt: The user interrupted; likewise.
    """
    keep = Keeper(engine, store, planned)
    with alone_in(planned.job_path.parent):  # a worker that lost its parent is gone soon
        made = keep.what_was_left(planned.job_path.parent)

    def handle(event: events.Event) -> None:
        made.extend(keep.heard(event))
        listen(event)

    follow(engine, planned.run_id, run_job(planned.job_path.parent, stop=stop, start=start), handle)
    return list(dict.fromkeys(made))


def _frozen(session: Session, store: BlobStore, reference: str) -> DatasetVersion:
    wanted = parse_reference(reference)
    if wanted.version is not None or wanted.alias is not None:
        return find_dataset_version(session, reference)
    return freeze(session, store, wanted.name)


def _settings(trainer: Trainer, said: dict[str, Any], native: int) -> dict[str, Any]:
    return with_small_base_defaults(trainer.config, said) if native < SMALL_BASE else said


def _background(store: BlobStore, dataset: DatasetVersion, trainer: Trainer) -> dict[str, Any]:
    """What is behind transparency, as the dataset says it; nothing where that is the default."""
    background = background_of(store, dataset)
    if background == WHITE or "alpha_background" not in trainer.config.model_fields:
        return {}
    return {"alpha_background": background}


def _start(session: Session, trainer: Trainer, reference: str) -> ArtifactVersion:
    version = find_version(session, reference)
    if version.artifact.kind != trainer.kind:
        raise InvalidValue(
            f"not a {trainer.kind} to start from",
            f"{reference} ({version.artifact.kind})",
            remedy="Give a version of the same kind",
        )
    return version


def _require_trainer_of(session: Session, name: str, project: str) -> None:
    """Refuse to add versions to an artifact of a project in which the viewer may not train.

    Args:
        session: The transaction.
        name: Of the artifact, which need not exist.
        project: In which they may, as was made sure before.

    Raises:
        Conflict: The name is taken by what they do not see.
    """
    viewer = present_viewer()
    if viewer is None:
        return
    with shown_to(None):
        query = select(Artifact.project).where(Artifact.name_key == name_key(name))
        found = session.scalar(query)
    if found is None or found == project:
        return
    if viewer.role_in(found) is None:
        raise Conflict(f"the name {name!r} is taken", remedy="Choose another name")
    viewer.require(Role.TRAINER, found)


def _require_stopped(run: Run) -> None:
    if run.state == RunState.SUCCEEDED:
        raise Conflict(
            f"run {run.id} has done all it had to",
            remedy="Train longer with a run of its own: sdxl-reg train … --start NAME@VERSION",
        )
    if not run.state.is_final and run.state != RunState.QUEUED:
        raise Conflict(f"run {run.id} is still at work", remedy="See: sdxl-reg runs")


def _recorded_run(
    session: Session,
    trainer: Trainer,
    config: TrainerConfig,
    inputs: Mapping[str, ArtifactVersion | DatasetVersion | None],
    *,
    artifact: str,
    title: str,
    project: str,
) -> Run:
    given = {slot: version for slot, version in inputs.items() if version is not None}
    determines: dict[str, object] = {
        "trainer": trainer.name,
        "config": config.model_dump(mode="json"),
        **{slot: version.digest for slot, version in given.items()},
        "artifact": artifact,
        "packages": {"sdxl-reg": package_version("sdxl-reg")},
    }
    key = sha256(json.dumps(determines, sort_keys=True).encode()).hexdigest()
    run = new_run(
        session,
        RunKind.TRAIN,
        title,
        determines | {"key": key},
        project=project,
        trainer=trainer.name,
    )
    for slot, version in given.items():
        record_input(session, run.id, version.node_id, slot)
    return run
