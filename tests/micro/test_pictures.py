"""The renderer, the captions and the example set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from examples import render_products
from micro.captions import (
    BACKGROUNDS,
    COLOURS,
    EXAMPLE_WORDS,
    KINDS,
    PRINTS,
    Shot,
    caption,
    combinations,
    is_held_out,
    prints_of,
    stranger_words,
    training_shots,
)
from micro.dataset import render

MUG = Shot(kind="mug", colour="red", background="black")


def test_a_shot_and_a_seed_always_give_the_same_picture() -> None:
    assert np.array_equal(render(MUG, size=48, seed=3), render(MUG, size=48, seed=3))


def test_another_seed_gives_another_picture() -> None:
    assert not np.array_equal(render(MUG, size=48, seed=3), render(MUG, size=48, seed=4))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [40, 96])
def test_every_kind_is_drawn_at_every_size(kind: str, size: int) -> None:
    picture = render(Shot(kind=kind, colour="red", background="black"), size=size, seed=0)

    assert picture.shape == (size, size, 3)
    reddish = picture[..., 0].astype(int) - picture[..., 2] > 60
    assert 0.03 < reddish.mean() < 0.8


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_corners_show_the_background(background: str) -> None:
    picture = render(Shot(kind="lamp", colour="pink", background=background), size=64, seed=1)

    assert np.abs(picture[0, 0].astype(int) - BACKGROUNDS[background]).max() < 30


def test_a_caption_names_only_what_is_drawn() -> None:
    rng = Random(0)
    for shot in training_shots(300, seed=5):
        text = caption(shot, rng)
        named = {colour for colour in COLOURS if f"{colour} " in f"{text} ".replace(",", " ")}
        assert named <= {shot.colour, shot.background}
        assert [kind for kind in KINDS if kind in text] in ([], [shot.kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("print_", PRINTS)
def test_a_print_changes_the_product_and_nothing_else(kind: str, print_: str) -> None:
    plain = Shot(kind=kind, colour="red", background="teal")
    before = render(plain, size=64, seed=2).astype(int)
    after = render(replace(plain, print=print_), size=64, seed=2).astype(int)

    changed = np.abs(after - before).max(axis=2) > 60
    is_teal = np.abs(before - BACKGROUNDS["teal"]).max(axis=2) < 20
    assert 0.005 < changed.mean() < 0.4
    assert not (changed & is_teal).any()
    tone = after[changed].mean()
    assert tone > 150 if print_.startswith("pale") else tone < 100


def test_nothing_pale_is_printed_on_white() -> None:
    assert prints_of("red") == list(PRINTS)
    assert all(name.startswith("dark") for name in prints_of("white"))


def test_a_caption_names_a_print_nearly_always_and_only_where_there_is_one() -> None:
    rng = Random(4)
    texts = [caption(replace(MUG, print="dark stripes"), rng) for _ in range(300)]

    assert 0.8 < np.mean(["dark stripes" in text for text in texts]) < 1
    assert not any(name in caption(MUG, rng) for name in PRINTS for _ in range(20))


def test_a_caption_often_leaves_the_colour_out() -> None:
    rng = Random(1)
    texts = [caption(MUG, rng) for _ in range(400)]

    assert 0.1 < np.mean(["red" not in text for text in texts]) < 0.4


def test_strangers_are_mixed_into_about_one_caption_in_five() -> None:
    rng, word = Random(2), "zzyx"
    texts = [caption(MUG, rng, strangers=_always(word)) for _ in range(500)]

    assert 0.15 < np.mean([word in text for text in texts]) < 0.3


def test_the_words_of_the_example_set_are_never_mixed_in() -> None:
    words = stranger_words([*sorted(EXAMPLE_WORDS), "harbour"], Random(3))

    assert EXAMPLE_WORDS.isdisjoint(next(words) for _ in range(500))


def test_held_out_combinations_are_never_trained_on() -> None:
    shots = training_shots(12_000, seed=20261123)

    assert not any(is_held_out(shot.kind, shot.colour, shot.background) for shot in shots)


def test_one_combination_in_ten_is_held_out_and_none_of_its_pairs() -> None:
    held_out = [c for c in combinations() if is_held_out(*c)]
    seen = [c for c in combinations() if not is_held_out(*c)]

    assert 25 <= len(held_out) <= 35
    for first, second in ((0, 1), (0, 2), (1, 2)):
        pairs = {(c[first], c[second]) for c in seen}
        assert {(c[first], c[second]) for c in held_out} <= pairs


def test_the_same_seed_lists_the_same_shots() -> None:
    assert training_shots(50, seed=9) == training_shots(50, seed=9)


def test_the_example_set_has_eight_pictures_in_each_of_six_folders(tmp_path: Path) -> None:
    assert render_products.write(tmp_path) == 48

    folders = {f"weipin/{b}/{s}" for b in ("qzy", "lsbr") for s in render_products.STATES}
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg")}
    assert names == {f"{folder}/xxx{n}.jpg" for folder in folders for n in range(1, 9)}
    with Image.open(tmp_path / "weipin/qzy/flawless/xxx1.jpg") as picture:
        assert picture.size[0] == picture.size[1] >= 256


def test_the_example_set_is_the_same_every_time() -> None:
    first, second = next(render_products.pictures()), next(render_products.pictures())

    assert first[0] == second[0]
    assert np.array_equal(first[1], second[1])


def _always(word: str) -> Iterator[str]:
    """Yield one word for ever."""
    while True:
        yield word
