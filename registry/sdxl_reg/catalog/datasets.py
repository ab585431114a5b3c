"""Datasets: image sets frozen as manifests that never change.

A manifest is canonical JSON lines, one an image, in the order of the source paths. Its SHA-256 is
the identity of the version: freezing again without a change gives the same version.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.blobs import recorded
from sdxl_reg.catalog.freezing import Prepared, prepare
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.lineage import new_node, record_origins
from sdxl_reg.catalog.list_filters import DATASET_FIELDS, filtered
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging.names import name_key
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Dataset, DatasetEntry, DatasetVersion, ImageSet
from sdxl_reg.vocabulary import NodeKind


def freeze(
    session: Session,
    store: BlobStore,
    name: str,
    *,
    image_set: str = "",
    selector: str = "",
    validation: float | str | None = None,
    balance: str | None = None,
) -> DatasetVersion:
    """The dataset version of an image set as it is now.

    Pictures that are the same or nearly so are trained together or held out together: see
    `splits`. The dataset remembers its validation and balance for the next time.

    Args:
        session: The transaction.
        store: Receives the manifest.
        name: Name of the dataset.
        image_set: Which set; by default the one the dataset was made of, or of the same name.
        selector: Glob on tag paths for a new dataset: `qzy/**`; empty takes every image.
        validation: Share of the images to hold out (0 for none), or a selector of them; None does
            as the last time.
        balance: Level whose values are shown equally often; empty for none, None as the last time.

    Returns:
        A new version, or the one with this very content when there is one.

    Raises:
        NotFound: No image set of that name.
        Conflict: The dataset is of another set or selection, nothing is selected, or nothing can
            be held out.
        InvalidValue: The share is not between 0 and 1, or a selector is of the wrong form.
        UnknownName: A selector or the balance names a level that the set does not have.
    """
    return freeze_once(
        session,
        store,
        name,
        image_set=image_set,
        selector=selector,
        validation=validation,
        balance=balance,
    )[0]


def freeze_once(
    session: Session, store: BlobStore, name: str, **options: Any
) -> tuple[DatasetVersion, bool]:
    """As `freeze`, and whether the version is new: False where it had this content already.

    Args:
        session: The transaction.
        store: Receives the manifest of a new version.
        name: Name of the dataset.
        **options: As `freeze` takes them.
    """
    prepared = prepare(session, name, **options)
    if prepared.standing is not None:
        return prepared.standing, False
    dataset = prepared.dataset
    blob = recorded(session, store.put_bytes(prepared.manifest))
    version = DatasetVersion(
        node_id=new_node(session, NodeKind.DATASET, dataset.image_set.project).id,
        dataset=dataset,
        version=dataset.next_version,
        digest=blob.sha256,
        manifest=blob,
        image_count=len(prepared.members),
        layout=dataset.image_set.layout,
    )
    dataset.next_version += 1
    session.add(version)
    session.flush()
    session.execute(insert(DatasetEntry), _entries(version.id, prepared))
    record_origins(session, version.node_id, prepared.origins.values())
    note(session, "dataset.frozen", version_ref(version), digest=version.digest)
    return version, True


def find_dataset_version(session: Session, reference: str) -> DatasetVersion:
    """The dataset version a reference means.

    Raises:
        NotFound: No such dataset, or no such version of it.
    """
    wanted = parse_reference(reference)
    dataset = session.scalar(select(Dataset).where(Dataset.name_key == name_key(wanted.name)))
    if dataset is None:
        raise NotFound("dataset", wanted.name, session.scalars(select(Dataset.name)))
    if wanted.alias is not None:
        raise NotFound("dataset alias", reference, remedy="Datasets have numbers only: weipin@1")
    query = select(DatasetVersion).where(DatasetVersion.dataset_id == dataset.id)
    if wanted.version is not None:
        query = query.where(DatasetVersion.version == wanted.version)
    found = session.scalar(query.order_by(DatasetVersion.version.desc()).limit(1))
    if found is None:
        count = dataset.next_version - 1
        raise NotFound("dataset version", reference, remedy=f"{dataset.name} has 1 to {count}")
    return found


def project_of_dataset(session: Session, reference: str) -> str:
    """The project of the image set that a reference to a dataset means, frozen already or not yet.

    Raises:
        NotFound: No such dataset, version or image set.
    """
    wanted = parse_reference(reference)
    if wanted.version is not None or wanted.alias is not None:
        return find_dataset_version(session, reference).dataset.image_set.project
    query = select(Dataset).where(Dataset.name_key == name_key(wanted.name))
    dataset = session.scalar(query)
    found = dataset.image_set if dataset else find_image_set(session, wanted.name)
    return found.project


def version_before(session: Session, version: DatasetVersion) -> DatasetVersion:
    """The version of the same dataset that was frozen before another.

    Raises:
        NotFound: It is the first.
    """
    query = select(DatasetVersion).where(
        DatasetVersion.dataset_id == version.dataset_id, DatasetVersion.version < version.version
    )
    found = session.scalar(query.order_by(DatasetVersion.version.desc()).limit(1))
    if found is None:
        raise NotFound(
            "version before",
            version_ref(version),
            remedy="It is the first; name another one to compare it with",
        )
    return found


def datasets_of_set(session: Session, image_set: ImageSet) -> Sequence[Dataset]:
    """The datasets that are frozen of a set, by name."""
    query = select(Dataset).where(Dataset.image_set_id == image_set.id)
    return session.scalars(query.order_by(Dataset.name_key)).all()


def dataset_versions(session: Session) -> Sequence[DatasetVersion]:
    """Every dataset version, by name and number."""
    return session.scalars(
        select(DatasetVersion).join(Dataset).order_by(Dataset.name_key, DatasetVersion.version)
    ).all()


def versions_page(session: Session, part: Slice) -> Page[DatasetVersion]:
    """Some of the dataset versions, newest first.

    Args:
        session: The transaction.
        part: Which of them; its filter knows `DATASET_FIELDS`.

    Raises:
        InvalidValue: The cursor or the filter is none of ours.
        UnknownName: The filter asks for another field.
    """
    query = select(DatasetVersion)
    if part.filter:
        query = query.join(Dataset).join(ImageSet)
        query = query.where(filtered(part.filter, DATASET_FIELDS, name="name"))
    return page_of(session, query, DatasetVersion.id, part, newest_first=True)


def entries_page(session: Session, version: DatasetVersion, part: Slice) -> Page[DatasetEntry]:
    """Some of the images of a dataset version, in its frozen order."""
    query = select(DatasetEntry).where(DatasetEntry.dataset_version_id == version.id)
    return page_of(session, query, DatasetEntry.position, part)


def entries_of(session: Session, version: DatasetVersion) -> Sequence[DatasetEntry]:
    """The images of a dataset version, in its frozen order."""
    return session.scalars(
        select(DatasetEntry)
        .where(DatasetEntry.dataset_version_id == version.id)
        .order_by(DatasetEntry.position)
    ).all()


def versions_with(session: Session, image_id: int) -> Sequence[DatasetVersion]:
    """The dataset versions that an image is in, oldest first."""
    holding = select(DatasetEntry.dataset_version_id).where(DatasetEntry.image_id == image_id)
    return session.scalars(
        select(DatasetVersion).where(DatasetVersion.id.in_(holding)).order_by(DatasetVersion.id)
    ).all()


def tag_counts(entries: Sequence[DatasetEntry]) -> dict[str, int]:
    """How many images each tag path has, by path."""
    return dict(sorted(Counter(entry.tag_path for entry in entries).items()))


def split_counts(session: Session, version: DatasetVersion) -> dict[str, int]:
    """How many images are trained and how many validate, by split."""
    query = (
        select(DatasetEntry.split, func.count())
        .where(DatasetEntry.dataset_version_id == version.id)
        .group_by(DatasetEntry.split)
        .order_by(DatasetEntry.split)
    )
    return {split: count for split, count in session.execute(query)}  # noqa: C416


def version_ref(version: DatasetVersion) -> str:
    """How users write a dataset version: `weipin@1`."""
    return f"{version.dataset.name}@{version.version}"


def _entries(version_id: int, prepared: Prepared) -> list[dict[str, object]]:
    facts, plan = prepared.facts, prepared.plan
    return [
        {
            "dataset_version_id": version_id,
            "position": position,
            "image_id": member.image_id,
            "source_path": member.source_path,
            "tag_path": member.tag_path,
            "more_tags": list(member.more_tags) or None,
            "caption": member.caption,
            "repeats": plan.repeats_of(member.member_id),
            "split": plan.split_of(member.member_id),
            "crop": facts[member.member_id].get("crop"),
        }
        for position, member in enumerate(prepared.members)
    ]
