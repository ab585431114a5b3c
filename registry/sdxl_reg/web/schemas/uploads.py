"""Uploads as documents."""

from datetime import datetime

from pydantic import Field

from sdxl_reg.catalog.uploads import MAX_BYTES, received_bytes
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Upload
from sdxl_reg.vocabulary import ArtifactKind, ScanVerdict, UploadState
from sdxl_reg.web.schemas.base import Document, ProjectName, Sha256, url


class UploadBody(Document):
    """A file that is announced."""

    name: str = Field(
        min_length=1, max_length=255, description="Of the file: `weipin.safetensors`."
    )
    sha256: Sha256
    size_bytes: int = Field(gt=0, le=MAX_BYTES)
    project: ProjectName | None = Field(
        None, description="To which it will belong; `main`, or the only one where you may write."
    )


class UploadDocument(Document):
    """How far an upload is, and what the scan said of it."""

    key: str
    name: str
    project: str
    sha256: Sha256
    size_bytes: int
    received_bytes: int = Field(description="Where the next piece begins.")
    state: UploadState = Field(
        description="`open` while bytes are to come, `checked` when it may be taken in, `refused` "
        "when it stays in quarantine, `taken` when it is part of the registry."
    )
    verdict: ScanVerdict | None = Field(description="Of the scan; null before it.")
    reason: str = Field(description="Of the verdict.")
    created_at: datetime
    url: str


class UploadList(Document):
    """Uploads of who asks."""

    items: list[UploadDocument]


class TakeBody(Document):
    """Which upload becomes a version, and as what."""

    upload: str = Field(min_length=1, max_length=64, description="The key of a checked upload.")
    kind: ArtifactKind | None = Field(
        None, description="What it is taken for, whatever its header says."
    )
    base: str | None = Field(
        None, max_length=300, description="What it was trained on, where its header does not say."
    )


def upload_document(store: BlobStore, upload: Upload) -> UploadDocument:
    """An upload as it stands."""
    return UploadDocument(
        key=upload.key,
        name=upload.name,
        project=upload.project,
        sha256=upload.sha256,
        size_bytes=upload.size_bytes,
        received_bytes=received_bytes(store, upload),
        state=upload.state,
        verdict=upload.verdict,
        reason=upload.reason,
        created_at=upload.created_at,
        url=url("uploads", upload.key),
    )
