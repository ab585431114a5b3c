"""The filter of a gallery as one selector, and as an address."""

from sdxl_reg.web.filters import Filter


def test_nothing_selects_everything() -> None:
    assert Filter().selector == ""
    assert Filter().query == ""


def test_a_selector_alone_stays_as_it_was_written() -> None:
    assert Filter(select="a OR b").selector == "a OR b"


def test_everything_holds_together() -> None:
    wanted = Filter(select="a OR b", words='white "rim', only=("blurred", "uncaptioned"))
    assert wanted.selector == (
        '(a OR b) AND quality:blurred AND NOT is:captioned AND caption:"white " AND caption:"rim"'
    )


def test_a_choice_is_taken_and_given_back() -> None:
    wanted = Filter(tag="qzy").toggled("dark")
    assert wanted.query == "tag=qzy&only=dark"
    assert wanted.toggled("dark") == Filter(tag="qzy")
    assert wanted.at("").query == "only=dark"
