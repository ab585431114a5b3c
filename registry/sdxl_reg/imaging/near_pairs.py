"""Every pair of 64-bit hashes that differ in few bits, exactly, without comparing all with all.

The bits are cut into m bands. Two hashes that differ in at most d bits agree in at least m - d of
the bands, whichever they are: so each choice of m - d bands is a key, and only hashes that share a
key are compared. A sort that has the key's bits in front brings them together. Large groups are
joined in the same way among themselves, by the bits in which they still differ.

Source: Manku, Jain and Das Sarma 2007, "Detecting near-duplicates for web crawling" (the tables of
permuted hashes).

Accuracy: the same pairs as comparing all with all (`tests/registry/imaging/test_near_pairs.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Positions = NDArray[np.int64]

BITS = 64
FARTHEST = 10
"""Beyond this distance too many unrelated pictures are near each other."""
_GROUP = 512
"""A larger group of one key is joined by itself."""
_BLOCK = 1 << 18
"""Hashes that are compared at once: a few megabytes, which stay in the processor's cache."""
_SORT_NS, _COMPARE_NS = 50.0, 3.0
"""What a hash costs in one sort, and a pair in one comparison: they only choose the plan."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Some pairs of hashes.

    Attributes:
        left: Positions; (N,).
        right: Positions of their partners.
        distance: In how many bits the two differ.
    """

    left: Positions
    right: Positions
    distance: NDArray[np.int64]


def pairs_of_distinct(hashes: Hashes, distance: int) -> Iterator[Pairs]:
    """Each pair of near hashes once, in blocks, so that memory stays bounded.

    Args:
        hashes: All different; (N,).
        distance: Bits that may differ, 0 or more.

    Yields:
        Pairs of positions in `hashes`, in no order.
    """
    bits = _varying(hashes)
    bands = _plan(len(hashes), len(bits), distance)
    packed = _packed(hashes, bits)
    order = np.argsort(packed)
    ascending = packed[order]
    if bands is None:
        found = _compared_with_all(ascending, distance)
    else:
        found = _joined(ascending, bands, distance)
    for pairs in found:
        yield Pairs(left=order[pairs.left], right=order[pairs.right], distance=pairs.distance)


def _varying(hashes: Hashes) -> list[int]:
    """The bits that are not the same in all, interleaved: neighbours depend on each other."""
    if not len(hashes):
        return []
    differing = int(np.bitwise_or.reduce(hashes ^ hashes[0]))
    bits = [bit for bit in range(BITS) if differing >> bit & 1]
    return [bit for start in range(8) for bit in bits[start::8]]


def _packed(hashes: Hashes, bits: list[int]) -> Hashes:
    """The hashes with only these bits, the first one lowest."""
    packed = np.zeros(len(hashes), dtype=np.uint64)
    for place, bit in enumerate(bits):
        packed |= ((hashes >> np.uint64(bit)) & np.uint64(1)) << np.uint64(place)
    return packed


def _plan(count: int, bits: int, distance: int) -> tuple[list[int], int] | None:
    """The edges of the bands and how many of them are a key; none: comparing all is cheaper."""
    best, least = None, _COMPARE_NS * count * count / 2
    for bands in range(distance + 1, min(distance + 5, bits + 1)):
        agreeing = bands - distance
        keys = comb(bands, agreeing)
        candidates = count * count / 2 / 2 ** (bits * agreeing / bands)
        cost = keys * (_SORT_NS * count + _COMPARE_NS * candidates)
        if cost < least:
            least = cost
            best = [round(bits * edge / bands) for edge in range(bands + 1)], agreeing
    return best


def _joined(ascending: Hashes, plan: tuple[list[int], int], distance: int) -> Iterator[Pairs]:
    edges, agreeing = plan
    bands = list(pairwise(edges))
    for chosen in combinations(range(len(bands)), agreeing):
        moves, width = _moves(bands, chosen)
        keyed = np.sort(_moved(ascending, moves))
        for pairs in _within_groups(keyed, edges[-1] - width, distance):
            left, right = (_moved_back(keyed[at], moves) for at in (pairs.left, pairs.right))
            is_first = _is_first_choice(left ^ right, bands, chosen)
            yield Pairs(
                left=np.searchsorted(ascending, left[is_first]),
                right=np.searchsorted(ascending, right[is_first]),
                distance=pairs.distance[is_first],
            )


