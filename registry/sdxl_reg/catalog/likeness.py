"""Pictures that are the same or nearly so: clusters, label conflicts, and what is near to one.

Two pictures belong together when they are the same bytes, the same pixels, or when their perceptual
hashes differ in at most `distance` bits. A cluster is a connected component of that: a chain of
near pictures is one cluster, even where its ends are farther apart. A picture of one flat colour
has no perceptual hash and is near to none; it joins only its own bytes and pixels.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import Any

import numpy as np
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.selection import selects
from sdxl_reg.imaging.clusters import (
    NEAR,
    clusters,
    components,
    distances,
    hash_array,
)
from sdxl_reg.imaging.near_pairs import Positions
from sdxl_reg.tables import Blob, Image, ImageSet, Member, MemberTag, Tag
from sdxl_reg.vocabulary import MemberState

_LOSSLESS = frozenset({"PNG", "TIFF", "BMP", "PPM"})
_PORTION = 50_000
"""Rows asked for by their numbers in one query: databases limit how many."""


class Sameness(StrEnum):
    """What makes the pictures of a cluster belong together."""

    BYTES = "same bytes"
    PIXELS = "same pixels"
    NEAR = "near"


@dataclass(frozen=True, kw_only=True)
class ClusterMember:
    """A picture of a cluster, at one place of a set.

    Attributes:
        member_id: Its row in the set.
        image_id: The picture's row; the same bytes at two places share it.
        sha256: Of its bytes.
        pixel_sha256: Of its pixels where another picture may have the same; else of its bytes.
        phash: Its perceptual hash; None for a picture of one flat colour.
        image_set: Name of the set.
        source_path: Where it lies below the set's folder.
        tag_path: Its tag by its folder; empty without one.
        width: Pixels, upright.
        height: Pixels, upright.
        format: As found in its bytes.
        sharpness: The more the sharper; None where it was not measured.
    """

    member_id: int
    image_id: int
    sha256: str
    pixel_sha256: str
    phash: int | None
    image_set: str
    source_path: str
    tag_path: str
    width: int
    height: int
    format: str
    sharpness: float | None


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Pictures that belong together, the one to keep first.

    Attributes:
        kind: The weakest tie that holds it together.
        members: Two or more: the largest first, of equally large ones a lossless file (what JPEG
            leaves at edges looks sharp), then the sharpest, then by path.
    """

    kind: Sameness
    members: tuple[ClusterMember, ...]

    @property
    def keep(self) -> ClusterMember:
        """The one to keep where only one shall stay."""
        return self.members[0]

    @property
    def labels(self) -> tuple[str, ...]:
        """Its different tags, each once."""
        return tuple(sorted({member.tag_path for member in self.members}))


@dataclass(frozen=True, kw_only=True)
class LabelConflict:
    """A cluster whose pictures carry tags that contradict each other.

    Attributes:
        cluster: The pictures.
        labels: The tags, none of which lies below another.
        distance: Bits between the two nearest pictures under different ones; 0 for the same one.
        is_same_picture: Whether the same bytes or pixels carry different tags.
    """

    cluster: Cluster
    labels: tuple[str, ...]
    distance: int
    is_same_picture: bool


def clusters_of(
    session: Session, image_set: ImageSet | None, *, distance: int = NEAR, select: str = ""
) -> list[Cluster]:
    """The clusters of two or more present members, the largest first.

    Args:
        session: The transaction.
        image_set: Of this set; None looks across all sets.
        distance: Bits of 64 in which near pictures may differ, 0…10; 0 joins equal hashes.
        select: Only members that this selector selects; needs a set.

    Raises:
        InvalidValue: The distance or the selector is of the wrong form.
        UnknownName: The selector names a level that the set does not have.
    """
    rows = session.execute(_hash_rows(session, image_set, select)).all()
    labels = likeness_labels(
        [row.image_id for row in rows],
        [row.phash for row in rows],
        [row.pixel_sha256 for row in rows],
        distance=distance,
    )
    numbers, counts = np.unique(labels, return_counts=True)
    many = set(numbers[counts > 1].tolist())
    label_of = {
        row.member_id: label
        for row, label in zip(rows, labels.tolist(), strict=True)
        if label in many
    }
    found: dict[int, list[ClusterMember]] = defaultdict(list)
    for member in _details(session, label_of):
        found[label_of[member.member_id]].append(member)
    return sorted(
        (_cluster(members) for members in found.values()),
        key=lambda cluster: (-len(cluster.members), cluster.keep.source_path),
    )


def conflicts(
    session: Session, image_set: ImageSet, *, distance: int = NEAR, select: str = ""
) -> list[LabelConflict]:
    """The clusters of a set with tags that contradict each other, the worst first.

    The same picture under two tags is worst, then the nearest ones; of equals, those with more
    pictures. `qzy/flawed` does not contradict `qzy/flawed/spot`, it only says less.

    Args:
        session: The transaction.
        image_set: The set.
        distance: As `clusters_of` takes it.
        select: Likewise.
    """
    found = clusters_of(session, image_set, distance=distance, select=select)
    return label_conflicts(found)


