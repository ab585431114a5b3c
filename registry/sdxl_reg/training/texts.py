"""Captions through the text encoders: once, unless the encoders themselves are being trained."""

from collections.abc import Sequence

import torch
from torch import Tensor

from sdxl_reg.diffusion.conditioning import TextConditioning, encode_prompts, token_ids
from sdxl_reg.training.base import Base
from sdxl_reg.training.cache import TensorCache, Tensors, weights_digest


class Texts:
    """Encodes captions.

    Args:
        base: For its tokenizers and text encoders.
        cache: Shared with other runs.
        are_trained: Whether what the encoders say changes while training; then nothing is kept, and
            gradients flow.
    """

    def __init__(self, base: Base, cache: TensorCache, *, are_trained: bool) -> None:
        self._base = base
        self._cache = cache
        self._are_trained = are_trained
        encoders = (base.part("text_encoder"), base.part("text_encoder_2"))
        self._digest = "" if are_trained else weights_digest(*encoders)

    def encode_all(self, captions: Sequence[str]) -> None:
        """Have captions in the cache; nothing happens when the encoders are being trained."""
        if not self._are_trained:
            for caption in sorted(set(captions)):
                self._cached(caption)

    def encoded(self, captions: Sequence[str]) -> TextConditioning:
        """The conditioning of some captions, on the base's device."""
        if self._are_trained:
            return encode_prompts(self._base.pipeline, captions)
        rows = [self._cached(caption) for caption in captions]
        return TextConditioning(
            context=torch.stack([row["context"] for row in rows]).to(self._base.device),
            pooled=torch.stack([row["pooled"] for row in rows]).to(self._base.device),
        )

    def _cached(self, caption: str) -> Tensors:
        pipeline = self._base.pipeline
        key = {
            "what": "text",
            "encoders": self._digest,
            "computed_in": str(self._base.dtype),
            "tokens": [
                token_ids(tokenizer, [caption])[0].tolist()
                for tokenizer in (pipeline.tokenizer, pipeline.tokenizer_2)
            ],
        }
        return self._cache.get(key, lambda: self._encode(caption))

    @torch.no_grad()
    def _encode(self, caption: str) -> dict[str, Tensor]:
        with self._base.autocast():  # whoever asks: what is kept must not depend on it
            found = encode_prompts(self._base.pipeline, [caption])
        return {"context": found.context[0], "pooled": found.pooled[0]}
