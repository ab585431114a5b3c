"""CLIP's tokenizer as rebuilt from merges.txt alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from micro.tokenizer import END, START, vocabulary, whole_words, write_tokenizer

BASE = Path(__file__).parents[2] / "registry" / "sdxl_reg" / "micro_base"


@pytest.fixture(scope="module")
def merges() -> str:
    return (BASE / "tokenizer" / "merges.txt").read_text(encoding="utf-8")


def test_the_vocabulary_is_clips(merges: str) -> None:
    vocab = vocabulary(merges)

    assert len(vocab) == 49_408
    assert (vocab["!"], vocab["a</w>"], vocab["red</w>"]) == (0, 320, 736)
    assert (vocab[START], vocab[END]) == (49_406, 49_407)


def test_the_words_to_mix_in_are_plain(merges: str) -> None:
    words = whole_words(vocabulary(merges))

    assert len(words) > 5_000
    assert {"harbour", "pencil"} <= set(words)
    assert all(word.isalpha() and 3 <= len(word) <= 8 for word in words)


def test_a_tokenizer_folder_says_how_it_pads(merges: str, tmp_path: Path) -> None:
    write_tokenizer(tmp_path, merges, "!")

    special = json.loads((tmp_path / "special_tokens_map.json").read_text(encoding="utf-8"))
    assert special.get("pad_token") == "!"
    assert (tmp_path / "merges.txt").read_text(encoding="utf-8") == merges
