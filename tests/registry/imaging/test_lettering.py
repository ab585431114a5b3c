"""Text on a sheet: no line wider than its room, nothing lost but what an ellipsis stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from sdxl_reg.imaging import lettering
from sdxl_reg.imaging.lettering import (
    SMALL,
    TEXT,
    Line,
    fitted,
    height_of,
    length_of,
    wrapped,
    write,
)

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=120)


@given(text=PRINTABLE, width=st.integers(40, 400))
def test_no_line_is_wider_than_its_room_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, TEXT, width, "#000")
    assert all(length_of(line.text, TEXT) <= width for line in lines)
    assert "".join(line.text for line in lines).replace(" ", "") == text.replace(" ", "")


@given(text=PRINTABLE, most=st.integers(1, 4))
def test_so_many_lines_at_most_and_an_ellipsis_for_the_rest(text: str, most: int) -> None:
    whole, lines = wrapped(text, SMALL, 120, "#000"), fitted(text, SMALL, 120, "#000", most=most)
    assert len(lines) == min(most, len(whole))
    assert (lines == whole) or lines[-1].text.endswith("…")
    assert all(length_of(line.text, SMALL) <= 120 for line in lines)


def test_a_long_name_breaks_after_its_marks() -> None:
    lines = wrapped("stabilityai/stable-diffusion-xl", TEXT, 170, "#000")
    assert [line.text[-1] for line in lines[:-1]] == ["-"] * (len(lines) - 1)


@pytest.mark.parametrize("word", ["Größe", "Zażółć", "Ёлка"])
def test_letters_beyond_english_are_not_drawn_as_boxes(word: str) -> None:
    if lettering._other("DejaVuSans.ttf", SMALL) is None:
        assert all(ord(letter) < 0x250 for letter in wrapped(word, SMALL, 400, "#000")[0].text)
        return
    (line,) = wrapped(word, SMALL, 400, "#000")
    assert line.text == word
    box = lettering._own(SMALL).getmask("\U000fffff")
    font = lettering.font(SMALL, word)
    assert all(bytes(font.getmask(letter)) != bytes(box) for letter in word)


def test_without_a_font_that_knows_them_letters_lose_their_accents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lettering, "_OTHER_FONTS", ())
    (line,) = wrapped("Größe élan", SMALL, 400, "#000")
    assert line.text == "Große elan"


def test_lines_are_written_below_each_other() -> None:
    paper = Image.new("RGB", (100, 100), "#fff")
    lines = [Line("one", SMALL, "#000"), Line("two", SMALL, "#000")]
    end = write(ImageDraw.Draw(paper), (0, 10), lines)
    assert end == 10 + height_of(lines)
    box = paper.convert("L").point(lambda value: 255 - value).getbbox()
    assert box is not None
    assert 10 <= box[1] < 10 + SMALL < box[3] <= end
