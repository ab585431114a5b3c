"""A LoRA with a strength of its own for each row, in prompts of other lengths."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.diffusion.conditioning import together
from sdxl_reg.diffusion.sampling import denoise, initial_noise, make_generators, make_scheduler
from sdxl_reg.diffusion.texts import encode_negatives, encode_texts
from sdxl_reg_lora.apply import applied

TEXTS = ["a (red:1.2) mug", "blue " * 100, "a shoe BREAK spot BREAK a black mug"]
NEGATIVES = ["spot", "", "red " * 80]
STRENGTHS = [1.0, 0.5, 0.0]
ROWS_TOLERANCE = 1e-4
"""Of the largest value: matrix products of another size are summed in another order."""


def drawn(pipeline: Any, weights: Path, rows: slice, strengths: list[float]) -> Tensor:
    generators = make_generators([1, 2, 3][rows])
    noise = initial_noise(pipeline, generators, width=64, height=64)
    with applied(pipeline, weights, strengths):
        return denoise(
            pipeline,
            make_scheduler("Euler", pipeline.scheduler.config),
            noise,
            prompts=together(encode_texts(pipeline, [(text, "") for text in TEXTS[rows]])),
            negative=together(encode_negatives(pipeline, [(text, "") for text in NEGATIVES[rows]])),
            guidance_scale=4.0,
            num_inference_steps=2,
            generators=generators,
        )


def test_each_row_is_drawn_as_alone_with_its_strength(
    pipeline: Any, tiny_loras: list[Path]
) -> None:
    batch = drawn(pipeline, tiny_loras[0], slice(None), STRENGTHS)
    for row, strength in enumerate(STRENGTHS):
        alone = drawn(pipeline, tiny_loras[0], slice(row, row + 1), [strength])
        scale = alone.abs().max()
        assert (batch[row : row + 1] - alone).abs().max() / scale <= ROWS_TOLERANCE
        base = drawn(pipeline, tiny_loras[0], slice(row, row + 1), [0.0])
        assert bool((alone - base).abs().max() / scale > 1e-3) is (strength > 0)
    assert torch.isfinite(batch).all()
