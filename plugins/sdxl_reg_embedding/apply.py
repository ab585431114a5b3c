"""Drawing with an embedding at a strength, or at a strength of its own for each picture."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.diffusion.strength import checked_strengths, forward_replaced, row_factors
from sdxl_reg.errors import UsageError
from sdxl_reg_embedding.files import Embedding, load_embedding
from sdxl_reg_embedding.speaking import ENCODERS, speaking, table_of
from sdxl_reg_embedding.tokens import Word


@contextmanager
def applied(pipeline: Any, weights: Path, strength: float | Sequence[float]) -> Iterator[None]:
    """Have a pipeline know an embedding's word for as long as the context lasts.

    What a text encoder says of a text goes in a straight line from the word as plain text
    (strength 0) to the word as its vectors (1): c(s) = c(0) + s (c(1) − c(0)), for hidden states
    and pooled output alike. A text without the word is the base's, whatever the strength.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        weights: An embedding for SDXL. The word is what the file says, or else its stem.
        strength: One value, or one for every text that is encoded at a time.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged.
        UsageError: It is something else, or for encoders of other widths.
        InvalidValue: A strength is not a finite number, or (while encoding) the texts are no
            multiple of the strengths.

    Accuracy: equal to diffusers' `load_textual_inversion` within 1e-5 at strength 1
        (tests/plugins/embedding/test_apply.py). A prompt that is cut because of the vectors stays
        cut at strengths other than 0.
    """
    strengths = checked_strengths(strength)
    embedding = load_embedding(weights)
    _require_fitting(pipeline, embedding, weights)
    with ExitStack() as stack:
        if any(strengths):
            words = stack.enter_context(speaking(pipeline, embedding.word, embedding.vectors))
            if set(strengths) != {1.0}:
                for key, word in words.items():
                    encoder = getattr(pipeline, ENCODERS[key][1])
                    stack.enter_context(_interpolated(encoder, word, strengths))
        yield


def _require_fitting(pipeline: Any, embedding: Embedding, path: Path) -> None:
    for key, vectors in embedding.vectors.items():
        width, wanted = vectors.shape[1], table_of(pipeline, key).shape[1]
        if width != wanted:
            raise UsageError(
                f"{path}: its {key} is {width} wide, the base's {ENCODERS[key][1]} {wanted}",
                remedy="Use it with the base that it was trained for",
            )


@contextmanager
def _interpolated(encoder: Any, word: Word, strengths: list[float]) -> Iterator[None]:
    with_vectors = encoder.forward

    def forward(input_ids: Tensor, *args: Any, **kwargs: Any) -> Any:
        trained = with_vectors(input_ids, *args, **kwargs)
        if not word.among(input_ids).any():
            return trained
        factors = row_factors(torch.tensor(strengths, device=input_ids.device), input_ids)
        plain = with_vectors(word.spelled_out(input_ids), *args, **kwargs)
        return _between(plain, trained, factors.flatten())

    with forward_replaced(encoder, forward):
        yield


def _between(plain: Any, trained: Any, factors: Tensor) -> Any:
    """Values on the line between two answers of an encoder, exact at both ends.

    Args:
        plain: Tensors in tuples and mappings.
        trained: The same of the trained word.
        factors: Shape (rows,).
    """
    if isinstance(plain, Tensor):
        shape = (-1, *[1] * (plain.ndim - 1))
        return torch.lerp(plain, trained, factors.to(plain).reshape(shape))
    if isinstance(plain, Mapping):  # transformers' answers
        return type(plain)(
            **{name: _between(value, trained[name], factors) for name, value in plain.items()}
        )
    return tuple(_between(one, other, factors) for one, other in zip(plain, trained, strict=True))
