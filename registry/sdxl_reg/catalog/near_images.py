"""The pictures nearest to one, by perceptual hash: a look at every hash, without an index."""

from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import Select, select, true
from sqlalchemy.orm import Session

from sdxl_reg.imaging.clusters import NEAR, checked_distance, distances, hash_array
from sdxl_reg.imaging.near_pairs import Positions
from sdxl_reg.tables import Image, ImageSet, Member
from sdxl_reg.vocabulary import MemberState

_PORTION = 20_000  # rows fetched at once


def near_images(
    session: Session,
    image: Image,
    *,
    distance: int = NEAR,
    image_set: ImageSet | None = None,
    limit: int = 50,
) -> list[tuple[Image, int]]:
    """The pictures nearest to one, without itself, the nearest first.

    Args:
        session: The transaction.
        image: The one.
        distance: Bits of 64 in which they may differ.
        image_set: Only present members of this set; None looks at every picture there is.
        limit: How many at most.

    Returns:
        Pictures and in how many bits they differ. A picture of one flat colour has only those of
        the same pixels.

    Raises:
        InvalidValue: The distance is not 0…10.
    """
    checked_distance(distance)
    ids = ids_within(session, image, distance=distance, image_set=image_set)[:limit]
    rows = session.scalars(select(Image).where(Image.id.in_([found for found, _ in ids])))
    by_id = {row.id: row for row in rows}
    return [(by_id[found], apart) for found, apart in ids]


def ids_within(
    session: Session, image: Image, *, distance: int, image_set: ImageSet | None = None
) -> list[tuple[int, int]]:
    """As `near_images`, all of them, as rows of images and distances.

    Args:
        session: The transaction.
        image: The one.
        distance: Bits of 64 in which they may differ, 0…64.
        image_set: Only present members of this set.
    """
    within = true() if image_set is None else Image.id.in_(_present_images(image_set))
    found: dict[int, int] = {}
    if image.phash is not None:
        query = select(Image.id, Image.phash).where(Image.phash.is_not(None), within)
        rows = number_table(session, query)
        apart = distances(hash_array(rows[:, 1]), image.phash)
        near = np.flatnonzero(apart <= distance)
        found |= dict(zip(rows[near, 0].tolist(), apart[near].tolist(), strict=True))
    if image.pixel_sha256 is not None:
        same = select(Image.id).where(Image.pixel_sha256 == image.pixel_sha256, within)
        found |= dict.fromkeys(session.scalars(same), 0)
    found.pop(image.id, None)
    return sorted(found.items(), key=lambda one: (one[1], one[0]))


def number_table(session: Session, query: Any) -> Positions:
    """Two columns of numbers; (N, 2). A portion at a time: rows take ten times the memory."""
    result = session.connection().execute(query.execution_options(yield_per=_PORTION))
    portions = [
        np.fromiter(chain.from_iterable(rows), np.int64, 2 * len(rows))
        for rows in result.partitions()
    ]
    empty = np.zeros(0, dtype=np.int64)
    return np.concatenate([empty, *portions]).reshape(-1, 2)


def _present_images(image_set: ImageSet) -> Select[Any]:
    return select(Member.image_id).where(
        Member.image_set_id == image_set.id, Member.state == MemberState.PRESENT
    )
