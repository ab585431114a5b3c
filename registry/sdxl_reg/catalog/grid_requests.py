"""What a user asks of a grid, and what it comes to: every default decided, every mistake told."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import aliases_of, find_artifact, find_version, versions_of
from sdxl_reg.catalog.artifacts import version_ref as ref_of
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.datasets import find_dataset_version
from sdxl_reg.catalog.datasets import version_ref as dataset_ref
from sdxl_reg.catalog.image_specs import image_specs
from sdxl_reg.catalog.picture_requests import (
    Common,
    PictureRequest,
    common_picture,
    read_prompt,
    require_drawable,
    shared_base,
)
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.errors import Conflict, InvalidSettings, InvalidValue, NotFound
from sdxl_reg.evaluation.axes import (
    PROMPT,
    SEED,
    STRENGTH,
    VERSION,
    Axis,
    Fields,
    Value,
    axis_of,
    parse_axis,
    select_versions,
)
from sdxl_reg.evaluation.criteria import parse_gate, parse_weight
from sdxl_reg.evaluation.layout import Layout, Panel
from sdxl_reg.evaluation.networks.names import SHIPPED, identity
from sdxl_reg.evaluation.references import default_prompts, scorer_name
from sdxl_reg.formats.prompts import escaped
from sdxl_reg.jobs.pictures import LARGEST_SEED
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Artifact, ArtifactVersion, DatasetVersion, LineageEvent
from sdxl_reg.trainers.triggers import FILEWORDS
from sdxl_reg.vocabulary import ArtifactKind, Direction

DEFAULT_STRENGTHS = tuple(tenth / 10 for tenth in range(11))
DEFAULT_SEEDS = (1234,)
FULL_STRENGTH = 1.0


@dataclass(frozen=True, kw_only=True)
class GridRequest:
    """What a user asks for; what is None or empty is decided by `resolve`.

    Attributes:
        artifact: `weipin-lora`, or one version of it: `weipin-lora@3`.
        versions: See `evaluation.axes.select_versions`; by default those of the newest run.
        strengths: By default 0 to 1 in tenths as the columns, or the recommended one where the
            columns are something else.
        prompts: By default captions of the dataset, see `default_prompts`, said as in training:
            with its word, when it is an embedding.
        seeds: Of the noise.
        x: Columns, see `evaluation.axes.parse_axis`; by default the strengths.
        y: Rows; by default the versions.
        z: Pages; by default a single one.
        picture: How every picture is drawn.
        batch_size: Pictures drawn at once; by default what fits.
        weights: What the pick goes by, see `criteria.parse_weight`; by default fidelity alone.
        gates: What its pictures must be, see `criteria.parse_gate`; by default sound.
        image_network: What compares pictures, see `networks.names`.
        text_network: What compares pictures with words; empty: nothing does.
    """

    artifact: str
    versions: str = ""
    strengths: Sequence[float] = ()
    prompts: Sequence[str] = ()
    seeds: Sequence[int] = DEFAULT_SEEDS
    x: str = ""
    y: str = ""
    z: str = ""
    picture: PictureRequest = field(default_factory=PictureRequest)
    batch_size: int | None = None
    weights: Sequence[str] = ()
    gates: Sequence[str] | None = None
    image_network: str = SHIPPED
    text_network: str = ""


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
    axes = _axes(session, store, request, artifact, ready)
    versions = _compared(session, axes, request, artifact, ready)
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


def _axes(
    session: Session,
    store: BlobStore,
    request: GridRequest,
    artifact: Artifact,
    ready: Sequence[ArtifactVersion],
) -> tuple[Axis, Axis, Axis | None]:
    """Columns, rows and pages; by default strengths and versions, where no axis has them."""
    known = Fields(
        versions=[version.version for version in ready],
        version=lambda number: _version_value(_numbered(artifact, ready, number)),
        base=lambda word: ref_of(find_base(session, store, word)),
    )
    given = [
        _with_prompts_read(session, parse_axis(text, known), artifact) if text else None
        for text in (request.x, request.y, request.z)
    ]
    taken = [axis.field for axis in given if axis]
    if len(set(taken)) < len(taken):
        raise InvalidValue("an axis twice", ", ".join(taken), remedy="Give each field once")
    x, y, z = given
    x = x or _default_axis(STRENGTH, request, taken, artifact, ready)
    taken = [axis.field for axis in (x, y, z) if axis]
    y = y or _default_axis(VERSION, request, taken, artifact, ready)
    _require_free(request, [axis.field for axis in (x, y, z) if axis])
    return x, y, z


def _default_axis(
    wanted: str,
    request: GridRequest,
    taken: Sequence[str],
    artifact: Artifact,
    ready: Sequence[ArtifactVersion],
) -> Axis:
    """Strengths as columns, versions as rows; where another axis has these, the other of both."""
    if wanted in taken:
        wanted = VERSION if wanted == STRENGTH else STRENGTH
    if wanted == STRENGTH and STRENGTH not in taken:
        strengths = list(dict.fromkeys(request.strengths)) or list(DEFAULT_STRENGTHS)
        return axis_of(STRENGTH, strengths, lambda value: f"{value:g}")
    if VERSION not in taken:
        chosen = _chosen_versions(request, artifact, ready)
        return Axis(field=VERSION, values=[_version_value(version) for version in chosen])
    return axis_of(SEED, list(dict.fromkeys(request.seeds)))


def _require_free(request: GridRequest, taken: Sequence[str]) -> None:
    """Refuse an option that an axis makes meaningless."""
    said = {
        "--prompt": (PROMPT, request.prompts),
        "--strengths": (STRENGTH, request.strengths and (request.x or request.y or request.z)),
    }
    texts = (request.x, request.y, request.z)
    own = [text.partition("=")[0].strip().casefold() for text in texts if text]
    for option, (name, value) in said.items():
        if value and name in taken and {name, f"{name}s"} & set(own):
            raise InvalidValue(
                f"{option} beside an axis of it", name, remedy="Give its values once"
            )


def _chosen_versions(
    request: GridRequest, artifact: Artifact, ready: Sequence[ArtifactVersion]
) -> list[ArtifactVersion]:
    wanted = parse_reference(request.artifact)
    if wanted.version is not None:
        return [_numbered(artifact, ready, wanted.version)]
    if request.versions:
        numbers = select_versions(request.versions, [version.version for version in ready])
        return [_numbered(artifact, ready, number) for number in numbers]
    return [version for version in ready if version.run_id == ready[-1].run_id]


def _compared(
    session: Session,
    axes: Sequence[Axis | None],
    request: GridRequest,
    artifact: Artifact,
    ready: Sequence[ArtifactVersion],
) -> list[ArtifactVersion]:
    """The versions of the grid: those of its axis, or the one that was named."""
    refs = [
        value.changes[VERSION]
        for axis in axes
        if axis and axis.field == VERSION
        for value in axis.values
    ]
    wanted = parse_reference(request.artifact)
    if not refs and request.versions:
        chosen = _chosen_versions(request, artifact, ready)
        if len(chosen) > 1:
            raise InvalidValue(
                "several versions, and no axis for them",
                request.versions,
                remedy="Add --z version=all, or name one version",
            )
        refs = [ref_of(version) for version in chosen]
    if not refs:
        named = wanted.version is not None or wanted.alias is not None
        refs = [ref_of(find_version(session, request.artifact) if named else ready[-1])]
    return [require_drawable(find_version(session, ref)) for ref in refs]


def _numbered(artifact: Artifact, ready: Sequence[ArtifactVersion], number: int) -> ArtifactVersion:
    for version in ready:
        if version.version == number:
            return require_drawable(version)
    numbers = ", ".join(str(version.version) for version in ready)
    raise NotFound("version", f"{artifact.name}@{number}", remedy=f"{artifact.name} has: {numbers}")


def _version_value(version: ArtifactVersion) -> Value:
    notes = []
    if version.epoch is not None:
        notes.append(f"epoch {version.epoch}, step {version.step}")
    if version.loss is not None:
        notes.append(f"loss {version.loss:.4f}")
    changes = {VERSION: ref_of(version)}
    return Value(label=f"@{version.version}", changes=changes, notes=tuple(notes))


def _with_prompts_read(session: Session, axis: Axis, artifact: Artifact) -> Axis:
    """An axis of prompts with their tags and words looked up."""
    if axis.field != PROMPT:
        return axis
    values = [
        replace(value, changes=_prompt_changes(session, value.changes["prompt"], artifact))
        for value in axis.values
    ]
    return replace(axis, values=values)


def _prompt_changes(session: Session, text: str, artifact: Artifact) -> dict[str, Any]:
    prompt = read_prompt(session, text, besides=artifact)
    return {"prompt": prompt.text, "adapters": [use.model_dump() for use in prompt.adapters]}


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
