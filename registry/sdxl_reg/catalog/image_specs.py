"""The pictures of a dataset version as a job reads them, with their masks where they have any."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from sqlalchemy.orm import Session

from sdxl_reg.catalog.datasets import entries_of, version_ref
from sdxl_reg.errors import UsageError
from sdxl_reg.imaging.crops import box_of
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import DatasetEntry, DatasetVersion


def image_specs(
    session: Session,
    store: BlobStore,
    dataset: DatasetVersion,
    *,
    masks: DatasetVersion | None = None,
    split: str = "",
) -> list[ImageSpec]:
    """The pictures of a dataset version, in its frozen order.

    Args:
        session: The transaction.
        store: Holds them.
        dataset: The version.
        masks: Holds pictures under the same paths, whatever their suffix; one without a partner
            there has no mask.
        split: Only `train` or only `validation`; empty for both.

    Raises:
        UsageError: No picture has a mask.
    """
    by_path = _by_path(session, masks) if masks else {}
    entries = entries_of(session, dataset)
    specs = [_spec(store, entry, by_path) for entry in entries if split in ("", entry.split)]
    if masks and specs and not any(spec.mask_path for spec in specs):
        raise UsageError(
            f"no picture of {version_ref(dataset)} has a mask in {version_ref(masks)}: there is, "
            f"for instance, {min(by_path)}, and there, {specs[0].name}",
            remedy="Ingest a folder of masks whose files are named as the pictures are, in the "
            "same folders",
        )
    return specs


def _by_path(session: Session, version: DatasetVersion) -> dict[str, DatasetEntry]:
    return {_stem(entry.source_path): entry for entry in entries_of(session, version)}


def _spec(store: BlobStore, entry: DatasetEntry, masks: Mapping[str, DatasetEntry]) -> ImageSpec:
    digest = entry.image.blob.sha256
    mask = masks.get(_stem(entry.source_path))
    mask_digest = mask.image.blob.sha256 if mask else ""
    return ImageSpec(
        path=store.checked_path(digest),
        sha256=digest,
        caption=entry.caption,
        tags=entry.tag_path,
        repeats=entry.repeats,
        name=entry.source_path,
        mask_path=store.checked_path(mask_digest) if mask else None,
        mask_sha256=mask_digest,
        crop=box_of(entry.crop) if entry.crop else None,
    )


def _stem(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(""))
