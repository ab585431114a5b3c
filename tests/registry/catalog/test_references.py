"""References and names."""

import pytest

from sdxl_reg.catalog.references import Reference, checked_name, parse_reference
from sdxl_reg.errors import InvalidValue
from sdxl_reg.imaging.names import name_key


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("weipin-lora", Reference(name="weipin-lora")),
        ("weipin-lora@3", Reference(name="weipin-lora", version=3)),
        ("weipin-lora@best", Reference(name="weipin-lora", alias="best")),
        (" 微品@1 ", Reference(name="微品", version=1)),
    ],
)
def test_a_reference_is_read_and_written_alike(text: str, reference: Reference) -> None:
    assert parse_reference(text) == reference
    assert str(reference) == text.strip()


@pytest.mark.parametrize("text", ["", "@3", "weipin@", "weipin@1@2"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="NAME@NUMBER"):
        parse_reference(text)


def test_names_match_in_either_unicode_form_and_case() -> None:
    assert name_key("Caf\u00e9") == name_key("CAFE\u0301 ")


@pytest.mark.parametrize("name", ["", "  ", "a@b", "a/b", "a\x00b", "x" * 201])
def test_a_name_that_could_not_be_referred_to_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="not a usable name"):
        checked_name(name)
