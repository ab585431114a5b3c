"""Clusters of near-duplicates among perceptual hashes, and what is near to one of them.

A cluster is a connected component: when a is near b and b near c, all three are in one cluster,
even where a and c are farther apart. Equal hashes are one hash until the very end, so that a
hundred thousand copies cost no more than one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdxl_reg.errors import InvalidValue
from sdxl_reg.imaging.near_pairs import FARTHEST, Hashes, Pairs, Positions, pairs_of_distinct

NEAR = 4
"""Bits of 64 that may differ by default: a picture that was scaled or compressed again."""
_ENOUGH = 1 << 20


def hash_array(hashes: Sequence[int] | NDArray[np.int64]) -> Hashes:
    """Hashes as databases keep them, signed, as an array of 64 bits each; (N,)."""
    return np.array(hashes, dtype=np.int64).view(np.uint64)


def near_pairs(hashes: Hashes, *, distance: int = NEAR) -> Pairs:
    """Every pair of near hashes, each once, by the first and then the second position.

    Args:
        hashes: Any; (N,). n equal ones alone are n·(n-1)/2 pairs: see `clusters` for many.
        distance: Bits that may differ, 0…10.

    Returns:
        Positions, left < right, and their distances.

    Raises:
        InvalidValue: The distance is out of range.
    """
    distinct, group = _distinct(hashes, distance)
    found = [_equal_pairs(group)]
    members, starts, counts = _members_of(group, len(distinct))
    for pairs in pairs_of_distinct(distinct, distance):
        found.append(_spread(pairs, members, starts, counts))
    left, right = (
        np.concatenate([getattr(pairs, side) for pairs in found]) for side in ("left", "right")
    )
    apart = np.concatenate([pairs.distance for pairs in found])
    left, right = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((right, left))
    return Pairs(left=left[order], right=right[order], distance=apart[order])


def clusters(hashes: Hashes, *, distance: int = NEAR) -> Positions:
    """The cluster that each hash is in.

    Args:
        hashes: Any; (N,).
        distance: Bits that may differ between neighbours, 0…10.

    Returns:
        For each hash the position of the first one of its cluster; (N,). Memory is a few arrays
        of N numbers and blocks of pairs, however many pairs there are.

    Raises:
        InvalidValue: The distance is out of range.
    """
    distinct, group = _distinct(hashes, distance)
    parents = np.arange(len(distinct))
    waiting: list[Pairs] = []
    count = 0
    for pairs in pairs_of_distinct(distinct, distance):
        waiting.append(pairs)
        count += len(pairs.left)
        if count >= _ENOUGH:
            parents = _united(parents, waiting)
            waiting, count = [], 0
    of_each = _united(parents, waiting)[group]
    return _first_of_each(of_each)


def components(count: int, left: Positions, right: Positions) -> Positions:
    """The connected component of each of some things.

    Args:
        count: How many things there are.
        left: One end of each link; (M,).
        right: The other end.

    Returns:
        For each thing the number of the first one of its component; (count,).
    """
    links = Pairs(left=left, right=right, distance=np.zeros_like(left))
    return _first_of_each(_united(np.arange(count), [links]))


def distances(hashes: Hashes, one: int) -> NDArray[np.int64]:
    """In how many bits each hash differs from one; (N,)."""
    apart: NDArray[np.int64] = np.bitwise_count(hashes ^ hash_array([one])[0]).astype(np.int64)
    return apart


def checked_distance(distance: int) -> int:
    """The distance, if it is one.

    Raises:
        InvalidValue: It is not 0…10.
    """
    if not 0 <= distance <= FARTHEST:
        raise InvalidValue(
            "the distance between near pictures",
            distance,
            remedy=f"Give 0 to {FARTHEST}: unrelated pictures differ in about 32 of 64 bits",
        )
    return distance


def _distinct(hashes: Hashes, distance: int) -> tuple[Hashes, Positions]:
    checked_distance(distance)
    distinct, group = np.unique(hashes, return_inverse=True)
    return distinct, group.astype(np.int64)


def _united(parents: Positions, blocks: list[Pairs]) -> Positions:
    """Union-find for all links at once: higher roots hang under lower ones until none differ."""
    if not blocks:
        return parents
    left = np.concatenate([pairs.left for pairs in blocks])
    right = np.concatenate([pairs.right for pairs in blocks])
    while True:
        left, right = parents[left], parents[right]
        differ = left != right
        if not differ.any():
            return parents
        left, right = left[differ], right[differ]
        parents[np.maximum(left, right)] = np.minimum(left, right)  # one of several wins
        while True:
            above = parents[parents]
            if np.array_equal(above, parents):
                break
            parents = above


def _first_of_each(labels: Positions) -> Positions:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    found: Positions = first[inverse].astype(np.int64)
    return found


def _members_of(group: Positions, count: int) -> tuple[Positions, Positions, Positions]:
    """Positions ordered by group, where each group starts among them, how large each is."""
    counts = np.bincount(group, minlength=count)
    return np.argsort(group, kind="stable"), np.cumsum(counts) - counts, counts


def _spread(pairs: Pairs, members: Positions, starts: Positions, counts: Positions) -> Pairs:
    """Pairs of groups as pairs of all their members."""
    lefts, rights = counts[pairs.left], counts[pairs.right]
    each = lefts * rights
    pair = np.repeat(np.arange(len(each)), each)
    number = np.arange(len(pair)) - np.repeat(np.cumsum(each) - each, each)
    return Pairs(
        left=members[starts[pairs.left][pair] + number // rights[pair]],
        right=members[starts[pairs.right][pair] + number % rights[pair]],
        distance=pairs.distance[pair],
    )


def _equal_pairs(group: Positions) -> Pairs:
    members, starts, counts = _members_of(group, int(group.max(initial=-1)) + 1)
    found = [np.zeros((2, 0), dtype=np.int64)]
    for start, count in zip(starts[counts > 1], counts[counts > 1], strict=True):
        of = members[start : start + count]
        one, other = np.triu_indices(int(count), 1)
        found.append(np.stack([of[one], of[other]]))
    left, right = np.concatenate(found, axis=1)
    return Pairs(left=left, right=right, distance=np.zeros(len(left), dtype=np.int64))
