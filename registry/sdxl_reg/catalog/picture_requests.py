"""What a user asks of a picture, and what it comes to: names resolved, every mistake told."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import is_blob_visible
from sdxl_reg.catalog.artifacts import find_version, version_ref, weights_of
from sdxl_reg.catalog.bases import (
    MICRO,
    find_base,
    find_refiner,
    resolution_of_version,
    widths_of_version,
)
from sdxl_reg.catalog.blobs import recorded
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.errors import Conflict, InvalidSettings, InvalidValue, NotFound
from sdxl_reg.formats.prompts import AdapterTag, split_tags
from sdxl_reg.formats.sampler_names import parse_sampler_name
from sdxl_reg.imaging.decode import upright_size
from sdxl_reg.imaging.names import name_key
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Artifact, ArtifactFile, ArtifactVersion, Blob
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.vocabulary import ArtifactKind, Schedule

SIDE_STEP = 32
LARGEST_FACTOR = 4
"""Times the base's own side that a picture may have."""


@dataclass(frozen=True, kw_only=True)
class PictureRequest:
    """What a user asks for.

    Attributes:
        base: See `bases.find_base`; empty: what the adapters were trained on, or else the micro
            base.
        config_path: For a single-file base, the folder with its configuration.
        refiner: A checkpoint that ends the pictures; empty: none.
        vae: A file with another VAE.
        init_image: A picture to start from: a file, or the SHA-256 of a recorded one.
        mask: What of it is drawn anew: likewise.
        settings: Fields of `PictureSpec` by name; the rest is at its default.
    """

    base: str = ""
    config_path: Path | None = None
    refiner: str = ""
    vae: Path | None = None
    init_image: str = ""
    mask: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A prompt as the encoders read it, and what it calls up."""

    text: str
    adapters: tuple[AdapterUse, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Common:
    """What the pictures of a request share.

    Attributes:
        picture: Without prompt, seed and adapters.
        names: SHA-256 → name, of the files that are no artifacts.
    """

    picture: PictureSpec
    names: Mapping[str, str]


def read_prompt(session: Session, text: str, *, besides: Artifact | None = None) -> Prompt:
    """A prompt with its tags and embedding words looked up in the registry.

    Args:
        session: The transaction.
        text: `<lora:name@3:0.8>`, `<hypernet:name:1>` and names of embeddings among its words.
        besides: An artifact whose name is a word like any other here: the one that is compared.

    Raises:
        NotFound: An adapter is not recorded; near names are given.
        InvalidValue: A tag is malformed, or names something of another kind.
    """
    plain, tags = split_tags(text)
    uses = [_tagged(session, tag) for tag in tags]
    words, found = _embeddings_in(session, plain, besides)
    text = re.sub(r" +(?=,|$)", "", words) if tags else words
    return Prompt(text=text.strip(), adapters=(*uses, *found))


def shared_base(
    session: Session, store: BlobStore, request: PictureRequest, refs: Iterable[str]
) -> ArtifactVersion:
    """What to draw on.

    Args:
        session: The transaction.
        store: Receives a base that is not yet known.
        request: Says a base, or leaves it open.
        refs: The versions that take part.

    Raises:
        NotFound: There is no such base.
        Conflict: It is left open, and the versions share none; or one does not fit it.
    """
    versions = [find_version(session, ref) for ref in dict.fromkeys(refs)]
    if request.base:
        asked = find_base(session, store, request.base, config_path=request.config_path)
        require_fitting(store, asked, versions)
        return asked
    bases = {version.base_version_id: version.base for version in versions}
    if not bases:
        return find_base(session, store, MICRO)
    base = next(iter(bases.values()))
    if len(bases) > 1 or base is None:
        raise Conflict(
            "the versions do not share one recorded base",
            remedy="Say with --base what to draw on, or choose versions of one base",
        )
    return base


def require_fitting(
    store: BlobStore, base: ArtifactVersion, versions: Iterable[ArtifactVersion]
) -> None:
    """Refuse a base that is built otherwise than what some versions were trained on.

    Raises:
        Conflict: A version does not fit.
    """
    for version in versions:
        own = version.base
        if own is None or own.id == base.id:
            continue
        if widths_of_version(store, own) != widths_of_version(store, base):
            raise Conflict(
                f"{version_ref(version)} was trained on {version_ref(own)}, and "
                f"{version_ref(base)} is built otherwise",
                remedy="Draw on a base of the same build",
            )


def common_picture(
    session: Session, store: BlobStore, request: PictureRequest, base: ArtifactVersion
) -> Common:
    """What the pictures of a request share.

    Raises:
        NotFound: There is no such refiner, VAE or picture.
        UnknownName: There is no such sampler or schedule.
        InvalidSettings: With every setting that is out of its range.
    """
    native = resolution_of_version(store, base)
    settings = {"width": native, "height": native, **request.settings}
    settings |= _sampling(settings)
    names: dict[str, str] = {}
    if request.vae:
        settings["vae"] = _kept(session, store, request.vae, names)
    for name, said in (("init_image", request.init_image), ("mask", request.mask)):
        if said:
            settings[name] = _picture_digest(session, store, said, names)
    if request.refiner:
        settings["refiner"] = version_ref(find_refiner(session, store, request.refiner))
    faults = {
        name: f"give a multiple of {SIDE_STEP} from {SIDE_STEP} to {LARGEST_FACTOR * native}, "
        f"not {settings[name]} (the base's is {native})"
        for name in ("width", "height")
        if not _is_side(settings[name], native)
    }
    return Common(picture=checked(settings | {"base": version_ref(base)}, faults), names=names)


def checked(fields: Mapping[str, Any], faults: Mapping[str, str] | None = None) -> PictureSpec:
    """A picture's fields as a document.

    Args:
        fields: By name.
        faults: What is known to be wrong already, by name.

    Raises:
        InvalidSettings: With every fault.
    """
    faults = dict(faults or {})
    try:
        picture = PictureSpec.model_validate(dict(fields))
    except ValidationError as error:
        for fault in error.errors():
            name = str(fault["loc"][0]) if fault["loc"] else "picture"
            faults.setdefault(name, f"{fault['msg']}, not {fault['input']!r}")
        picture = None
    if faults or picture is None:
        raise InvalidSettings("a picture", faults)
    return picture


def require_drawable(version: ArtifactVersion) -> ArtifactVersion:
    """A version that can take part in a picture.

    Raises:
        Conflict: It is a base, or nobody knows how to apply it.
        UnknownName: Its trainer is not installed.
    """
    if version.trainer:
        find_trainer(version.trainer)  # said now, not after the first picture
        return version
    if version.artifact.kind == ArtifactKind.CHECKPOINT:
        raise Conflict(
            f"{version_ref(version)} is a base: a grid compares what was made of one",
            remedy="Give what was trained on it, and the base with --base",
        )
    raise Conflict(
        f"no trainer is recorded that applies {version_ref(version)}",
        remedy="Import it again as what it is: sdxl-reg artifact import",
    )


def _tagged(session: Session, tag: AdapterTag) -> AdapterUse:
    version = _of_kind(session, tag.name, tag.kind)
    text_strength = None if tag.text_strength == tag.strength else tag.text_strength
    return AdapterUse(ref=version_ref(version), strength=tag.strength, text_strength=text_strength)


def _of_kind(session: Session, name: str, kind: ArtifactKind) -> ArtifactVersion:
    """A version by the name that a tag gives: a reference, or the name of its file."""
    known = session.scalars(select(Artifact.name).where(Artifact.kind == kind)).all()
    keys = {name_key(other) for other in known}
    if name_key(parse_reference(name).name) in keys:
        return require_drawable(find_version(session, name))
    found = session.scalar(
        select(ArtifactVersion)
        .join(Artifact)
        .join(ArtifactFile, ArtifactFile.version_id == ArtifactVersion.id)
        .where(Artifact.kind == kind, ArtifactFile.path == f"{name}.safetensors")
        .order_by(ArtifactVersion.id.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound(str(kind), name, known)
    return require_drawable(found)


def _embeddings_in(
    session: Session, prompt: str, besides: Artifact | None
) -> tuple[str, list[AdapterUse]]:
    """A prompt with the words of the embeddings that it names, and these."""
    query = select(Artifact).where(Artifact.kind == ArtifactKind.EMBEDDING)
    found: dict[str, AdapterUse] = {}
    words: dict[str, str] = {}
    for artifact in sorted(session.scalars(query), key=lambda known: -len(known.name)):
        if besides is not None and artifact.id == besides.id:
            continue
        pattern = re.compile(
            rf"(?<![\w@-])(?:embedding:)?({re.escape(artifact.name)}(?:@[\w.-]+)?)(?![\w@-])", re.I
        )
        for said in dict.fromkeys(match[1] for match in pattern.finditer(prompt)):
            version = require_drawable(find_version(session, said))
            found[said] = AdapterUse(ref=version_ref(version))
            words[said] = _word_of(version)
        prompt = pattern.sub(lambda match: words[match[1]], prompt)
    return prompt, list(dict.fromkeys(found.values()))


def _word_of(version: ArtifactVersion) -> str:
    words: Sequence[str] = version.details.get("trigger_words", ())
    return words[0] if words else Path(weights_of(version).path).stem


def _sampling(settings: Mapping[str, Any]) -> dict[str, Any]:
    if "sampler" not in settings:
        return {}
    sampler, schedule = parse_sampler_name(str(settings["sampler"]))
    found: dict[str, Any] = {"sampler": sampler}
    if schedule != Schedule.AUTOMATIC:
        found["schedule"] = schedule
    return found


def _is_side(side: object, native: int) -> bool:
    return (
        isinstance(side, int)
        and SIDE_STEP <= side <= LARGEST_FACTOR * native
        and side % SIDE_STEP == 0
    )


def _kept(session: Session, store: BlobStore, path: Path, names: dict[str, str]) -> str:
    if not path.is_file():
        raise NotFound("file", path)
    digest = recorded(session, store.put_file(path)).sha256
    names[digest] = path.name
    return digest


def recorded_picture(session: Session, said: str) -> str:
    """The SHA-256 of a recorded picture that is seen.

    Args:
        session: The transaction.
        said: Its SHA-256, or the beginning of it, at least 8 digits.

    Raises:
        NotFound: There is none, or several.
    """
    if not re.fullmatch(r"[0-9a-f]{8,64}", said):
        raise NotFound("picture", said, remedy="Give a file, or the SHA-256 of a recorded picture")
    query = select(Blob).where(Blob.sha256.startswith(said, autoescape=True)).limit(20)
    found = [blob.sha256 for blob in session.scalars(query) if is_blob_visible(session, blob)]
    if len(found) != 1:
        raise NotFound("picture", said, remedy="Give more digits" if found else "")
    return found[0]


def _picture_digest(session: Session, store: BlobStore, said: str, names: dict[str, str]) -> str:
    path = Path(said).expanduser()
    if not re.fullmatch(r"[0-9a-f]{64}", said) and path.is_file():
        _require_picture(path)
        return _kept(session, store, path, names)
    digest = recorded_picture(session, said)
    names[digest] = f"{digest}.png"
    return digest


def _require_picture(path: Path) -> None:
    try:
        upright_size(path)
    except Unreadable as error:
        raise InvalidValue("not a picture", path, remedy=str(error)) from None
