"""Adherence to prompts, and what the defect word of a prompt is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.metrics.adherence import (
    clip_t,
    defect_adherence,
    defect_words,
    without_words,
)
from tests.registry.evaluation.metrics.scenes import GivenScene, picture, reference

PRODUCTS = [
    reference("a", tags="qzy/flawed/spot"),
    reference("b", tags="lsbr/flawed/oil_stain"),
    reference("c", tags="qzy/flawless"),
]


def test_the_defect_words_are_the_tags_of_the_last_level() -> None:
    assert defect_words(PRODUCTS) == ["oil_stain", "spot"]
    assert defect_words([reference("a", tags="qzy"), reference("b", tags="lsbr")]) == []
    assert defect_words([]) == []


@pytest.mark.parametrize(
    ("prompt", "rest"),
    [
        ("qzy, flawed, spot", "qzy, flawed"),
        ("Spot, qzy", "qzy"),
        ("a shirt with an oil stain, qzy", "a shirt with an, qzy"),
        ("oil-stain", ""),
        ("qzy, flawless", "qzy, flawless"),
        ("a spotted spotlight", "a spotted spotlight"),
        ("qzy,  two   spaces", "qzy,  two   spaces"),
    ],
)
def test_they_are_taken_out_of_the_prompt_as_whole_words(prompt: str, rest: str) -> None:
    assert without_words(prompt, ["spot", "oil_stain"]) == rest


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=5), max_size=3))
def test_any_prompt_without_any_words_is_text(prompt: str, words: list[str]) -> None:
    assert len(without_words(prompt, words)) <= len(prompt) + prompt.count(",")


def scene(**prompts: str) -> GivenScene:
    return GivenScene(
        pictures=[picture(key, prompt=prompt) for key, prompt in prompts.items()],
        references=PRODUCTS,
        features={
            "p": [3, 0],
            "q": [0, 2],
            "qzy, spot": [0.6, 0.8],
            "qzy": [0, 5],
        },
    )


def test_clip_t_is_the_cosine_of_picture_and_prompt() -> None:
    found = {s.key: s.value for s in clip_t.scores(scene(p="qzy, spot", q="qzy"))}
    assert found == {"p": pytest.approx(0.6), "q": pytest.approx(1.0)}


def test_defect_adherence_is_what_the_word_adds_and_only_where_it_stands() -> None:
    found = {s.key: s.value for s in defect_adherence.scores(scene(p="qzy, spot", q="qzy"))}
    assert found == {"p": pytest.approx(0.6 - 0.0)}
    found = {s.key: s.value for s in defect_adherence.scores(scene(q="qzy, spot"))}
    assert found == {"q": pytest.approx(0.8 - 1.0)}


def test_without_a_defect_in_any_prompt_it_says_so() -> None:
    with pytest.raises(UsageError, match="oil_stain, spot"):
        list(defect_adherence.scores(scene(q="qzy")))


def test_scorers_name_the_network_and_what_is_compared() -> None:
    (full,) = clip_t.scores(scene(p="qzy, spot"))
    (bare,) = defect_adherence.scores(scene(p="qzy, spot"))
    assert full.scorer == "given-text/1:prompt"
    assert bare.scorer.startswith("given-text/1:without:")