def _moves(
    bands: list[tuple[int, int]], chosen: tuple[int, ...]
) -> tuple[list[tuple[int, int, int]], int]:
    """Where each band goes (from, to, width) so that the chosen ones lie highest; their width."""
    moves, place = [], 0
    others = [number for number in range(len(bands)) if number not in chosen]
    for number in [*others, *chosen]:
        start, end = bands[number]
        moves.append((start, place, end - start))
        place += end - start
    return moves, sum(bands[number][1] - bands[number][0] for number in chosen)


def _moved(hashes: Hashes, moves: list[tuple[int, int, int]]) -> Hashes:
    moved = np.zeros(len(hashes), dtype=np.uint64)
    for start, place, width in moves:
        mask = np.uint64((1 << width) - 1)
        moved |= ((hashes >> np.uint64(start)) & mask) << np.uint64(place)
    return moved


def _moved_back(hashes: Hashes, moves: list[tuple[int, int, int]]) -> Hashes:
    return _moved(hashes, [(place, start, width) for start, place, width in moves])


def _is_first_choice(
    differing: Hashes, bands: list[tuple[int, int]], chosen: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Whether no earlier choice of bands brings a pair together: so each is given only once."""
    is_first = np.ones(len(differing), dtype=np.bool_)
    for number in range(chosen[-1]):
        if number not in chosen:
            start, end = bands[number]
            mask = np.uint64(((1 << (end - start)) - 1) << start)
            is_first &= (differing & mask) != 0
    return is_first


def _within_groups(keyed: Hashes, rest: int, distance: int) -> Iterator[Pairs]:
    """The near pairs of ascending hashes that agree in all bits from `rest` on."""
    differs = ((keyed[1:] ^ keyed[:-1]) >> np.uint64(rest)) != 0
    starts = np.concatenate([[0], np.flatnonzero(differs) + 1])
    ends = np.append(starts[1:], len(keyed))
    is_large = ends - starts > _GROUP
    for start, end in zip(starts[is_large], ends[is_large], strict=True):
        for pairs in pairs_of_distinct(keyed[start:end], distance):
            yield Pairs(left=pairs.left + start, right=pairs.right + start, distance=pairs.distance)
    is_small = ~is_large & (ends - starts > 1)
    yield from _compared(keyed, starts[is_small], ends[is_small], distance)


def _compared(keyed: Hashes, starts: Positions, ends: Positions, distance: int) -> Iterator[Pairs]:
    """All pairs inside groups: every hash with the next one, with the one after it, and so on."""
    sizes = ends - starts
    total = np.cumsum(sizes)
    first = 0
    while first < len(starts):
        done = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, done + _BLOCK, side="right")))
        of = slice(first, last)
        ending = np.repeat(ends[of], sizes[of])
        offsets = np.arange(len(ending)) - np.repeat(total[of] - sizes[of] - done, sizes[of])
        yield from _stepped(keyed, np.repeat(starts[of], sizes[of]) + offsets, ending, distance)
        first = last


def _stepped(keyed: Hashes, left: Positions, ending: Positions, distance: int) -> Iterator[Pairs]:
    step = 1
    while True:
        stays = left + step < ending
        if not stays.all():
            left, ending = left[stays], ending[stays]
        if not len(left):
            return
        apart = np.bitwise_count(keyed[left] ^ keyed[left + step])
        near = np.flatnonzero(apart <= distance)
        if len(near):
            found = left[near]
            yield Pairs(left=found, right=found + step, distance=apart[near].astype(np.int64))
        step += 1


def _compared_with_all(ascending: Hashes, distance: int) -> Iterator[Pairs]:
    """All pairs, a block of rows against everything behind them."""
    rows = max(1, _BLOCK // max(1, len(ascending)))
    for start in range(0, len(ascending), rows):
        block = ascending[start : start + rows]
        apart = np.bitwise_count(block[:, np.newaxis] ^ ascending[np.newaxis, start:])
        left, right = np.nonzero(apart <= distance)
        ahead = right > left
        left, right = left[ahead], right[ahead]
        yield Pairs(
            left=left + start, right=right + start, distance=apart[left, right].astype(np.int64)
        )
