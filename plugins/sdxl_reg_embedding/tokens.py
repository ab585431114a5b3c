"""Tokenizers that read a word as ids of its own, which no table of an encoder has."""

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import AddedToken, Regex, normalizers
from torch import Tensor

PRIVATE = 0xF0000
"""The first of Unicode's private characters (area A): nobody types them, no rule changes them."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word as a tokenizer reads it.

    Attributes:
        first: The first of its own ids; the others follow.
        count: How many there are.
        plain: The ids of its letters, as it is read without an embedding.
        end: The id that ends every text.
        padding: The id that fills up what is left.
    """

    first: int
    count: int
    plain: Sequence[int]
    end: int
    padding: int

    def among(self, ids: Tensor) -> Tensor:
        """Where ids are the word's own; a mask of the same shape."""
        return (ids >= self.first) & (ids < self.first + self.count)

    def spelled_out(self, ids: Tensor) -> Tensor:
        """The same texts with the word as plain text, cut and padded to the same length.

        Args:
            ids: Shape (rows, tokens), from the tokenizer of the word.
        """
        rows = [self._row(row) if self._is_in(row) else row for row in ids.tolist()]
        return torch.tensor(rows, device=ids.device, dtype=ids.dtype)

    def _is_in(self, row: Sequence[int]) -> bool:
        return any(self.first <= token < self.first + self.count for token in row)

    def _row(self, row: list[int]) -> list[int]:
        text: list[int] = []
        for token in row[: row.index(self.end)]:
            if token == self.first:
                text += self.plain
            elif not self.first < token < self.first + self.count:
                text.append(token)
        text = [*text[: len(row) - 1], self.end]
        return text + [self.padding] * (len(row) - len(text))


def reading(tokenizer: Any, word: str, count: int) -> tuple[Any, Word]:
    """A tokenizer that reads a word as ids of its own; the given one stays as it is.

    The word is replaced by private characters as soon as a text has been normalised, and these are
    tokens. So it is found in any letter case, alone and not inside of longer words, and diffusers'
    `maybe_convert_prompt` finds nothing to do.

    Args:
        tokenizer: A `CLIPTokenizer`, or one that this function gave: words add up.
        word: What calls up the vectors.
        count: How many ids it becomes.

    Returns:
        The tokenizer, and the word as it reads it.
    """
    own = copy.deepcopy(tokenizer)
    first = len(own)
    characters = [chr(PRIVATE + first + number) for number in range(count)]
    own.add_tokens([AddedToken(character, normalized=True) for character in characters])
    normal = own.backend_tokenizer.normalizer
    spelled = re.escape(normal.normalize_str(word))
    own.backend_tokenizer.normalizer = normalizers.Sequence(
        [normal, normalizers.Replace(Regex(rf"(?<!\w){spelled}(?!\w)"), "".join(characters))]
    )
    return own, Word(
        first=first,
        count=count,
        plain=tokenizer(word, add_special_tokens=False).input_ids,
        end=tokenizer.eos_token_id,
        padding=tokenizer.pad_token_id,
    )
