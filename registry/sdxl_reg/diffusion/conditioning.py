"""What SDXL's U-Net is told beside the noisy latents: text, and sizes and crops.

Source: Podell et al. 2023, arXiv:2307.01952, sections 2.1 (two text encoders) and 2.2
(micro-conditioning); diffusers' `StableDiffusionXLPipeline.encode_prompt`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class TextConditioning:
    """Encoded prompts.

    Attributes:
        context: Shape (prompts, 77 for each chunk of text, width of both encoders), for
            cross-attention.
        pooled: Shape (prompts, projection width), added to the time embedding.
        mask: Shape (prompts, length of the context): 1 where there is text, 0 where a shorter
            one is filled up beside longer ones; None where all are equally long.
    """

    context: Tensor
    pooled: Tensor
    mask: Tensor | None = None

    def rows(self, indices: Sequence[int]) -> "TextConditioning":
        """The prompts of some rows, in that order."""
        chosen = torch.tensor(indices, device=self.context.device)
        return TextConditioning(
            context=self.context[chosen],
            pooled=self.pooled[chosen],
            mask=None if self.mask is None else self.mask[chosen],
        )


def together(rows: Sequence[TextConditioning]) -> TextConditioning:
    """Rows of any lengths as one conditioning, none of which sees what fills up a shorter one.

    Args:
        rows: Without masks, at least one.

    Accuracy: what is masked has a weight of exp(-10000) = 0 in float32, so a row is drawn as it is
        alone up to the order of sums (tests/registry/diffusion/test_texts.py).
    """
    longest = max(row.context.shape[1] for row in rows)
    lengths = [row.context.shape[1] for row in rows for _ in row.context]
    fills = [(0, 0, 0, longest - row.context.shape[1]) for row in rows]
    context = torch.cat(
        [functional.pad(row.context, fill) for row, fill in zip(rows, fills, strict=True)]
    )
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    return TextConditioning(
        context=context,
        pooled=torch.cat([row.pooled for row in rows]),
        mask=None if mask.all() else mask.to(context.device),
    )


def encode_prompts(pipeline: Any, prompts: Sequence[str]) -> TextConditioning:
    """Prompts through both text encoders; gradients flow where they are enabled.

    Args:
        pipeline: A `StableDiffusionXLPipeline`, for its tokenizers and text encoders.
        prompts: Longer ones are cut at 77 tokens.

    Returns:
        Both encoders' last hidden states but one, side by side, and the second one's projection.
    """
    first = pipeline.text_encoder(
        token_ids(pipeline.tokenizer, prompts).to(pipeline.text_encoder.device),
        output_hidden_states=True,
    )
    second = pipeline.text_encoder_2(
        token_ids(pipeline.tokenizer_2, prompts).to(pipeline.text_encoder_2.device),
        output_hidden_states=True,
    )
    context = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
    return TextConditioning(context=context, pooled=second.text_embeds)


def token_ids(tokenizer: Any, prompts: Sequence[str]) -> Tensor:
    """Token numbers, padded and cut; shape (prompts, 77)."""
    tokens = tokenizer(
        list(prompts),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    ids: Tensor = tokens.input_ids
    return ids


def size_ids(
    original_size: tuple[int, int],
    crops_coords_top_left: tuple[int, int],
    target_size: tuple[int, int],
) -> tuple[int, ...]:
    """The six numbers of SDXL's micro-conditioning, each pair height (top) first, in pixels."""
    return (*original_size, *crops_coords_top_left, *target_size)
