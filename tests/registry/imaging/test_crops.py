"""Parts of pictures."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from sdxl_reg.errors import InvalidValue
from sdxl_reg.imaging.crops import (
    WHOLE,
    Box,
    Point,
    checked_box,
    crop_box,
    cropped,
    size_of_part,
)


def test_the_whole_is_the_picture_itself() -> None:
    picture = Image.new("RGB", (5, 7))
    assert cropped(picture, WHOLE) is picture


def test_a_part_lies_where_its_fractions_say() -> None:
    picture = Image.new("RGB", (10, 20), "black")
    picture.paste("red", (4, 10, 10, 20))
    part = cropped(picture, (0.4, 0.5, 1.0, 1.0))
    assert part.size == (6, 10)
    assert part.getcolors() == [(60, (255, 0, 0))]


@pytest.mark.parametrize("box", [(0.4, 0.4, 1.0, 1.0), (0.9, 0.9, 0.9, 0.9), (1.0, 1.0, 1.0, 1.0)])
def test_a_part_has_a_pixel_at_least(box: Box) -> None:
    assert cropped(Image.new("RGB", (1, 1)), box).size == (1, 1)


sides = st.integers(1, 5000)
sizes = st.tuples(sides, sides)
fractions = st.floats(0, 1)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    left, right = sorted(draw(st.tuples(fractions, fractions)))
    top, bottom = sorted(draw(st.tuples(fractions, fractions)))
    assume(right - left > 1e-5 and bottom - top > 1e-5)
    return checked_box((left, top, right, bottom))


def _has_the_shape(size: tuple[int, int], box: Box, target: tuple[int, int]) -> bool:
    width, height = size_of_part(size, box)
    exact = (box[2] - box[0]) * size[0], (box[3] - box[1]) * size[1]
    ratio = target[0] / target[1]
    return (
        exact[0] == pytest.approx(max(exact[1] * ratio, 1))
        or exact[1] == pytest.approx(max(exact[0] / ratio, 1))
    ) and max(abs(width - exact[0]), abs(height - exact[1])) <= 1


def _holds(outer: Box, inner: Box, slack: float = 1e-9) -> bool:
    return all(
        (
            outer[0] <= inner[0] + slack,
            outer[1] <= inner[1] + slack,
            outer[2] >= inner[2] - slack,
            outer[3] >= inner[3] - slack,
        )
    )


@given(sizes, sizes, st.tuples(fractions, fractions))
def test_the_largest_part_of_a_shape_lies_in_the_picture_and_holds_its_focus(
    size: tuple[int, int], target: tuple[int, int], focus: Point
) -> None:
    box = crop_box(size, target, focus=focus)
    assert _holds(WHOLE, box, 0)
    assert _has_the_shape(size, box, target)
    assert _holds(box, (*focus, *focus))
    assert box[2] - box[0] == pytest.approx(1) or box[3] - box[1] == pytest.approx(1)


@given(sizes, sizes, boxes())
def test_a_manual_box_is_grown_in_the_picture_and_cut_only_where_it_must(
    size: tuple[int, int], target: tuple[int, int], manual: Box
) -> None:
    box = crop_box(size, target, manual=manual)
    assert _holds(WHOLE, box, 0)
    assert _has_the_shape(size, box, target)
    ratio = target[0] * size[1] / (target[1] * size[0])
    width, height = manual[2] - manual[0], manual[3] - manual[1]
    if max(width, height * ratio) <= 1 and max(height, width / ratio) <= 1:
        assert _holds(box, manual)
    else:
        assert max(box[2] - box[0], box[3] - box[1]) == pytest.approx(1)
        middle = ((manual[0] + manual[2]) / 2, (manual[1] + manual[3]) / 2)
        assert _holds(box, (*middle, *middle))


@given(sizes, sizes, st.tuples(fractions, fractions))
def test_every_part_can_be_stored(
    size: tuple[int, int], target: tuple[int, int], focus: Point
) -> None:
    box = crop_box(size, target, focus=focus)
    assert checked_box(box) == pytest.approx(box, abs=1e-6)


def test_a_manual_box_of_the_shape_stays_as_it_is() -> None:
    assert crop_box((1000, 500), 512, manual=(0.2, 0.2, 0.5, 0.8)) == pytest.approx(
        (0.2, 0.2, 0.5, 0.8)
    )


def test_the_focus_is_in_the_middle_where_the_picture_goes_on_around_it() -> None:
    assert crop_box((200, 100), 64, focus=(0.4, 0.9)) == pytest.approx((0.15, 0, 0.65, 1))
    assert crop_box((200, 100), 64, focus=(0.9, 0.9)) == pytest.approx((0.5, 0, 1, 1))
    assert crop_box((200, 100), 64) == pytest.approx((0.25, 0, 0.75, 1))


@pytest.mark.parametrize("focus", [(-0.1, 0.5), (0.5, 1.01), (float("nan"), 0.5)])
def test_a_focus_outside_the_picture_is_refused(focus: Point) -> None:
    with pytest.raises(InvalidValue, match="fractions"):
        crop_box((10, 10), 5, focus=focus)


@pytest.mark.parametrize("target", [0, -3, (0, 5)])
def test_a_target_without_a_side_is_refused(target: int) -> None:
    with pytest.raises(InvalidValue, match="at least one pixel"):
        crop_box((10, 10), target)


@pytest.mark.parametrize(
    "edges",
    [
        (0.1, 0.1, 0.9),
        (0.5, 0.1, 0.5, 0.9),
        (0.9, 0.1, 0.1, 0.9),
        (-0.1, 0, 1, 1),
        (0, 0, 1, 1.1),
        (0, 0, 1, float("nan")),
        (0, 0.1, 1, 0.1000000001),
    ],
)
def test_what_is_no_part_of_a_picture_is_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(InvalidValue, match="no part of a picture"):
        checked_box(edges)


@given(boxes())
def test_a_box_that_was_stored_is_stored_again_as_it_is(box: Box) -> None:
    assert checked_box(box) == box


@given(sizes, boxes())
def test_the_size_of_a_part_is_what_is_cut(size: tuple[int, int], box: Box) -> None:
    size = (size[0] % 60 + 1, size[1] % 60 + 1)
    assert cropped(Image.new("1", size), box).size == size_of_part(size, box)
