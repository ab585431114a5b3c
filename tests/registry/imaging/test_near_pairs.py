"""Pairs and clusters of near hashes, against comparing all with all."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import InvalidValue
from sdxl_reg.imaging import near_pairs as joining
from sdxl_reg.imaging.clusters import clusters, components, distances, hash_array, near_pairs
from sdxl_reg.imaging.near_pairs import Hashes

FEW_BITS = st.integers(-(2**63), 2**63 - 1).flatmap(
    lambda centre: st.lists(
        st.sets(st.integers(0, 63), max_size=6).map(lambda bits: _flipped(centre, bits)),
        max_size=40,
    )
)
"""Hashes around one, so that many are near each other and some are equal."""


def _flipped(centre: int, bits: set[int]) -> int:
    unsigned = (centre % 2**64) ^ sum(1 << bit for bit in bits)
    return unsigned - 2**64 if unsigned >= 2**63 else unsigned


def _all_pairs(hashes: Hashes, distance: int) -> list[tuple[int, int, int]]:
    return [
        (i, j, apart)
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if (apart := (int(hashes[i]) ^ int(hashes[j])).bit_count()) <= distance
    ]


def _found(hashes: Hashes, distance: int) -> list[tuple[int, int, int]]:
    pairs = near_pairs(hashes, distance=distance)
    return list(
        zip(pairs.left.tolist(), pairs.right.tolist(), pairs.distance.tolist(), strict=True)
    )


def _scattered(count: int, *, seed: int, flips: int, noise: float = 0.5) -> Hashes:
    """Hashes of which half are others with up to so many bits changed; bits are 1 so often."""
    generator = np.random.default_rng(seed)
    bits = generator.random((count // 2, 64)) < noise
    first = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    second = first.copy()
    for _ in range(flips):
        second ^= np.uint64(1) << generator.integers(0, 64, len(second), dtype=np.uint64)
    return generator.permutation(np.concatenate([first, second]))


@given(FEW_BITS, st.integers(0, 10))
def test_the_pairs_are_those_of_comparing_all_with_all(numbers: list[int], distance: int) -> None:
    hashes = hash_array(numbers)
    assert _found(hashes, distance) == _all_pairs(hashes, distance)


@pytest.mark.parametrize(
    ("distance", "noise"), [*((d, 0.9) for d in range(5)), *((d, 0.5) for d in range(7)), (10, 0.5)]
)
def test_the_bands_find_the_same_pairs_as_comparing_all_with_all(
    distance: int, noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "_COMPARE_NS", 1e6)  # bands, however few hashes there are
    monkeypatch.setattr(joining, "_GROUP", 64)  # large groups are joined among themselves
    monkeypatch.setattr(joining, "_BLOCK", 64)
    hashes = _scattered(300, seed=distance, flips=distance, noise=noise)
    assert _found(hashes, distance) == _all_pairs(hashes, distance)


def test_many_hashes_around_one_are_found_by_the_bits_in_which_they_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(joining, "_GROUP", 16)
    centre = 0x0123_4567_89AB_CDEF
    hashes = hash_array([centre ^ (bits << 3) for bits in range(600)])
    assert _found(hashes, 4) == _all_pairs(hashes, 4)


@given(FEW_BITS, st.integers(0, 6))
def test_a_cluster_is_whatever_is_linked_by_pairs(numbers: list[int], distance: int) -> None:
    hashes = hash_array(numbers)
    expected = list(range(len(hashes)))
    for left, right, _ in _all_pairs(hashes, distance):
        old, new = sorted((expected[left], expected[right]), reverse=True)
        expected = [new if label == old else label for label in expected]
    assert clusters(hashes, distance=distance).tolist() == expected


def test_a_chain_is_one_cluster_though_its_ends_are_far_apart() -> None:
    chain = [(1 << 3 * step) - 1 for step in range(12)]
    assert set(clusters(hash_array(chain), distance=3).tolist()) == {0}
    assert distances(hash_array(chain), chain[0]).tolist() == [3 * step for step in range(12)]


def test_a_hundred_thousand_equal_hashes_are_one_cluster_in_little_memory() -> None:
    hashes = np.full(100_000, 7, dtype=np.uint64)
    hashes[-1] = 8
    tracemalloc.start()
    found = clusters(hashes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(found.tolist()) == {0}
    assert peak < 20e6


def test_no_hash_and_one_hash_have_no_pairs() -> None:
    for numbers in ([], [5]):
        assert _found(hash_array(numbers), 4) == []
        assert clusters(hash_array(numbers)).tolist() == list(range(len(numbers)))


@pytest.mark.parametrize("distance", [-1, 11])
def test_a_distance_that_is_none_is_refused(distance: int) -> None:
    with pytest.raises(InvalidValue, match="0 to 10"):
        clusters(hash_array([1]), distance=distance)


def test_components_join_what_is_linked() -> None:
    found = components(6, np.array([4, 1, 5]), np.array([1, 0, 5]))
    assert found.tolist() == [0, 0, 2, 3, 0, 5]
