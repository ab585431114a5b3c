"""Pictures as a job reads them: every checkpoint, version and file that they name, laid out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_version, version_ref, weights_of
from sdxl_reg.catalog.bases import lay_out
from sdxl_reg.evaluation.networks.names import SHIPPED
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.jobs.spec import BaseSpec, CellSpec, DrawSpec, ImageSpec, VersionSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import ArtifactVersion


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What scores pictures.

    Attributes:
        references: Pictures of the set that they are compared with.
        image_network: See `evaluation.networks.names`.
        text_network: Likewise; empty: none.
        cache_path: Folder for what can be computed again.
    """

    references: Sequence[ImageSpec] = ()
    image_network: str = SHIPPED
    text_network: str = ""
    cache_path: Path | None = None


def bases_in(pictures: Iterable[PictureSpec]) -> list[str]:
    """References of the checkpoints that pictures are drawn on, refiners among them."""
    found = {ref: None for picture in pictures for ref in (picture.base, picture.refiner) if ref}
    return list(found)


def versions_in(pictures: Iterable[PictureSpec]) -> list[str]:
    """References of the versions that take part in pictures, those at strength 0 too."""
    return list({use.ref: None for picture in pictures for use in picture.adapters})


def digests_of(session: Session, refs: Iterable[str]) -> dict[str, str]:
    """Reference → SHA-256 of its bytes.

    Raises:
        NotFound: One of them is not recorded.
    """
    return {ref: find_version(session, ref).digest for ref in dict.fromkeys(refs)}


def draw_spec(
    session: Session,
    store: BlobStore,
    folder: Path,
    *,
    run_id: int,
    cells: Sequence[CellSpec],
    names: Mapping[str, str],
    batch_size: int,
    scoring: Scoring | None = None,
    script: Mapping[str, str] | None = None,
) -> DrawSpec:
    """The job that draws pictures.

    Args:
        session: The transaction.
        store: Holds the bytes.
        folder: Of the job; everything is laid out there by link.
        run_id: Its run.
        cells: To be drawn, or only to be scored.
        names: SHA-256 → name, of the files that are no artifacts.
        batch_size: Pictures drawn at once.
        scoring: What scores the pictures; None: nothing does.
        script: More pairs for A1111's text.
    """
    pictures = [cell.picture for cell in cells]
    bases = {ref: _base(session, store, ref, folder) for ref in bases_in(pictures)}
    versions = {ref: _version(session, store, ref, folder) for ref in versions_in(pictures)}
    return DrawSpec(
        run=run_id,
        bases=bases,
        versions=versions,
        images=_inputs(store, pictures, names, folder / "inputs"),
        cells=list(cells),
        batch_size=batch_size,
        script=dict(script or {}),
        **(_scored(scoring) if scoring else {}),
    )


def _scored(scoring: Scoring) -> dict[str, Any]:
    return {
        "is_scored": True,
        "references": list(scoring.references),
        "image_network": scoring.image_network,
        "text_network": scoring.text_network,
        "cache_path": scoring.cache_path,
    }


def _base(session: Session, store: BlobStore, ref: str, folder: Path) -> BaseSpec:
    return lay_out(store, find_version(session, ref), folder / "bases" / ref.replace("@", "-"))


def _version(session: Session, store: BlobStore, ref: str, folder: Path) -> VersionSpec:
    """A version as a job reads it, its files under their own names."""
    version = find_version(session, ref)
    into = folder / "versions" / str(version.id)
    store.materialise(_files(version), into)
    path = into / weights_of(version).path
    return VersionSpec(
        ref=version_ref(version),
        name=path.stem,
        trainer=version.trainer or "",
        path=path,
        sha256=version.digest,
    )


def _files(version: ArtifactVersion) -> dict[str, str]:
    return {file.path: file.blob.sha256 for file in version.files}


def _inputs(
    store: BlobStore, pictures: Iterable[PictureSpec], names: Mapping[str, str], into: Path
) -> dict[str, Path]:
    """Pictures to start from, masks and VAEs: SHA-256 → where it lies under its own name."""
    found: dict[str, Path] = {}
    for picture in pictures:
        for digest in (picture.init_image, picture.mask, picture.vae):
            if digest and digest not in found:
                name = f"{digest[:12]}/{names.get(digest, digest)}"
                store.materialise({name: digest}, into)
                found[digest] = into / name
    return found
