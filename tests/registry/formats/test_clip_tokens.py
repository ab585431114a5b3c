"""CLIP's tokens, compared with transformers' tokenizer."""

import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from sdxl_reg.diffusion.micro import tokenizer_files, write_files
from sdxl_reg.formats.clip_tokens import (
    END,
    START,
    chunk_count,
    shipped_merges,
    token_count,
    tokens,
)

PIECES = [
    *("qzy, flawed, spot, black background", "it's they're I'VE we'll he'd", "'S 't''re", "''"),
    *(
        "12345 ½ ² Ⅷ ٣٤ 一二三",
        "一件黑色背景上的T恤，有白色污点。",
        "𠜎𠜱𠝹",
        "🧵👕🏽 👩‍👩‍👧 🇨🇳",
        "e\u0301 é ﬁ",
    ),
    *("İstanbul ΣΟΦΟΣ ς STRASSE ß", "a_b__c-d---e", "\x1c\x1f\x85\u2028\xa0x\u3000y", "हिन्दी ไทย"),
    *("<|startoftext|>", "<|ENDOFTEXT|>!!", "x<|endoftext|>y", "!<|STARTOFTEXT|>", "(red:1.2)"),
    *("\t\r\n ", "<lora:weipin-lora@best:0.8>", "ʼn ŉ ǆ", "\u200b\ufeff\u00ad", "no.5 3,000px 50%"),
]
# What Unicode has come to hold since Python's tables, another program's tables may hold already.
CHARACTERS = st.characters(exclude_categories=("Cs", "Cn", "Co"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> CLIPTokenizer:
    folder = tmp_path_factory.mktemp("clip")
    return CLIPTokenizer.from_pretrained(
        write_files(tokenizer_files(shipped_merges(), END), Path(folder))
    )


def expected(theirs: CLIPTokenizer, text: str) -> list[str]:
    found: list[str] = theirs.convert_ids_to_tokens(
        theirs(text, add_special_tokens=False).input_ids
    )
    return found


@pytest.mark.parametrize("text", PIECES)
def test_hard_texts_are_tokens_as_transformers_makes_them(theirs: CLIPTokenizer, text: str) -> None:
    assert tokens(text) == expected(theirs, text)
    assert token_count(text) == len(tokens(text))


@settings(max_examples=600)
@given(text=st.one_of(st.text(CHARACTERS), st.lists(st.sampled_from(PIECES)).map("".join)))
@example("")
def test_any_text_is_tokens_as_transformers_makes_them(theirs: CLIPTokenizer, text: str) -> None:
    assert tokens(text) == expected(theirs, text)


def test_every_letter_number_and_sign_is_told_apart_as_transformers_does(
    theirs: CLIPTokenizer,
) -> None:
    for first in range(0x20, 0x30000, 0x80):
        block = [
            character
            for character in map(chr, range(first, first + 0x80))
            if unicodedata.category(character) not in ("Cs", "Cn", "Co")
        ]
        text = "".join(f"a{character}b" for character in block)
        assert tokens(text) == expected(theirs, text), hex(first)


def test_words_of_the_trade_have_few_tokens() -> None:
    assert tokens("Black background") == ["black</w>", "background</w>"]
    assert token_count("qzy, flawed, spot, black background") == 9


def test_start_and_end_in_a_text_are_one_token_each() -> None:
    assert tokens(f"{START}red{END}") == [START, "red</w>", END]


@pytest.mark.parametrize(("count", "chunks"), [(0, 1), (75, 1), (76, 2), (150, 2), (151, 3)])
def test_chunks_hold_75_tokens(count: int, chunks: int) -> None:
    assert chunk_count(count) == chunks


def test_a_long_text_without_a_space_takes_seconds_and_not_hours() -> None:
    start = time.perf_counter()
    assert token_count("黑色背景" * 25_000) > 25_000
    assert time.perf_counter() - start < 20  # 1.5 s alone; every pass over it again takes minutes


def test_half_a_surrogate_pair_is_no_error() -> None:
    assert token_count("\ud83d") == 1
