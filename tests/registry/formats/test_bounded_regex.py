"""Regular expressions of users, in a process that can be ended."""

import time

import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.bounded_regex import BoundedRegex


def test_matches_are_replaced_in_every_text() -> None:
    with BoundedRegex(r"(\w+) (\w+)", r"\2 \1") as regex:
        assert regex.sub(["a b", "ä ö", "x"]) == ["b a", "ö ä", "x"]
        assert regex.sub([]) == []


def test_case_can_be_ignored() -> None:
    with BoundedRegex("QZY", "x", ignore_case=True) as regex:
        assert regex.sub(["qzy"]) == ["x"]


def test_an_expression_that_takes_for_ever_is_ended() -> None:
    start = time.perf_counter()
    with (
        BoundedRegex(r"(a+)+b", "", timeout_s=0.5) as regex,
        pytest.raises(InvalidValue, match=r"took longer than 0\.5 s"),
    ):
        regex.sub(["a" * 60])
    assert time.perf_counter() - start < 30


def test_a_replacement_with_a_group_that_is_not_there_is_told() -> None:
    with BoundedRegex("a", r"\g<x>") as regex, pytest.raises(InvalidValue, match="unknown group"):
        regex.sub(["a"])


def test_what_is_no_expression_is_told_before_a_process_is_started() -> None:
    with pytest.raises(InvalidValue, match="unterminated subpattern"):
        BoundedRegex("(", "")
