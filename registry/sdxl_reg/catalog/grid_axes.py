"""The axes that a user asks a grid to have, and those it has by default."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_version
from sdxl_reg.catalog.artifacts import version_ref as ref_of
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.picture_requests import PictureRequest, read_prompt, require_drawable
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.errors import InvalidValue, NotFound
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
from sdxl_reg.evaluation.networks.names import SHIPPED
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Artifact, ArtifactVersion

DEFAULT_STRENGTHS = tuple(tenth / 10 for tenth in range(11))
DEFAULT_SEEDS = (1234,)


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


def grid_axes(
    session: Session,
    store: BlobStore,
    request: GridRequest,
    artifact: Artifact,
    ready: Sequence[ArtifactVersion],
) -> tuple[Axis, Axis, Axis | None]:
    """Columns, rows and pages; by default strengths and versions, where no axis has them.

    Args:
        session: The transaction.
        store: Receives a base that is not yet known.
        request: Says axes, or leaves them open.
        artifact: What is compared.
        ready: Its versions, oldest first.

    Raises:
        NotFound: No such version, base, or adapter in a prompt.
        Conflict: A version cannot take part in a picture.
        UnknownName: No such axis or sampler.
        InvalidValue: An axis is no list of values of its field, or stands twice.
    """
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


def compared_versions(
    session: Session,
    axes: Sequence[Axis | None],
    request: GridRequest,
    artifact: Artifact,
    ready: Sequence[ArtifactVersion],
) -> list[ArtifactVersion]:
    """The versions of the grid: those of its axis, or the one that was named.

    Args:
        session: The transaction.
        axes: From `grid_axes`.
        request: Names a version, or leaves it open.
        artifact: What is compared.
        ready: Its versions, oldest first.

    Raises:
        NotFound: No such version.
        Conflict: A version cannot take part in a picture.
        InvalidValue: Several are named, and no axis is for them.
    """
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
