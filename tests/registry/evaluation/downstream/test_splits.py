"""Splits without leaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sdxl_reg.evaluation.downstream.splits import (
    HASHES,
    InOnePiece,
    alike,
    held_out,
    likeness_groups,
)
from sdxl_reg.evaluation.metrics.interface import Rows
from sdxl_reg.imaging.likeness import hamming, phash


def noise(seed: int) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC)


def hashes(*pictures: Image.Image) -> Rows:
    return np.stack([HASHES.of(picture) for picture in pictures])


def test_likeness_is_that_of_the_perceptual_hashes() -> None:
    pictures = [noise(seed) for seed in range(12)] + [noise(1).resize((50, 50))]
    found = alike(hashes(*pictures), hashes(*pictures))
    for i, one in enumerate(pictures):
        for j, other in enumerate(pictures):
            left, right = phash(one), phash(other)
            assert left is not None
            assert right is not None
            assert found[i, j] == (hamming(left, right) <= 4)
    assert found[1, 12]
    assert found.sum() == len(pictures) + 2


def test_flat_pictures_are_like_nothing_and_still_equal_by_their_bytes() -> None:
    flat = hashes(Image.new("RGB", (9, 9), "red"), Image.new("RGB", (9, 9), "blue"))
    assert not alike(flat, flat).any()
    assert likeness_groups(["a", "b"], flat).tolist() == [0, 1]
    assert likeness_groups(["a", "a"], flat).tolist() == [0, 0]


def test_groups_are_linked_step_by_step() -> None:
    start = np.ones((1, 64), dtype=np.float32)
    steps = np.repeat(start, 4, axis=0)
    steps[1, :4] = steps[2, :8] = -1  # 4 bits from one to the next, 8 from first to third
    steps[3, :20] = -1
    assert not alike(steps[:1], steps[2:3]).any()
    assert likeness_groups(["a", "b", "c", "d"], steps).tolist() == [0, 0, 0, 1]
    assert likeness_groups(["d", "b", "c", "d"], steps).tolist() == [0, 0, 0, 0]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=1, max_size=80),
    st.integers(0, 5),
)
def test_no_group_is_on_both_sides_and_every_class_is(
    members: list[tuple[int, int]], seed: int
) -> None:
    groups = np.unique([group for group, _ in members], return_inverse=True)[1].astype(np.int64)
    labels = np.unique([label for _, label in members], return_inverse=True)[1].astype(np.int64)
    try:
        test = held_out(groups, labels, share=0.3, seed=seed)
    except InOnePiece:
        return
    assert not set(groups[test]) & set(groups[~test])
    assert set(labels[test]) == set(labels[~test]) == set(labels)


def test_each_class_gives_its_share() -> None:
    labels = np.repeat([0, 1, 2], [50, 20, 10])
    test = held_out(np.arange(80), labels, share=0.3, seed=1)
    assert np.bincount(labels[test]).tolist() == [15, 6, 3]


def test_another_seed_is_another_split_and_the_same_the_same() -> None:
    groups, labels = np.arange(40), np.repeat([0, 1], 20)
    first, again, other = (held_out(groups, labels, share=0.5, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_class_that_is_one_group_is_told() -> None:
    with pytest.raises(InOnePiece) as told:
        held_out(np.array([0, 1, 2, 2]), np.array([0, 0, 1, 1]), share=0.5, seed=1)
    assert told.value.label == 1
