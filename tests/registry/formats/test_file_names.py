"""Names that every file system takes."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.formats.file_names import (
    LONGEST_NAME_BYTES,
    counted_stems,
    name_in_lists,
    safe_folders,
    safe_name,
    unique_stems,
)

_names = st.text(max_size=40)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("weipin", "weipin"),
        ("唯品", "唯品"),
        ("a/b\\c:d", "a_b_c_d"),
        ('what? "no" <x>|*', "what_ _no_ _x_"),
        ("red, large", "red_ large"),
        ("tab\tnul\0", "tab_nul_"),
        (" .hidden. ", "hidden"),
        ("con", "con_"),
        ("NUL.txt", "NUL_.txt"),
        ("Com1 .tar", "Com1_ .tar"),
        ("LPT¹", "LPT¹_"),
        ("console", "console"),
        ("Cafe\u0301", "Café"),
        ("half \ud83d", "half _"),
        ("...", "x"),
        ("", "x"),
    ],
)
def test_names_are_kept_but_for_what_some_file_system_refuses(name: str, safe: str) -> None:
    assert safe_name(name, default="x") == safe


@given(st.text(max_size=400))
def test_a_safe_name_is_never_empty_nor_too_long(name: str) -> None:
    safe = safe_name(name, default="x")
    assert 0 < len(safe.encode()) <= LONGEST_NAME_BYTES
    assert safe_name(safe, default="x") == safe
    assert unicodedata.is_normalized("NFC", safe)


def test_stems_are_kept_where_they_are_unique() -> None:
    assert unique_stems([("one", "t-one"), ("two", "t-two")]) == ["one", "two"]


def test_of_equal_stems_none_is_kept() -> None:
    found = unique_stems([("x1", "qzy-x1"), ("X1", "lsbr-X1"), ("x2", "qzy-x2")])
    assert found == ["qzy-x1", "lsbr-X1", "x2"]


@given(st.lists(st.tuples(_names, _names), max_size=12))
def test_stems_are_always_unique_in_upper_and_lower_case(names: list[tuple[str, str]]) -> None:
    stems = unique_stems(names)
    assert len({name_in_lists(stem) for stem in stems}) == len(names)
    assert all(len(stem.encode()) <= LONGEST_NAME_BYTES for stem in stems)


def test_numbers_have_the_digits_that_the_highest_needs_and_two_at_least() -> None:
    words = [("qzy", "flawed", "spot")] * 2 + [("qzy",)] * 100 + [()]
    stems = counted_stems(words, default="weipin")
    assert stems[:2] == ["qzy_flawed_spot_01", "qzy_flawed_spot_02"]
    assert (stems[2], stems[101]) == ("qzy_001", "qzy_100")
    assert stems[102] == "weipin_01"


def test_words_that_come_to_the_same_are_counted_together() -> None:
    assert counted_stems([("a_b", "c"), ("a", "B_c")], default="x") == ["a_b_c_01", "a_B_c_02"]
    assert counted_stems([("a, b", "light blue")], default="x") == ["a_-b_light-blue_01"]


@given(st.lists(st.lists(_names, max_size=3), max_size=12))
def test_counted_stems_are_always_unique_and_safe(words: list[list[str]]) -> None:
    stems = counted_stems(words, default="x")
    assert len({name_in_lists(stem) for stem in stems}) == len(words)
    assert [safe_name(stem, default="x") for stem in stems] == stems


def test_folders_are_made_safe_part_by_part_and_stay_different() -> None:
    assert safe_folders(["a:b/c", "a?b/c", "a_b", "", "x/nul"]) == {
        "a:b/c": "a_b/c",
        "a?b/c": "a_b-2/c",
        "a_b": "a_b-3",
        "": "",
        "x/nul": "x/nul_",
    }
