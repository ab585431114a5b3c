"""The downstream check as a use case: what is compared, the run that does it, what it found."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sdxl_reg.catalog.datasets import find_dataset_version, freeze, version_ref
from sdxl_reg.catalog.image_specs import image_specs
from sdxl_reg.catalog.lineage import record_input
from sdxl_reg.catalog.references import MAIN, parse_reference
from sdxl_reg.catalog.runs import follow, new_run
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.evaluation.downstream.classes import (
    class_among,
    class_at,
    level_of,
    require_enough,
)
from sdxl_reg.evaluation.downstream.report import RESULT, Downstream
from sdxl_reg.evaluation.networks.names import SHIPPED, Networks, identity
from sdxl_reg.imaging.scan import scan
from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import run_job
from sdxl_reg.jobs.spec import DownstreamSpec, ImageSpec, write_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import DatasetVersion
from sdxl_reg.vocabulary import RunKind

DEFAULT_RATIOS = (0.5, 1.0, 2.0, 4.0)
DEFAULT_SPLITS = 3
DEFAULT_HELD_OUT = 0.3
FEWEST_SPLITS = 3

Listener = Callable[[events.Event], None]


@dataclass(frozen=True, kw_only=True)
class DownstreamRequest:
    """What a user asks for.

    Attributes:
        real: A dataset reference; without a version, the image set is frozen as it is now.
        synthetic: Likewise, or a folder of pictures whose folders are their tags: one with a `/`
            in its name.
        by: Level of the tags that is the class, its name or number from 1; empty stands for the
            deepest that varies.
        ratios: Synthetic pictures for each real one, in the mixes; each above 0.
        splits: How often the real pictures are split, ≥ 3.
        held_out: Share of the real pictures that is tested on, in (0, 1).
        image_network: Whose features the classifiers see; see `evaluation.networks.names`.
    """

    real: str
    synthetic: str
    by: str = ""
    ratios: Sequence[float] = DEFAULT_RATIOS
    splits: int = DEFAULT_SPLITS
    held_out: float = DEFAULT_HELD_OUT
    image_network: str = SHIPPED


@dataclass(frozen=True, kw_only=True)
class PlannedDownstream:
    """A check that is recorded and can start.

    Attributes:
        run_id: Its run.
        real: The frozen version, as users write it.
        synthetic: Likewise, or the folder.
        level: What the level of the classes is called.
        classes: Class → real and synthetic pictures.
        untagged: Real pictures without a tag, which are left out.
        skipped: Files of the folder that are no pictures.
        job_path: The job file.
    """

    run_id: int
    real: str
    synthetic: str
    level: str
    classes: dict[str, tuple[int, int]]
    untagged: int
    skipped: int
    job_path: Path


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Pictures, and where they come from."""

    title: str
    images: list[ImageSpec]
    version: DatasetVersion | None
    skipped: int = 0


def _project_of(source: _Source) -> str:
    return source.version.dataset.image_set.project if source.version else MAIN


def plan(
    engine: Engine, store: BlobStore, settings: Settings, request: DownstreamRequest
) -> PlannedDownstream:
    """Check everything, record the run with its inputs and write its job file.

    Raises:
        NotFound: No such dataset, image set, folder or network.
        InvalidValue: A number is out of its range, or the level is none.
        UnknownName: No level of that name.
        UsageError: There is one class only, or a class has too few real pictures.
        Conflict: Real and synthetic pictures are the same dataset version.
    """
    _check_numbers(request)
    identity(Networks(image=request.image_network).image)
    with transaction(engine) as session:
        real = _recorded(session, store, request.real)
        synthetic = _synthetic(session, store, request.synthetic)
        if real.title == synthetic.title:
            raise Conflict(
                f"{real.title} is given as the real and as the synthetic pictures",
                remedy="Give two datasets, or a folder of synthetic pictures",
            )
        names = _level_names(real)
        level = level_of([image.tags for image in real.images], request.by, names=names)
        classes = _classes(real.images, synthetic.images, level)
        require_enough({name: count for name, (count, _) in classes.items()})
        facts: dict[str, object] = {
            "real": real.title,
            "synthetic": synthetic.title,
            "level": level,
            "ratios": list(request.ratios),
            "seeds": list(range(1, request.splits + 1)),
            "held_out": request.held_out,
            "image_network": request.image_network,
        }
        title = f"evaluate downstream: {synthetic.title} for {real.title}"
        run = new_run(session, RunKind.DOWNSTREAM, title, facts, project=_project_of(real))
        for slot, source in (("real", real), ("synthetic", synthetic)):
            if source.version is not None:
                record_input(session, run.id, source.version.node_id, slot)
        job_path = settings.runs_path / str(run.id) / "job.json"
        spec = DownstreamSpec(
            run=run.id,
            real=real.images,
            synthetic=synthetic.images,
            level=level,
            held_out=request.held_out,
            ratios=sorted(set(request.ratios)),
            seeds=list(range(1, request.splits + 1)),
            image_network=request.image_network,
            cache_path=settings.cache_path,
        )
        job_path.parent.mkdir(parents=True, exist_ok=True)
        write_job(spec, job_path)
        return PlannedDownstream(
            run_id=run.id,
            real=real.title,
            synthetic=synthetic.title,
            level=names[level] if level < len(names) else f"level {level + 1}",
            classes=classes,
            untagged=sum(not image.tags for image in real.images),
            skipped=synthetic.skipped,
            job_path=job_path,
        )


