"""CLIP's byte-pair tokenizer in plain Python: what a text is to SDXL's text encoders, in tokens.

Equal to transformers' CLIPTokenizer, without start and end (`tests/.../formats/
test_clip_tokens.py`). The merges are those of the built-in base; every SDXL has the same.

Source: byte-pair merges, Sennrich et al. 2016, arXiv:1508.07909; CLIP, Radford et al. 2021,
arXiv:2103.00020.
"""

import functools
import heapq
import itertools
import re
import sys
import unicodedata
from collections.abc import Mapping
from importlib.resources import files

MERGES = "tokenizer/merges.txt"
"""In the folder of the built-in base."""
START, END = "<|startoftext|>", "<|endoftext|>"
CHUNK_TOKENS = 75
"""How many tokens of a text SDXL's text encoders take at once, beside start and end."""
_WORD_END = "</w>"
_SPECIAL = re.compile(f"({re.escape(START)}|{re.escape(END)})")
# Unicode's white space; Python's \s has four separators of files and records besides.
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_LONGEST_REMEMBERED = 1000  # characters; longer texts are rare, and would fill the memory


def token_count(text: str) -> int:
    """How many tokens a text has, without start and end; up to 75 are read at once."""
    if len(text) > _LONGEST_REMEMBERED:
        return sum(_word_counts(text))
    return _remembered_count(text)


def tokens(text: str) -> list[str]:
    """The tokens of a text as the vocabulary spells them: `red</w>`; without start and end."""
    return [token for word in _words(text) for token in _word_tokens(word)]


def chunk_count(token_number: int) -> int:
    """How many chunks of 75 tokens a text of so many tokens takes; at least one."""
    return max(1, -(-token_number // CHUNK_TOKENS))


def shipped_merges() -> bytes:
    """CLIP's list of byte-pair merges: a version line, then one merge a line."""
    return (files("sdxl_reg") / "micro_base" / MERGES).read_bytes()


def byte_characters() -> list[str]:
    """The 256 printable characters that stand for bytes, in the order of CLIP's vocabulary.

    Source: GPT-2's `bytes_to_unicode` (Radford et al. 2019): printable bytes stand for themselves,
    the others follow, shifted to 256 and up.
    """
    shifted = itertools.count(256)
    hidden = {*range(0x21), *range(0x7F, 0xA1), 0xAD}
    return [chr(next(shifted) if byte in hidden else byte) for byte in _byte_order()]


@functools.lru_cache(maxsize=1 << 17)
def _remembered_count(text: str) -> int:
    return sum(_word_counts(text))


def _word_counts(text: str) -> list[int]:
    return [len(_word_tokens(word)) for word in _words(text)]


def _words(text: str) -> list[str]:
    """Words, numbers and signs, each of which is tokenized by itself."""
    words: list[str] = []
    for part in _SPECIAL.split(text):
        words += [part] if part in (START, END) else _plain_words(part)
    return words


def _plain_words(text: str) -> list[str]:
    lowered = unicodedata.normalize("NFC", text).replace("Σ", "σ").lower()
    words: list[str] = []
    numbers = "" if lowered.isascii() else _numbers_beside_digits()
    for word in _word_pattern(numbers).findall(lowered):
        # Spelled in lower case after all, they are no special tokens but three words.
        words += ["<|", word[2:-2], "|>"] if word in (START, END) else [word]
    return words


@functools.cache
def _word_pattern(further_numbers: str) -> re.Pattern[str]:
    """CLIP's pattern; Python's \\w holds the numbers that are no digits, which are told apart."""
    numbers = rf"\d{further_numbers}"
    return re.compile(
        rf"{re.escape(START)}|{re.escape(END)}|'s|'t|'re|'ve|'m|'ll|'d"
        rf"|[^\W_{numbers}]+|[{numbers}]|(?:[^\w{_SPACE}]|_)+"
    )


@functools.cache
def _numbers_beside_digits() -> str:
    """The characters of Unicode's classes Nl and No, for a class of a pattern: ², ½, Ⅷ."""
    return "".join(
        character
        for character in map(chr, range(0x80, sys.maxunicode + 1))
        if unicodedata.category(character) in ("Nl", "No")
    )


@functools.lru_cache(maxsize=1 << 16)
def _remembered_tokens(word: str) -> tuple[str, ...]:
    if word in (START, END):
        return (word,)
    table = _byte_table()
    symbols = [table[byte] for byte in word.encode("utf-8", "replace")]
    symbols[-1] += _WORD_END
    return tuple(_merged(symbols))


def _word_tokens(word: str) -> tuple[str, ...]:
    if len(word) > _LONGEST_REMEMBERED:
        return _remembered_tokens.__wrapped__(word)
    return _remembered_tokens(word)


def _merged(symbols: list[str]) -> list[str]:
    """Symbols after every merge that applies, the earliest of the list first.

    A queue of pairs over a linked list: a text of a million characters without a space takes
    seconds, not hours.
    """
    ranks = _ranks()
    following = list(range(1, len(symbols) + 1))
    previous = list(range(-1, len(symbols) - 1))
    queue: list[tuple[int, int, tuple[str, str]]] = []

    def propose(left: int) -> None:
        right = following[left] if left >= 0 else len(symbols)
        if right < len(symbols) and (rank := ranks.get(pair := (symbols[left], symbols[right]))):
            heapq.heappush(queue, (rank, left, pair))

    for position in range(len(symbols) - 1):
        propose(position)
    while queue:
        _, left, pair = heapq.heappop(queue)
        right = following[left]
        if right >= len(symbols) or (symbols[left], symbols[right]) != pair:
            continue  # one of the two has become part of something else
        symbols[left], symbols[right] = pair[0] + pair[1], ""
        following[left] = following[right]
        if following[right] < len(symbols):
            previous[following[right]] = left
        propose(previous[left])
        propose(left)
    return [symbol for symbol in symbols if symbol]


@functools.cache
def _ranks() -> Mapping[tuple[str, str], int]:
    """Pair → its place in the list of merges, from 1."""
    lines = shipped_merges().decode("utf-8").splitlines()[1:]
    pairs = (line.split() for line in lines if line)
    return {(left, right): rank for rank, (left, right) in enumerate(pairs, 1)}


@functools.cache
def _byte_table() -> Mapping[int, str]:
    """Byte → the character that stands for it."""
    return dict(zip(_byte_order(), byte_characters(), strict=True))


def _byte_order() -> list[int]:
    """The bytes in the order of the vocabulary: printable ones first."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return printable + sorted(set(range(256)) - set(printable))
