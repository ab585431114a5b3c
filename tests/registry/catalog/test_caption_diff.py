"""Word by word, what changed between two captions."""

from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.catalog.caption_diff import word_diff


def test_words_that_changed_stand_beside_each_other() -> None:
    found = [(s.kind, s.text) for s in word_diff("qzy, spot", "qzy, white stain")]
    assert found[0] == ("same", "qzy, ")
    assert ("removed", "spot") in found
    assert "".join(text for kind, text in found if kind != "removed") == "qzy, white stain"


@given(before=st.text(), after=st.text())
def test_no_letter_is_lost(before: str, after: str) -> None:
    found = word_diff(before, after)
    assert "".join(s.text for s in found if s.kind != "added") == before
    assert "".join(s.text for s in found if s.kind != "removed") == after
