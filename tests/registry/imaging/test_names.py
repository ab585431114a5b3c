"""Names: matching and slips."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.imaging.names import name_key, near_names, shown


@given(st.text())
def test_the_key_of_a_key_is_itself(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@given(st.text(min_size=1))
def test_both_unicode_forms_of_a_name_have_one_key(name: str) -> None:
    nfc, nfd = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    assert name_key(nfc) == name_key(nfd)


@pytest.mark.parametrize(
    ("name", "other"),
    [("flawles", "flawless"), ("flawd", "flawed"), ("flawde", "flawed"), ("flewed", "flawed")],
)
def test_one_slip_is_near(name: str, other: str) -> None:
    assert near_names(name, ["unrelated", name, other]) == [other]
    assert near_names(other, [name]) == [name]


@pytest.mark.parametrize(
    ("name", "other"), [("flawed", "flawless"), ("lot10", "lot11"), ("spot", "spots"), ("a", "b")]
)
def test_short_numbered_and_different_names_are_not_near(name: str, other: str) -> None:
    assert near_names(name, [other]) == []


def test_bytes_that_are_no_utf_8_are_shown_as_escapes() -> None:
    assert shown(os.fsdecode(b"caf\xe9.jpg")) == "caf\\xe9.jpg"
    assert shown("图.jpg") == "图.jpg"