def carry_out(engine: Engine, planned: PlannedDownstream, listen: Listener) -> Downstream:
    """Run a planned check to its end.

    Args:
        engine: The database.
        planned: What `plan` returned.
        listen: Called with every event of the job.

    Returns:
        What it found; it also stays in the run's folder.

    Raises:
        RunFailed: The job failed.
        KeyboardInterrupt: The user interrupted.
    """
    follow(engine, planned.run_id, run_job(planned.job_path.parent), listen)
    result = planned.job_path.parent / "files" / RESULT
    return Downstream.model_validate_json(result.read_bytes())


def _check_numbers(request: DownstreamRequest) -> None:
    if request.splits < FEWEST_SPLITS:
        raise InvalidValue(
            "too few splits to tell luck from gain",
            request.splits,
            remedy=f"Give at least {FEWEST_SPLITS}",
        )
    if not 0 < request.held_out < 1:
        raise InvalidValue(
            "not a share to hold out", request.held_out, remedy="Give one between 0 and 1: 0.3"
        )
    if not request.ratios or not all(0 < ratio <= 1000 for ratio in request.ratios):
        raise InvalidValue(
            "not ratios of synthetic to real pictures",
            ", ".join(f"{ratio:g}" for ratio in request.ratios) or "none",
            remedy="Give numbers above 0: 0.5, 1, 2",
        )


def _recorded(session: Session, store: BlobStore, reference: str) -> _Source:
    wanted = parse_reference(reference)
    if wanted.version is None and wanted.alias is None:
        version = freeze(session, store, wanted.name)
    else:
        version = find_dataset_version(session, reference)
    images = image_specs(session, store, version)
    return _Source(title=version_ref(version), images=images, version=version)


def _synthetic(session: Session, store: BlobStore, given: str) -> _Source:
    if "/" in given:
        return _folder(Path(given).expanduser().absolute())
    try:
        return _recorded(session, store, given)
    except NotFound as error:
        if not Path(given).is_dir():
            raise
        raise NotFound(error.noun, given, remedy=f"For the folder, write ./{given}") from None


def _folder(root: Path) -> _Source:
    """Pictures below a folder; the folders between are their tags."""
    if not root.is_dir():
        raise NotFound("folder of synthetic pictures", root)
    found = scan(root)
    if not found.pictures:
        raise NotFound("picture in the folder", root, remedy="Lay pictures out as TAG/TAG/x.png")
    images = [
        ImageSpec(
            path=picture.path,
            sha256=_sha256(picture.path),
            caption="",
            tags="/".join(picture.folders),
            name=picture.name,
        )
        for picture in found.pictures
    ]
    return _Source(title=str(root), images=images, version=None, skipped=len(found.problems))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _level_names(source: _Source) -> list[str]:
    layout = source.version.dataset.image_set.layout if source.version else ""
    return layout.split("/") if layout else []


def _classes(
    real: Sequence[ImageSpec], synthetic: Sequence[ImageSpec], level: int
) -> dict[str, tuple[int, int]]:
    of_real = Counter(class_at(image.tags, level) for image in real if image.tags)
    of_synthetic = Counter(class_among(image.tags, level, of_real) for image in synthetic)
    return {name: (of_real[name], of_synthetic[name]) for name in sorted(of_real)}
