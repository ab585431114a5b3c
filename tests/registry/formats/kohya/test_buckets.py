"""Buckets: sd-scripts' answers to the pixel, and what holds for every picture."""

from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.kohya.buckets import (
    Bucketing,
    Size,
    bucket_sizes,
    covering,
    fitted,
    fitted_without_enlarging,
)

AREA = 1024 * 1024
STEP = 64
SIZES = bucket_sizes((1024, 1024), shortest=256, longest=2048, step=STEP)

Golden = tuple[Size, tuple[Size, Size], tuple[Size, Size]]
# Computed with sd-scripts 48d368fa, `BucketManager(False | True, (1024, 1024), 256, 2048, 64)`.
GOLDEN: list[Golden] = [
    ((614, 2395), ((512, 1984), (512, 1997)), ((512, 1984), (512, 1997))),
    ((3535, 3350), ((1024, 1024), (1081, 1024)), ((1024, 960), (1024, 970))),
    ((3192, 322), ((2048, 256), (2538, 256)), ((3136, 320), (3192, 322))),
    ((1108, 546), ((1408, 704), (1429, 704)), ((1088, 512), (1108, 546))),
    ((448, 2062), ((448, 2048), (448, 2062)), ((448, 2048), (448, 2062))),
    ((180, 3723), ((256, 2048), (256, 5295)), ((128, 3712), (180, 3723))),
    ((189, 155), ((1152, 896), (1152, 945)), ((128, 128), (189, 155))),
    ((2281, 101), ((2048, 256), (5782, 256)), ((2240, 64), (2281, 101))),
]

sides = st.integers(1, 6000)


@pytest.mark.parametrize(("size", "expected", "_"), GOLDEN)
def test_a_picture_comes_into_the_bucket_of_sd_scripts(
    size: Size, expected: tuple[Size, Size], _: tuple[Size, Size]
) -> None:
    fit = fitted(size, SIZES)
    assert (fit.bucket, fit.resized) == expected


@pytest.mark.parametrize(("size", "_", "expected"), GOLDEN)
def test_without_enlarging_too(
    size: Size, _: tuple[Size, Size], expected: tuple[Size, Size]
) -> None:
    fit = fitted_without_enlarging(size, area=AREA, step=STEP)
    assert (fit.bucket, fit.resized) == expected


def test_buckets_have_the_area_at_most_and_both_orientations() -> None:
    assert all(width * height <= AREA for width, height in SIZES)
    assert all((height, width) in SIZES for width, height in SIZES)
    assert all(side % STEP == 0 and 256 <= side <= 2048 for size in SIZES for side in size)
    assert sorted(set(SIZES)) == SIZES
    assert (1024, 1024) in SIZES


@given(width=st.integers(1, 32), height=st.integers(1, 32), step=st.sampled_from([32, 64]))
def test_every_resolution_has_buckets_of_its_area(width: int, height: int, step: int) -> None:
    resolution = (64 * width, 64 * height)
    sizes = bucket_sizes(resolution, shortest=step, longest=4096, step=step)
    largest = max(wide * tall for wide, tall in sizes)
    assert largest <= resolution[0] * resolution[1]
    assert resolution in sizes or largest == resolution[0] * resolution[1]


def test_a_resolution_longer_than_every_bucket_is_refused() -> None:
    with pytest.raises(InvalidValue, match="Raise max_bucket_reso"):
        bucket_sizes((1024, 1024), shortest=256, longest=960, step=STEP)


@given(width=sides, height=sides)
@example(width=1, height=6000)
def test_a_resized_picture_covers_its_bucket(width: int, height: int) -> None:
    fit = fitted((width, height), SIZES)
    assert fit.bucket in SIZES
    assert fit.resized[0] >= fit.bucket[0]
    assert fit.resized[1] >= fit.bucket[1]
    assert fit.resized[0] == fit.bucket[0] or fit.resized[1] == fit.bucket[1]


@given(size=st.sampled_from(SIZES))
def test_a_picture_of_a_buckets_size_stays_as_it_is(size: Size) -> None:
    fit = fitted(size, SIZES)
    assert (fit.bucket, fit.resized) == (size, size)


@given(width=sides, height=sides)
def test_without_enlarging_a_picture_is_only_shrunk(width: int, height: int) -> None:
    assume(min(width, height) >= STEP and max(width, height) <= 20 * min(width, height))
    fit = fitted_without_enlarging((width, height), area=AREA, step=STEP)
    for bucket, resized, own in zip(fit.bucket, fit.resized, (width, height), strict=True):
        assert bucket % STEP == 0
        assert 0 < bucket <= resized <= own + 1  # rounding to whole pixels
    assert fit.bucket[0] * fit.bucket[1] <= AREA
    if width * height <= AREA:
        assert fit.resized == (width, height)


@pytest.mark.parametrize("size", [(63, 500), (500, 63), (1, 1)])
def test_a_picture_smaller_than_a_step_is_refused_when_it_may_not_grow(size: Size) -> None:
    with pytest.raises(InvalidValue, match=f"{size[0]} × {size[1]}.*bucket_no_upscale"):
        fitted_without_enlarging(size, area=AREA, step=STEP)


@given(width=sides, height=sides, wide=sides, tall=sides)
def test_a_resized_picture_covers_its_bucket_and_no_more(
    width: int, height: int, wide: int, tall: int
) -> None:
    fit = covering((width, height), (wide, tall))
    assert fit.bucket == (wide, tall)
    assert fit.resized[0] >= wide
    assert fit.resized[1] >= tall
    assert fit.resized[0] == wide or fit.resized[1] == tall


@pytest.mark.parametrize("size", [size for size, _, _ in GOLDEN])
def test_a_rule_sorts_as_its_arithmetic_does(size: Size) -> None:
    shared = Bucketing(resolution=(1024, 1024), shortest=256, longest=2048, step=STEP)
    own, single = replace(shared, rule="own"), replace(shared, rule="single")
    assert shared.fit(size) == fitted(size, SIZES)
    assert own.fit(size) == fitted_without_enlarging(size, area=AREA, step=STEP)
    assert single.fit(size) == covering(size, (1024, 1024))


def test_a_rule_whose_buckets_cannot_hold_the_resolution_is_refused_at_once() -> None:
    with pytest.raises(InvalidValue, match="Raise max_bucket_reso"):
        Bucketing(resolution=(1024, 1024), shortest=64, longest=512, step=64)
