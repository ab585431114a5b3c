"""CLIP's vocabulary as the micro base ships it."""

from __future__ import annotations

import pytest
from transformers import CLIPTokenizer

from micro.tokenizer import build_tokenizer, whole_words
from sdxl_reg.formats.clip_tokens import END, START, shipped_merges


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return build_tokenizer(shipped_merges())


def test_the_vocabulary_is_clips(tokenizer: CLIPTokenizer) -> None:
    vocab = tokenizer.get_vocab()

    assert len(vocab) == 49_408
    assert (vocab["!"], vocab["a</w>"], vocab["red</w>"]) == (0, 320, 736)
    assert (vocab[START], vocab[END]) == (49_406, 49_407)


def test_the_words_to_mix_in_are_plain(tokenizer: CLIPTokenizer) -> None:
    words = whole_words(tokenizer.get_vocab())

    assert len(words) > 5_000
    assert {"harbour", "pencil"} <= set(words)
    assert all(word.isalpha() and 3 <= len(word) <= 8 for word in words)
