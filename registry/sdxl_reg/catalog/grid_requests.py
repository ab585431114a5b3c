"""What a user asks of a grid, and what it comes to: every default decided, every mistake told."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_artifact, find_version, version_ref, versions_of
from sdxl_reg.catalog.bases import find_base, resolution_of_version
from sdxl_reg.catalog.datasets import find_dataset_version
from sdxl_reg.catalog.datasets import version_ref as dataset_ref
from sdxl_reg.catalog.image_specs import image_specs
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.errors import Conflict, InvalidSettings, NotFound, UnknownName
from sdxl_reg.evaluation.plan import (
    DEFAULT_SEEDS,
    DEFAULT_STRENGTHS,
    default_prompts,
    scorer_name,
)
from sdxl_reg.jobs.spec import ImageSpec, SamplingSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Artifact, ArtifactVersion, DatasetVersion, LineageEvent
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.triggers import FILEWORDS
from sdxl_reg.vocabulary import ArtifactKind, Direction, Sampler

DEFAULT_BATCH_SIZE = 11


@dataclass(frozen=True, kw_only=True)
class GridRequest:
    """What a user asks for; what is None or empty is decided by `plan`.

    Attributes:
        artifact: `weipin-lora`, or one version of it: `weipin-lora@3`.
        versions: Numbers of the versions; by default those of the newest run.
        strengths: The columns.
        prompts: By default captions of the dataset, see `evaluation.plan.default_prompts`, said as
            in training: with its word, when it is an embedding.
        seeds: Of the noise.
        negative_prompt: What to lead away from.
        num_inference_steps: Of the sampler.
        guidance_scale: 1 or less draws without guidance.
        sampler: A1111's name, in any letter case.
        width: In pixels; by default the base's own.
        height: Likewise.
        base: See `bases.find_base`; by default what the versions were trained on.
        config_path: For a single-file base, the folder with its configuration.
        batch_size: Pictures drawn at once.
    """

    artifact: str
    versions: Sequence[int] = ()
    strengths: Sequence[float] = DEFAULT_STRENGTHS
    prompts: Sequence[str] = ()
    seeds: Sequence[int] = DEFAULT_SEEDS
    negative_prompt: str = ""
    num_inference_steps: int = 20
    guidance_scale: float = 5.0
    sampler: str = Sampler.EULER.value
    width: int | None = None
    height: int | None = None
    base: str = ""
    config_path: Path | None = None
    batch_size: int = DEFAULT_BATCH_SIZE


@dataclass(frozen=True, kw_only=True)
class ResolvedGrid:
    """A request with everything decided.

    Attributes:
        artifact: Whose versions are compared.
        versions: The rows.
        base: What they are drawn on.
        datasets: What they were trained on; prompts and references come from there.
        document: All of it as it is kept, with a `key` that hashes it.
    """

    artifact: Artifact
    versions: Sequence[ArtifactVersion]
    base: ArtifactVersion
    datasets: Sequence[DatasetVersion]
    document: dict[str, Any]


def resolve(session: Session, store: BlobStore, request: GridRequest) -> ResolvedGrid:
    """Decide what a request leaves open.

    Raises:
        NotFound: No such artifact, version or base; near names are given.
        Conflict: The artifact has no version to draw with, its versions were trained on several
            bases, or there are no captions to take prompts from.
        UnknownName: No such sampler.
        InvalidSettings: With every setting that is out of its range.
    """
    artifact, versions = _chosen_versions(session, request)
    base = _base_of(session, store, request, versions)
    datasets = _datasets_behind(session, versions)
    references = references_of(session, store, [dataset_ref(dataset) for dataset in datasets])
    document = {
        "base": version_ref(base),
        "versions": [version_ref(version) for version in versions],
        "strengths": list(dict.fromkeys(request.strengths)),
        "prompts": list(dict.fromkeys(request.prompts or _prompts_of(versions[-1], references))),
        "seeds": list(dict.fromkeys(request.seeds)),
        "sampling": _sampling(store, request, base).model_dump(mode="json"),
        "datasets": [dataset_ref(dataset) for dataset in datasets],
        "scorer": scorer_name(references) if references else "",
    }
    key = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return ResolvedGrid(
        artifact=artifact,
        versions=versions,
        base=base,
        datasets=datasets,
        document=document | {"key": key, "batch_size": request.batch_size},
    )


def references_of(session: Session, store: BlobStore, datasets: Sequence[str]) -> list[ImageSpec]:
    """The pictures of dataset versions, in their frozen order.

    Args:
        session: The transaction.
        store: Holds them.
        datasets: References such as `weipin@1`.
    """
    return [
        image
        for reference in datasets
        for image in image_specs(session, store, find_dataset_version(session, reference))
    ]


def _chosen_versions(
    session: Session, request: GridRequest
) -> tuple[Artifact, list[ArtifactVersion]]:
    wanted = parse_reference(request.artifact)
    artifact = find_artifact(session, wanted.name)
    ready = versions_of(session, artifact)
    if not ready:
        raise Conflict(f"{artifact.name!r} has no version yet", remedy="Train one: sdxl-reg train")
    if wanted.version is not None or wanted.alias is not None:
        chosen = [find_version(session, request.artifact)]
    elif request.versions:
        chosen = [_numbered(artifact, ready, number) for number in dict.fromkeys(request.versions)]
    else:
        chosen = [version for version in ready if version.run_id == ready[-1].run_id]
    for version in chosen:
        if version.trainer:
            find_trainer(version.trainer)  # said now, not after the first picture
        elif artifact.kind == ArtifactKind.CHECKPOINT:
            raise Conflict(
                f"{version_ref(version)} is a base: a grid compares what was made of one",
                remedy="Give what was trained on it, and the base with --base",
            )
        else:
            raise Conflict(
                f"no trainer is recorded that applies {version_ref(version)}",
                remedy="Import it again as what it is: sdxl-reg artifact import",
            )
    return artifact, chosen


def _numbered(artifact: Artifact, ready: Sequence[ArtifactVersion], number: int) -> ArtifactVersion:
    for version in ready:
        if version.version == number:
            return version
    numbers = ", ".join(str(version.version) for version in ready)
    raise NotFound("version", f"{artifact.name}@{number}", remedy=f"{artifact.name} has: {numbers}")


def _base_of(
    session: Session, store: BlobStore, request: GridRequest, versions: Sequence[ArtifactVersion]
) -> ArtifactVersion:
    if request.base:
        return find_base(session, store, request.base, config_path=request.config_path)
    bases = {version.base_version_id: version.base for version in versions}
    base = next(iter(bases.values()))
    if len(bases) > 1 or base is None:
        raise Conflict(
            "the versions do not share one recorded base",
            remedy="Say with --base what to draw on, or choose versions with --versions",
        )
    return base


def _datasets_behind(
    session: Session, versions: Sequence[ArtifactVersion]
) -> Sequence[DatasetVersion]:
    """The dataset versions that the runs of some versions took, oldest first."""
    return session.scalars(
        select(DatasetVersion)
        .join(LineageEvent, LineageEvent.node_id == DatasetVersion.node_id)
        .where(
            LineageEvent.run_id.in_({version.run_id for version in versions}),
            LineageEvent.direction == Direction.INPUT,
        )
        .distinct()
        .order_by(DatasetVersion.id)
    ).all()


def _prompts_of(version: ArtifactVersion, references: Sequence[ImageSpec]) -> list[str]:
    captions = default_prompts(references)
    if not captions:
        raise Conflict(
            f"no captions are recorded behind {version.artifact.name!r}",
            remedy="Say with --prompt what to draw",
        )
    template = _template_of(version)
    return [template.replace(FILEWORDS, caption) for caption in captions]


def _template_of(version: ArtifactVersion) -> str:
    """How a version wants captions said: with its word, when it is an embedding."""
    if said := version.details.get("prompt_template"):
        return str(said)
    if version.artifact.kind == ArtifactKind.EMBEDDING:
        return ", ".join([*version.details.get("trigger_words", ()), FILEWORDS])
    return FILEWORDS


def _sampling(store: BlobStore, request: GridRequest, base: ArtifactVersion) -> SamplingSpec:
    sampler = {name.value.casefold(): name for name in Sampler}.get(request.sampler.casefold())
    if sampler is None:
        raise UnknownName("sampler", request.sampler, [name.value for name in Sampler])
    native = resolution_of_version(store, base)
    sides = {"width": request.width or native, "height": request.height or native}
    faults = {
        name: f"give a multiple of 32 from 32 to {4 * native}, not {side} (the base's is {native})"
        for name, side in sides.items()
        if side < 32 or side % 32 or side > 4 * native
    }
    if request.batch_size < 1:
        faults["batch_size"] = f"give at least 1, not {request.batch_size}"
    if any(not 0 <= seed < 2**63 for seed in request.seeds):
        faults["seed"] = "give whole numbers from 0"
    try:
        sampling = SamplingSpec(
            **sides,
            num_inference_steps=request.num_inference_steps,
            guidance_scale=request.guidance_scale,
            negative_prompt=request.negative_prompt,
            sampler=sampler,
        )
    except ValidationError as error:
        faults |= {str(fault["loc"][0]): fault["msg"] for fault in error.errors()} | faults
    if faults:
        raise InvalidSettings("a grid", faults)
    return sampling
