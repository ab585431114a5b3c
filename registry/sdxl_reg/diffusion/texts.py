"""Prompts of any length and with emphasis through the text encoders.

A weight multiplies what an encoder says of a token; then the mean over the chunk is restored
(A1111's emphasis "Original"), for each row and encoder by itself, so that no row depends on its
neighbours. The pooled output is that of the first chunk, without weights.

Source: A1111's `modules/sd_hijack_clip.py` and `modules/sd_emphasis.py`.
Accuracy: a prompt of one chunk without weights is bit-equal to `conditioning.encode_prompts`; held
by tests/registry/diffusion/test_texts.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.diffusion.chunks import Chunk, chunks_of, empty_chunk
from sdxl_reg.diffusion.conditioning import TextConditioning
from sdxl_reg.errors import InvalidValue

Text = tuple[str, str]
"""A prompt, and what the second text encoder reads instead; empty: the same."""


@torch.no_grad()
def encode_texts(
    pipeline: Any, texts: Sequence[Text], *, clip_skip: int = 2
) -> list[TextConditioning]:
    """Prompts through the text encoders.

    All rows are encoded in one call for each chunk, in their order, so that strengths of LoRAs and
    embeddings that differ between rows find theirs; a row without that chunk reads an empty one,
    which is cut off again.

    Args:
        pipeline: A `StableDiffusionXLPipeline`, or a refiner's, which has only a second encoder.
        texts: One a row.
        clip_skip: Which layer's output is taken: 1 is the last, 2 the last but one (SDXL's own).
            diffusers' `clip_skip` is smaller by 2.

    Returns:
        One conditioning a row: context (1, 77 · chunks, width), pooled (1, projection width).

    Raises:
        InvalidValue: A weight is no number, or an encoder has no such layer.
    """
    encoders = [
        _Encoder(tokenizer, model, [chunks_of(tokenizer, text[which] or text[0]) for text in texts])
        for which, (tokenizer, model) in enumerate(_parts(pipeline))
        if model is not None
    ]
    _require_layer(encoders, clip_skip)
    counts = [max(len(encoder.rows[row]) for encoder in encoders) for row in range(len(texts))]
    found = [_encoded(encoders, index, clip_skip) for index in range(max(counts))]
    return [
        TextConditioning(
            context=torch.cat([context[row : row + 1] for context, _ in found[:count]], dim=1),
            pooled=found[0][1][row : row + 1],
        )
        for row, count in enumerate(counts)
    ]


def encode_negatives(
    pipeline: Any, texts: Sequence[Text], *, clip_skip: int = 2
) -> list[TextConditioning]:
    """What guidance leads away from: as `encode_texts`, but an empty text may become zeros.

    Args:
        pipeline: As for `encode_texts`; where it says `force_zeros_for_empty_prompt` (true of
            SDXL's base, not of its refiner), empty texts are zeros, as in A1111 and diffusers.
        texts: One a row.
        clip_skip: As for `encode_texts`.

    Returns:
        One conditioning a row.
    """
    found = encode_texts(pipeline, texts, clip_skip=clip_skip)
    if not pipeline.config.get("force_zeros_for_empty_prompt"):
        return found
    return [
        row
        if any(text)
        else TextConditioning(
            context=torch.zeros_like(row.context), pooled=torch.zeros_like(row.pooled)
        )
        for row, text in zip(found, texts, strict=True)
    ]


@dataclass(frozen=True)
class _Encoder:
    """One of the text encoders with what it reads: the chunks of each row."""

    tokenizer: Any
    model: Any
    rows: list[list[Chunk]]

    def chunks(self, index: int) -> list[Chunk]:
        """One chunk of every row."""
        empty = empty_chunk(self.tokenizer)
        return [row[index] if index < len(row) else empty for row in self.rows]


def _parts(pipeline: Any) -> Iterator[tuple[Any, Any]]:
    yield pipeline.tokenizer, pipeline.text_encoder
    yield pipeline.tokenizer_2, pipeline.text_encoder_2


def _encoded(encoders: Sequence[_Encoder], index: int, clip_skip: int) -> tuple[Tensor, Tensor]:
    """Context and pooled output of one chunk of every row; the last encoder pools."""
    contexts = []
    for encoder in encoders:
        chunks = encoder.chunks(index)
        ids = torch.tensor([chunk.ids for chunk in chunks], device=encoder.model.device)
        said = encoder.model(ids, output_hidden_states=True)
        contexts.append(emphasised(_layer(said, clip_skip), [chunk.weights for chunk in chunks]))
    return torch.cat(contexts, dim=-1), said.text_embeds


def emphasised(context: Tensor, weights: Sequence[Sequence[float]]) -> Tensor:
    """What an encoder says, each token multiplied by its weight and each row's mean restored.

    Args:
        context: Shape (rows, tokens, width).
        weights: For every row, one a token; a row of ones stays bit-equal.

    Source: A1111's `modules/sd_emphasis.py`, `EmphasisOriginal`.
    """
    rows = []
    for row, own in zip(context, weights, strict=True):
        if any(weight != 1.0 for weight in own):
            changed = row * torch.tensor(own, device=row.device, dtype=row.dtype)[:, None]
            row = changed * (row.mean() / changed.mean())
        rows.append(row)
    return torch.stack(rows)


def _layer(said: Any, clip_skip: int) -> Tensor:
    layer: Tensor = said.hidden_states[-clip_skip]
    return layer


def _require_layer(encoders: Sequence[_Encoder], clip_skip: int) -> None:
    most = min(encoder.model.config.num_hidden_layers for encoder in encoders)
    if not 1 <= clip_skip <= most:
        raise InvalidValue("clip skip", clip_skip, remedy=f"Give 1 to {most}")
