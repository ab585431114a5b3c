"""What a user asks of a grid, and what it comes to: every default decided, every mistake told."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import aliases_of, find_artifact, versions_of
from sdxl_reg.catalog.artifacts import version_ref as ref_of
from sdxl_reg.catalog.datasets import find_dataset_version
from sdxl_reg.catalog.datasets import version_ref as dataset_ref
from sdxl_reg.catalog.grid_axes import GridRequest, compared_versions, grid_axes
from sdxl_reg.catalog.image_specs import image_specs
from sdxl_reg.catalog.picture_requests import (
    Common,
    common_picture,
    read_prompt,
    shared_base,
)
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.errors import Conflict, InvalidSettings
from sdxl_reg.evaluation.axes import (
    PROMPT,
    SEED,
    Axis,
)
from sdxl_reg.evaluation.criteria import parse_gate, parse_weight
from sdxl_reg.evaluation.layout import Layout, Panel
from sdxl_reg.evaluation.networks.names import identity
from sdxl_reg.evaluation.references import default_prompts, scorer_name
from sdxl_reg.formats.prompts import escaped
from sdxl_reg.jobs.pictures import LARGEST_SEED
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Artifact, ArtifactVersion, DatasetVersion, LineageEvent
from sdxl_reg.trainers.triggers import FILEWORDS
from sdxl_reg.vocabulary import ArtifactKind, Direction

FULL_STRENGTH = 1.0


@dataclass(frozen=True, kw_only=True)
class ResolvedGrid:
    """A request with everything decided.

    Attributes:
        artifact: Whose versions are compared.
        versions: Those that are compared, oldest first.
        layout: Axes, panels, and what all pictures share.
        datasets: What the versions were trained on; prompts and references come from there.
        document: All of it as it is kept, with a `key` that hashes it.
    """

    artifact: Artifact
    versions: Sequence[ArtifactVersion]
    layout: Layout
    datasets: Sequence[DatasetVersion]
    document: dict[str, Any]


def resolve(session: Session, store: BlobStore, request: GridRequest) -> ResolvedGrid:
    """Decide what a request leaves open.

    Raises:
        NotFound: No such artifact, version, adapter or base; near names are given.
        Conflict: The artifact has no version to draw with, its versions were trained on several
            bases, or there are no captions to take prompts from.
        UnknownName: No such axis or sampler.
        InvalidValue: An axis is no list of values of its field.
        InvalidSettings: With every setting that is out of its range.
    """
    artifact, ready = _ready_versions(session, request)
    axes = grid_axes(session, store, request, artifact, ready)
    versions = compared_versions(session, axes, request, artifact, ready)
    base = shared_base(session, store, request.picture, [ref_of(version) for version in versions])
    common = common_picture(session, store, request.picture, base)
    datasets = _datasets_behind(session, versions)
    references = references_of(session, store, [dataset_ref(dataset) for dataset in datasets])
    layout = Layout(
        common=common.picture,
        panels=_panels(session, request, axes, artifact, versions[-1], references),
        x=axes[0],
        y=axes[1],
        z=axes[2],
        version=ref_of(versions[-1]),
        strength=_fixed_strength(session, request, versions[-1]),
    )
    return ResolvedGrid(
        artifact=artifact,
        versions=versions,
        layout=layout,
        datasets=datasets,
        document=_keyed(
            _document(layout, common, versions, datasets) | _judged(request, references)
        ),
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


def _ready_versions(
    session: Session, request: GridRequest
) -> tuple[Artifact, Sequence[ArtifactVersion]]:
    artifact = find_artifact(session, parse_reference(request.artifact).name)
    ready = versions_of(session, artifact)
    if not ready:
        raise Conflict(f"{artifact.name!r} has no version yet", remedy="Train one: sdxl-reg train")
    return artifact, ready


def _panels(
    session: Session,
    request: GridRequest,
    axes: Sequence[Axis | None],
    artifact: Artifact,
    version: ArtifactVersion,
    references: Sequence[ImageSpec],
) -> list[Panel]:
    """Prompts × seeds, without those that an axis has."""
    fields = [axis.field for axis in axes if axis]
    said = list(dict.fromkeys(request.prompts))
    if not said:
        said = [""] if PROMPT in fields else _prompts_of(version, references)
    seeds = list(dict.fromkeys(request.seeds))
    if any(not 0 <= seed <= LARGEST_SEED for seed in seeds):
        raise InvalidSettings("a grid", {"seed": "give whole numbers from 0"})
    prompts = [read_prompt(session, text, besides=artifact) for text in said]
    return [
        Panel(prompt=prompt.text, seed=seed, adapters=prompt.adapters)
        for prompt in prompts
        for seed in (seeds[:1] if SEED in fields else seeds)
    ]


def _fixed_strength(session: Session, request: GridRequest, version: ArtifactVersion) -> float:
    """Of the compared version, where no axis says it."""
    if len(request.strengths) == 1:
        return request.strengths[0]
    for alias in aliases_of(session, version.artifact):
        if alias.version_id == version.id and alias.strength is not None:
            return alias.strength
    return FULL_STRENGTH


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
    return [template.replace(FILEWORDS, escaped(caption)) for caption in captions]


def _template_of(version: ArtifactVersion) -> str:
    """How a version wants captions said: with its word, when it is an embedding."""
    if said := version.details.get("prompt_template"):
        return str(said)
    if version.artifact.kind == ArtifactKind.EMBEDDING:
        return ", ".join([*version.details.get("trigger_words", ()), FILEWORDS])
    return FILEWORDS


def _document(
    layout: Layout,
    common: Common,
    versions: Sequence[ArtifactVersion],
    datasets: Sequence[DatasetVersion],
) -> dict[str, Any]:
    """A grid as it is kept."""
    return layout.as_document() | {
        "names": dict(common.names),
        "versions": [ref_of(version) for version in versions],
        "datasets": [dataset_ref(dataset) for dataset in datasets],
    }


def _judged(request: GridRequest, references: Sequence[ImageSpec]) -> dict[str, Any]:
    """What scores the pictures, and what the pick goes by."""
    for text in request.weights:
        parse_weight(text)  # said now, not after the last picture
    for text in request.gates or ():
        parse_gate(text)
    criteria: dict[str, Any] = {"weights": list(request.weights)}
    if request.gates is not None:
        criteria["gates"] = list(request.gates)
    scorer = scorer_name(references, network=identity(request.image_network)) if references else ""
    return {
        "criteria": criteria,
        "networks": {"image_network": request.image_network, "text_network": request.text_network},
        "scorer": scorer,
    }


def _keyed(document: dict[str, Any]) -> dict[str, Any]:
    key = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return document | {"key": key}
