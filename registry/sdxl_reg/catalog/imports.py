"""Importing artifacts made elsewhere: told by their headers, linked to what is known here."""

import re
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact, scan_files
from sdxl_reg.catalog.bases import find_base, register_base
from sdxl_reg.catalog.blobs import digest_of
from sdxl_reg.catalog.foreign_files import ForeignFile, examined
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.errors import UsageError
from sdxl_reg.formats.hashes import short_hashes
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.formats.training_metadata import TRIGGER, tags_in
from sdxl_reg.imaging.names import name_key
from sdxl_reg.store.blobs import BlobStore, StoredBlob
from sdxl_reg.tables import Artifact, ArtifactVersion, Run
from sdxl_reg.trainers.discovery import all_trainers
from sdxl_reg.vocabulary import ArtifactKind, RunKind, VersionState

_EPOCH_OR_STEP = re.compile(r"-(\d{6}|step\d{8})$")  # as kohya's trainers and ours name files


def import_file(
    session: Session,
    store: BlobStore,
    path: Path,
    *,
    name: str = "",
    kind: ArtifactKind | None = None,
    base: str | ArtifactVersion = "",
    project: str = MAIN,
    settled: str = "",
) -> ArtifactVersion:
    """Record a file as a version of an artifact; what its header says of its making is kept.

    A file that a run of this registry made is linked to that run again; one trained on a base that
    is known here is linked to the base.

    Args:
        session: The transaction.
        store: Receives the bytes; the file itself is only read.
        path: A `.safetensors` file: LoRA, embedding, hypernetwork or single-file checkpoint; or a
            hypernetwork as A1111 saves it (`.pt`).
        name: Of the artifact; by default the file's stem, without the epoch or step that trainers
            append: the files of one training are versions of one artifact.
        kind: What it is taken for, whatever its header says; the version's details tell both.
        base: What it was trained on, when its header does not say; see `bases.find_base`;
            or the version itself.
        project: Whose a new artifact is.
        settled: Of a file in the store's quarantine, what settling it found: its bytes are then
            taken over and not copied.

    Returns:
        The version; the one that is already there when the artifact has these very bytes.

    Raises:
        NotFound: There is no such file, or no such base.
        Corrupt: It is no safetensors file, or a pickle that asks for anything but plain data.
        UsageError: Its keys are of no kind that is known, it is not for SDXL, it is a pickle that
            cannot be kept, or a checkpoint with a base.
        Conflict: The name is taken by an artifact of another kind.
    """
    wanted = name or _EPOCH_OR_STEP.sub("", path.stem)
    with examined(path, kind=kind) as file:
        if file.path != path:  # it was converted, and has other bytes
            settled = ""
        if file.kind == ArtifactKind.CHECKPOINT:
            if base:
                raise UsageError(
                    f"{path} is a checkpoint and needs no base", remedy="Leave --base out"
                )
            return _checkpoint(session, store, file, name=wanted, project=project, settled=settled)
        stored = _put(store, file.path, settled)  # before the first row: then nobody else can write
    said = read_header(store.path(stored.sha256)).metadata
    found = _given_base(session, store, base)
    new = NewVersion(
        files={file.path.name: stored},
        run_id=_run_id(session, said.get("sdxl_reg.run", "")),
        base_version_id=found.id if found else _base_id(session, said.get("sdxl_reg.base", "")),
        trainer=_trainer_for(file.kind),
        epoch=_number(said.get("ss_epoch")),
        step=_number(said.get("ss_steps")),
        hashes=short_hashes(store.path(stored.sha256), stored.sha256),
        details={
            **file.details,
            "trigger_words": _words(file.kind, file.path, said),
            "made_from": {key: text for key, text in said.items() if key.startswith("sdxl_reg.")},
        },
    )
    artifact = ensure_artifact(session, wanted, file.kind, project=project)
    return scan_files(session, store, add_version(session, artifact, new))


def _checkpoint(
    session: Session,
    store: BlobStore,
    file: ForeignFile,
    *,
    name: str,
    project: str,
    settled: str,
) -> ArtifactVersion:
    """A base; or the version of that name that a training made with these very bytes."""
    stored = _put(store, file.path, settled)
    made_here = (
        select(ArtifactVersion)
        .join(Artifact)
        .where(
            Artifact.name_key == name_key(name),
            Artifact.kind == ArtifactKind.CHECKPOINT,
            ArtifactVersion.digest == digest_of({file.path.name: stored.sha256}),
            ArtifactVersion.state == VersionState.READY,
        )
    )
    return session.scalar(made_here) or register_base(
        session, store, file.path, name=name, project=project, stored=stored
    )


def _put(store: BlobStore, path: Path, settled: str) -> StoredBlob:
    return store.put_settled(path, settled) if settled else store.put_file(path)


def _given_base(
    session: Session, store: BlobStore, base: str | ArtifactVersion
) -> ArtifactVersion | None:
    if isinstance(base, str):
        return find_base(session, store, base) if base else None
    return base


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