def label_conflicts(found: Iterable[Cluster]) -> list[LabelConflict]:
    """Those of some clusters whose tags contradict each other, the worst first."""
    told = [_conflict(cluster) for cluster in found if _contradicting(cluster.labels)]
    return sorted(
        told,
        key=lambda one: (
            not one.is_same_picture,
            one.distance,
            -len(one.cluster.members),
            one.cluster.keep.source_path,
        ),
    )


def likeness_labels(
    image_ids: Sequence[int],
    phashes: Sequence[int | None],
    pixel_digests: Sequence[str | None],
    *,
    distance: int = NEAR,
) -> Positions:
    """The cluster of each of some pictures; all three say something of each.

    Args:
        image_ids: The same for the same bytes; (N,).
        phashes: None for a picture of one flat colour.
        pixel_digests: None where no other picture is likely to have the same pixels.
        distance: Bits of 64 in which near pictures may differ, 0…10.

    Returns:
        For each picture the position of the first one of its cluster.

    Raises:
        InvalidValue: The distance is out of range.
    """
    count = len(image_ids)
    hashed = np.flatnonzero([phash is not None for phash in phashes])
    known = [phash for phash in phashes if phash is not None]
    near = hashed[clusters(hash_array(known), distance=distance)]
    links = [_first_with_same(image_ids), _first_with_same(pixel_digests), (hashed, near)]
    left, right = (np.concatenate([link[side] for link in links]) for side in (0, 1))
    return components(count, left, right)


def _first_with_same(values: Sequence[int | str | None]) -> tuple[Positions, Positions]:
    first: dict[int | str, int] = {}
    links = [
        (at, first.setdefault(value, at)) for at, value in enumerate(values) if value is not None
    ]
    found = np.array(links, dtype=np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _hash_rows(session: Session, image_set: ImageSet | None, selector: str) -> Any:
    query = (
        select(Member.id.label("member_id"), Member.image_id, Image.phash, Image.pixel_sha256)
        .join(Image, Image.id == Member.image_id)
        .where(Member.state == MemberState.PRESENT)
        .order_by(Member.id)
    )
    if image_set is None:
        return query
    return query.where(Member.image_set_id == image_set.id, selects(session, image_set, selector))


def _details(session: Session, members: Iterable[int]) -> Iterator[ClusterMember]:
    folder_tag = (
        select(func.coalesce(func.min(case((MemberTag.by_folder, Tag.path))), func.min(Tag.path)))
        .join(MemberTag, MemberTag.tag_id == Tag.id)
        .where(MemberTag.member_id == Member.id)
        .correlate(Member)
        .scalar_subquery()
    )
    query = (
        select(
            Member.id.label("member_id"),
            Member.image_id,
            Blob.sha256,
            func.coalesce(Image.pixel_sha256, Blob.sha256).label("pixel_sha256"),
            Image.phash,
            ImageSet.name.label("image_set"),
            Member.source_path,
            func.coalesce(folder_tag, "").label("tag_path"),
            Image.width,
            Image.height,
            Image.format,
            Image.sharpness,
        )
        .join(ImageSet, ImageSet.id == Member.image_set_id)
        .join(Image, Image.id == Member.image_id)
        .join(Blob, Blob.id == Image.blob_id)
    )
    for some in portions(sorted(members)):
        for row in session.execute(query.where(Member.id.in_(some))):
            yield ClusterMember(**row._mapping)


def _cluster(members: list[ClusterMember]) -> Cluster:
    kind = Sameness.NEAR
    if len({member.image_id for member in members}) == 1:
        kind = Sameness.BYTES
    elif len({member.pixel_sha256 for member in members}) == 1:
        kind = Sameness.PIXELS
    return Cluster(kind=kind, members=tuple(sorted(members, key=_worth)))


def _worth(member: ClusterMember) -> tuple[int, bool, float, str, str]:
    """Where a picture stands in its cluster: lower is worth more."""
    size, is_lossy = -member.width * member.height, member.format not in _LOSSLESS
    return size, is_lossy, -(member.sharpness or 0.0), member.image_set, member.source_path


def _contradicting(labels: Sequence[str]) -> bool:
    return any(_contradict(one, other) for one, other in combinations(labels, 2))


def _contradict(one: str, other: str) -> bool:
    """Whether two tags differ and none lies below the other."""
    return not (f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")) and bool(
        one and other
    )


def _conflict(cluster: Cluster) -> LabelConflict:
    by_label: dict[str, list[ClusterMember]] = defaultdict(list)
    for member in cluster.members:
        by_label[member.tag_path].append(member)
    pairs = [pair for pair in combinations(by_label, 2) if _contradict(*pair)]
    is_same = any(
        {member.pixel_sha256 for member in by_label[one]}
        & {member.pixel_sha256 for member in by_label[other]}
        for one, other in pairs
    )
    apart = min(_apart(by_label[one], by_label[other]) for one, other in pairs)
    return LabelConflict(
        cluster=cluster,
        labels=tuple(sorted({label for pair in pairs for label in pair})),
        distance=0 if is_same else apart,
        is_same_picture=is_same,
    )


def _apart(some: Sequence[ClusterMember], others: Sequence[ClusterMember]) -> int:
    """Bits between the nearest two."""
    one, other = (
        {member.phash for member in members if member.phash is not None}
        for members in (some, others)
    )
    if not one or not other:
        return 64
    behind = hash_array(sorted(other))
    return min(int(distances(behind, phash).min()) for phash in one)
