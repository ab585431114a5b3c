"""Splits of real pictures into those to teach with and those to test on, without leaks.

Pictures with equal bytes or nearly equal perceptual hashes are one group, and a group is never on
both sides. No torch here.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdxl_reg.evaluation.metrics.interface import Measure, Rows
from sdxl_reg.imaging.likeness import phash

ALIKE_BITS = 4
"""Of 64: perceptual hashes that differ by no more are nearly the same picture."""
BITS = 64


def _hash_bits(picture: Image.Image) -> Rows:
    """The perceptual hash as ±1, or zeros for a picture that is flat and has none."""
    found = phash(picture)
    if found is None:
        return np.zeros(BITS, dtype=np.float32)
    raw = (found & (2**BITS - 1)).to_bytes(8, "big")
    bits = np.unpackbits(np.frombuffer(raw, dtype=np.uint8)).astype(np.float32)
    return np.asarray(2 * bits - 1, dtype=np.float32)


HASHES = Measure(identity="phash-bits/1", of=_hash_bits)


def alike(one: Rows, other: Rows) -> NDArray[np.bool_]:
    """Which pictures are nearly the same by their hashes.

    Args:
        one: What `HASHES` says; (M, 64).
        other: Likewise; (N, 64).

    Returns:
        (M, N); never of a flat picture.
    """
    # Of ±1, the product is 64 less twice the bits that differ; of zeros it is 0.
    near: NDArray[np.bool_] = one @ other.T >= BITS - 2 * ALIKE_BITS
    return near


def likeness_groups(digests: Sequence[str], hashes: Rows) -> NDArray[np.int64]:
    """The group of each picture: all that are linked by likeness, however many steps apart.

    Args:
        digests: Of their bytes; (N,).
        hashes: What `HASHES` says; (N, 64).

    Returns:
        Numbers of groups from 0, in the order in which they first come; (N,).
    """
    parents = list(range(len(digests)))
    first_of: dict[str, int] = {}
    for number, digest in enumerate(digests):
        _join(parents, number, first_of.setdefault(digest, number))
    for number in range(len(digests)):
        for like in np.flatnonzero(alike(hashes[number : number + 1], hashes[:number])[0]):
            _join(parents, number, int(like))
    roots = [_root(parents, number) for number in range(len(digests))]
    numbers = {root: n for n, root in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[root] for root in roots], dtype=np.int64)


def held_out(
    groups: NDArray[np.int64], labels: NDArray[np.int64], *, share: float, seed: int
) -> NDArray[np.bool_]:
    """Which pictures are tested on: about a share of each class, in whole groups.

    Args:
        groups: Group of each picture; (N,).
        labels: Class of each picture, from 0; (N,).
        share: Of each class, in (0, 1).
        seed: Another one gives another split.

    Returns:
        (N,); every class is on both sides.

    Raises:
        InOnePiece: A class is so much alike that it is one group, or nearly.
    """
    counts = np.zeros((groups.max() + 1, labels.max() + 1), dtype=np.int64)
    np.add.at(counts, (groups, labels), 1)
    room = np.maximum(np.round(share * counts.sum(axis=0)).astype(np.int64), 1)
    chosen = np.zeros(len(counts), dtype=np.bool_)
    for group in np.random.default_rng(seed).permutation(len(counts)):
        if (counts[group] <= room).all():
            chosen[group] = True
            room -= counts[group]
    on_one_side = ~((counts[chosen].sum(axis=0) > 0) & (counts[~chosen].sum(axis=0) > 0))
    if on_one_side.any():
        raise InOnePiece(int(np.flatnonzero(on_one_side)[0]))
    return chosen[groups]


class InOnePiece(ValueError):
    """A class that cannot be split; whoever knows its name says so to the user.

    Attributes:
        label: Its number.
    """

    def __init__(self, label: int) -> None:
        self.label = label
        super().__init__("the pictures of a class are too much alike to be split")


def _root(parents: list[int], number: int) -> int:
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


def _join(parents: list[int], one: int, other: int) -> None:
    one, other = sorted((_root(parents, one), _root(parents, other)))
    parents[other] = one
