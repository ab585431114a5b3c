"""A pipeline that knows one word more, for as long as a context lasts; no weight is touched.

The tables of the encoders never grow: ids beyond them are looked up in the word's own vectors.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sdxl_reg.diffusion.strength import forward_replaced
from sdxl_reg_embedding.tokens import Word, reading

ENCODERS = {
    "clip_l": ("tokenizer", "text_encoder"),
    "clip_g": ("tokenizer_2", "text_encoder_2"),
}
"""Key of the vectors in a file → tokenizer and text encoder of the pipeline."""
LEGACY_END = 2
"""What older configurations say the end's id is, full-size SDXL's second encoder's among them."""


@contextmanager
def speaking(pipeline: Any, word: str, vectors: Mapping[str, Tensor]) -> Iterator[dict[str, Word]]:
    """Have a pipeline read a word as vectors; gradients reach them where they are enabled.

    With a configuration whose `eos_token_id` is 2, transformers pools at the highest id of a text.
    Here this is the true end all the same; in plain diffusers with `load_textual_inversion` it is
    the first added token, so that full-size SDXL's pooled output is taken from the wrong place.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        word: What calls up the vectors.
        vectors: `clip_l` and `clip_g` → shape (vectors, width of the encoder).

    Yields:
        The word as each tokenizer reads it, under the same keys.
    """
    words: dict[str, Word] = {}
    with ExitStack() as stack:
        for key, (tokenizer, encoder) in ENCODERS.items():
            own, words[key] = reading(getattr(pipeline, tokenizer), word, len(vectors[key]))
            stack.enter_context(_in_place(pipeline, tokenizer, own))
            stack.enter_context(_looked_up(getattr(pipeline, encoder), words[key], vectors[key]))
            stack.enter_context(_pooled_at_the_end(getattr(pipeline, encoder), words[key].end))
        yield words


def table_of(pipeline: Any, key: str) -> Tensor:
    """The vectors of an encoder's vocabulary, shape (tokens, width).

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        key: `clip_l` or `clip_g`.
    """
    encoder = getattr(pipeline, ENCODERS[key][1])
    table: Tensor = encoder.get_input_embeddings().weight
    return table


@contextmanager
def _in_place(pipeline: Any, name: str, tokenizer: Any) -> Iterator[None]:
    before = getattr(pipeline, name)
    setattr(pipeline, name, tokenizer)
    try:
        yield
    finally:
        setattr(pipeline, name, before)


@contextmanager
def _looked_up(encoder: Any, word: Word, vectors: Tensor) -> Iterator[None]:
    table = encoder.get_input_embeddings()
    known = table.forward

    def forward(ids: Tensor) -> Tensor:
        own = word.among(ids)
        rows: Tensor = known(ids.masked_fill(own, 0))
        chosen = functional.embedding((ids - word.first).clamp(0, len(vectors) - 1), vectors)
        return torch.where(own[..., None], chosen.to(rows), rows)

    with forward_replaced(table, forward):
        yield


@contextmanager
def _pooled_at_the_end(encoder: Any, end: int) -> Iterator[None]:
    text_model = getattr(encoder, "text_model", encoder)
    before = text_model.eos_token_id
    if before == LEGACY_END:
        text_model.eos_token_id = end
    try:
        yield
    finally:
        text_model.eos_token_id = before
