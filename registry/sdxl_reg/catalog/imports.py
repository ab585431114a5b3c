"""Importing artifacts made elsewhere: told by their headers, linked to what is known here."""

import re
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact
from sdxl_reg.catalog.bases import register_base
from sdxl_reg.errors import UsageError
from sdxl_reg.formats.hashes import short_hashes
from sdxl_reg.formats.identity import UNKNOWN, identify
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.formats.training_metadata import TRIGGER, tags_in
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import ArtifactVersion, Run
from sdxl_reg.trainers.discovery import all_trainers
from sdxl_reg.vocabulary import ArtifactKind, RunKind, VersionState

_FAMILIES = ("sdxl", UNKNOWN)
_EPOCH_OR_STEP = re.compile(r"-(\d{6}|step\d{8})$")  # as kohya's trainers and ours name files


def import_file(
    session: Session, store: BlobStore, path: Path, *, name: str = ""
) -> ArtifactVersion:
    """Record a file as a version of an artifact; what its header says of its making is kept.

    A file that a run of this registry made is linked to that run again; one trained on a base that
    is known here is linked to the base.

    Args:
        session: The transaction.
        store: Receives the bytes; the file itself is only read.
        path: A `.safetensors` file: LoRA, embedding, hypernetwork or single-file checkpoint.
        name: Of the artifact; by default the file's stem, without the epoch or step that trainers
            append: the files of one training are versions of one artifact.

    Returns:
        The version; the one that is already there when the artifact has these very bytes.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file.
        UsageError: Its keys are of no kind that is known, or it is not for SDXL.
        Conflict: The name is taken by an artifact of another kind.
    """
    identity = identify(path)
    if identity.family not in _FAMILIES:
        raise UsageError(
            f"{path} is a {identity.kind} for {identity.family}",
            remedy="Only files for SDXL can be kept here",
        )
    if identity.kind == ArtifactKind.CHECKPOINT:
        return register_base(session, store, path, name=name)
    stored = store.put_file(path)  # before the first row: from then on nobody else can write
    kept = store.path(stored.sha256)
    said = read_header(kept).metadata
    hashes = short_hashes(kept, stored.sha256)
    wanted = name or _EPOCH_OR_STEP.sub("", path.stem)
    artifact = ensure_artifact(session, wanted, identity.kind)
    new = NewVersion(
        files={path.name: stored},
        run_id=_run_id(session, said.get("sdxl_reg.run", "")),
        base_version_id=_base_id(session, said.get("sdxl_reg.base", "")),
        trainer=_trainer_for(identity.kind),
        epoch=_number(said.get("ss_epoch")),
        step=_number(said.get("ss_steps")),
        hashes=hashes,
        details={
            "imported_from": path.name,
            "trigger_words": _words(identity.kind, path, said),
            "made_from": {key: text for key, text in said.items() if key.startswith("sdxl_reg.")},
        },
    )
    return add_version(session, artifact, new)


def _words(kind: ArtifactKind, path: Path, said: Mapping[str, str]) -> list[str]:
    if kind == ArtifactKind.EMBEDDING:
        return [said.get(TRIGGER) or path.stem]
    return tags_in(said.get("modelspec.trigger_phrase", ""))


def _run_id(session: Session, key: str) -> int | None:
    """The training that made a file, by the key that its header carries."""
    made = select(Run.id).where(Run.kind == RunKind.TRAIN, Run.spec["key"].as_string() == key)
    return session.scalar(made.order_by(Run.id.desc()).limit(1)) if key else None


def _base_id(session: Session, digest: str) -> int | None:
    known = select(ArtifactVersion.id).where(
        ArtifactVersion.digest == digest, ArtifactVersion.state == VersionState.READY
    )
    return session.scalar(known.limit(1))


def _trainer_for(kind: ArtifactKind) -> str | None:
    """The trainer that is named as the kind, else the first of the kind: it applies its files."""
    working, _ = all_trainers()
    able = [trainer.name for trainer in working if trainer.kind == kind]
    return kind.value if kind.value in able else next(iter(able), None)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
