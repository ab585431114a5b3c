"""Artifacts and their versions as documents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import TO_BE_SEEN, aliases_of, version_ref
from sdxl_reg.catalog.paging import Slice
from sdxl_reg.catalog.version_lists import (
    FileFacts,
    Surroundings,
    surroundings_of,
    version_counts,
    versions_page,
)
from sdxl_reg.catalog.yanking import yanked_because
from sdxl_reg.tables import Artifact, ArtifactAlias, ArtifactVersion
from sdxl_reg.vocabulary import ArtifactKind, ScanVerdict, VersionState
from sdxl_reg.web.schemas.base import Document, Number, Sha256, quoted, url

NEWEST = 100
"""So many versions stand in the document of an artifact; the others in their own list."""


class AliasItem(Document):
    """A movable name for a version, such as `best`."""

    name: str
    version: int
    strength: float | None = Field(description="Recommended strength, where one was found.")
    reason: str
    moved_at: datetime


class AliasBody(Document):
    """Where an alias is to point."""

    version: Number
    strength: float | None = Field(None, ge=-10, le=10, description="To be recommended.")
    reason: str = Field("", max_length=2000, description="Why this version.")


class ScanItem(Document):
    """Whether a program may open a file."""

    verdict: ScanVerdict
    reason: str = Field(description="What was found, in a sentence.")


class FileItem(Document):
    """One file of a version."""

    path: str = Field(description="Relative, with /.")
    sha256: Sha256
    size_bytes: int
    hashes: dict[str, str] = Field(description="What other programs call it: `autov2`, `autov3`.")
    scan: ScanItem
    url: str = Field(description="Where its bytes are, under its own name.")


class VersionItem(Document):
    """A version of an artifact."""

    ref: str = Field(description="How commands refer to it: `weipin-lora@3`.")
    version: int
    state: VersionState
    yanked: str | None = Field(description="Why it was withdrawn; null where it is offered.")
    epoch: int | None = Field(description="Epochs done.")
    step: int | None = Field(description="Optimiser steps done.")
    loss: float | None = Field(description="Mean training loss since the version before.")
    sha256: Sha256
    base: str | None = Field(description="The base it was trained on.")
    trainer: str | None = Field(description="The plugin that applies it.")
    run: int | None = Field(description="The run that made it; null for an import.")
    created_at: datetime
    aliases: list[str]
    details: dict[str, Any] = Field(description="Trigger words, settings in effect, notes.")
    preview: str | None = Field(description="Where a picture drawn with it is.")
    files: list[FileItem]
    url: str
    lineage: str


class YankRequest(Document):
    """Why a version is withdrawn."""

    reason: str = Field("", max_length=500, description="For who meets it.")


class ArtifactItem(Document):
    """An artifact in a list."""

    name: str
    kind: ArtifactKind
    versions: int = Field(description="How many versions are ready.")
    aliases: list[AliasItem]
    created_at: datetime
    url: str


class ArtifactDocument(Document):
    """One artifact with its newest versions, yanked ones too, oldest first."""

    name: str
    kind: ArtifactKind
    versions: list[VersionItem] = Field(description="The newest hundred.")
    total: int = Field(description="How many versions there are.")
    older: str | None = Field(description="Where the versions before these are; null for none.")
    aliases: list[AliasItem]
    created_at: datetime
    url: str


def artifact_items(session: Session, artifacts: Sequence[Artifact]) -> list[ArtifactItem]:
    """Artifacts for a list."""
    counts = version_counts(session, artifacts)
    return [
        ArtifactItem(
            name=artifact.name,
            kind=artifact.kind,
            versions=counts[artifact.id],
            aliases=[alias_item(alias) for alias in aliases_of(session, artifact)],
            created_at=artifact.created_at,
            url=url("artifacts", artifact.name),
        )
        for artifact in artifacts
    ]


def artifact_document(session: Session, artifact: Artifact) -> ArtifactDocument:
    """One artifact with its newest versions."""
    page = versions_page(session, artifact, Slice(limit=NEWEST))
    total = version_counts(session, [artifact], states=TO_BE_SEEN)[artifact.id]
    older = None
    if page.next is not None:
        older = f"{url('artifacts', artifact.name, 'versions')}?cursor={page.next}"
    return ArtifactDocument(
        name=artifact.name,
        kind=artifact.kind,
        versions=version_items(session, page.items[::-1]),
        total=total,
        older=older,
        aliases=[alias_item(alias) for alias in aliases_of(session, artifact)],
        created_at=artifact.created_at,
        url=url("artifacts", artifact.name),
    )


def version_item(session: Session, version: ArtifactVersion) -> VersionItem:
    """One version with its files."""
    return version_items(session, [version])[0]


def version_items(session: Session, versions: Sequence[ArtifactVersion]) -> list[VersionItem]:
    """Versions with their files."""
    around = surroundings_of(session, versions)
    return [_version(version, around) for version in versions]


def _version(version: ArtifactVersion, around: Surroundings) -> VersionItem:
    ref = version_ref(version)
    address = url("artifacts", version.artifact.name, "versions", version.version)
    return VersionItem(
        ref=ref,
        version=version.version,
        state=version.state,
        yanked=yanked_because(version),
        epoch=version.epoch,
        step=version.step,
        loss=version.loss,
        sha256=version.digest,
        base=around.bases.get(version.base_version_id or 0),
        trainer=version.trainer,
        run=version.run_id,
        created_at=version.created_at,
        aliases=list(around.aliases.get(version.id, ())),
        details=version.details,
        preview=url("blobs", preview) if (preview := version.details.get("preview")) else None,
        files=[_file(address, file) for file in around.files.get(version.id, ())],
        url=address,
        lineage=url("lineage", ref),
    )


def alias_item(alias: ArtifactAlias) -> AliasItem:
    """An alias as a document."""
    return AliasItem(
        name=alias.name,
        version=alias.version.version,
        strength=alias.strength,
        reason=alias.reason,
        moved_at=alias.moved_at,
    )


def _file(version: str, file: FileFacts) -> FileItem:
    """A file as a document, given the address of its version."""
    return FileItem(
        path=file.path,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        hashes=file.hashes,
        scan=ScanItem(verdict=file.scan.verdict, reason=file.scan.reason),
        url=f"{version}/files/{quoted(*file.path.split('/'))}",
    )
