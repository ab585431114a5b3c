"""The vectors of a word, as the training loop sees them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn

from sdxl_reg.errors import InvalidValue, UsageError
from sdxl_reg.training.base import Base
from sdxl_reg.training.trainee import ParameterGroup
from sdxl_reg_embedding.config import EmbeddingConfig
from sdxl_reg_embedding.files import Embedding, save_embedding
from sdxl_reg_embedding.speaking import ENCODERS, table_of
from sdxl_reg_embedding.templates import filled


class EmbeddingTrainee:
    """New vectors for a word; the base is to be `speaking` it while they are trained.

    Args:
        base: What they are trained in.
        config: How many, their beginning, their learning rates.
        word: Calls them up.
        start: Vectors to start from, instead of those of `init_word`.

    Attributes:
        word: As given.
        vectors: `clip_l` and `clip_g` → shape (vectors, width).
        groups: One for each encoder with a learning rate.

    Raises:
        UsageError: Every learning rate is 0.
        InvalidValue: The vectors to start from are not so many, or of another width.
    """

    def __init__(
        self, base: Base, config: EmbeddingConfig, word: str, *, start: Embedding | None = None
    ) -> None:
        self.word = word
        self._config = config
        self._base = base
        self.vectors = {
            key: nn.Parameter(
                _taken(base, config, start, key) if start else _first(base, config, key)
            )
            for key in ENCODERS
        }
        self.groups = [
            ParameterGroup(name=part, parameters=[self.vectors[key]], lr=config.rate_of(part))
            for key, (_, part) in ENCODERS.items()
            if config.rate_of(part) > 0
        ]
        if not self.groups:
            raise UsageError(
                "nothing to train: every learning rate is 0", remedy="Set learning_rate"
            )

    @property
    def changes_text(self) -> bool:
        """Always: the word says something else after every step."""
        return True

    @property
    def saved_values(self) -> int:
        """How many numbers a saved file holds."""
        return sum(vectors.numel() for vectors in self.vectors.values())

    def caption(self, caption: str, chance: Random) -> str:
        """The caption in one of the template's lines."""
        line = chance.choice(self._config.prompt_template)
        return filled(line, name=self.word, caption=caption)

    def prompt(self, caption: str) -> str:
        """The caption in the template's first line."""
        return filled(self._config.prompt_template[0], name=self.word, caption=caption)

    @torch.no_grad()
    def after_update(self) -> None:
        """Draw the vectors' standard deviation back towards that of the vocabulary.

        Source: diffusers' `train_dreambooth_lora_sdxl_advanced.py`, `retract_embeddings`, where the
        power is 0.1.
        """
        if power := self._config.std_retraction:
            for key, vectors in self.vectors.items():
                usual = table_of(self._base.pipeline, key).float().std()
                vectors.mul_((usual / vectors.std()) ** power)

    def drawing(self) -> AbstractContextManager[None]:
        """The base draws with the vectors all the time."""
        return nullcontext()

    def state(self) -> Mapping[str, Tensor]:
        """The vectors in float32."""
        return {key: vectors.detach() for key, vectors in self.vectors.items()}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up vectors bit by bit."""
        for key, vectors in self.vectors.items():
            vectors.copy_(state[key])

    def save(self, path: Path, metadata: Mapping[str, str], dtype: torch.dtype) -> None:
        """Write a file that says its word."""
        vectors = {key: vectors.detach().to(dtype) for key, vectors in self.vectors.items()}
        save_embedding(path, Embedding(word=self.word, vectors=vectors), metadata)

    def facts(self) -> Mapping[str, object]:
        """The settings of sd-scripts' textual inversion, under its names."""
        return {
            "token_string": self.word,
            "init_word": self._config.init_word,
            "num_vectors_per_token": self._config.num_vectors,
            "prompt_template": "\n".join(self._config.prompt_template),
        }


def _first(base: Base, config: EmbeddingConfig, key: str) -> Tensor:
    """The vectors of the first word's tokens, over and over."""
    tokenizer = getattr(base.pipeline, ENCODERS[key][0])
    ids = tokenizer(config.init_word, add_special_tokens=False).input_ids
    chosen = [ids[number % len(ids)] for number in range(config.num_vectors)]
    return table_of(base.pipeline, key)[chosen].detach().float()


def _taken(base: Base, config: EmbeddingConfig, start: Embedding, key: str) -> Tensor:
    found = tuple(start.vectors[key].shape)
    wanted = (config.num_vectors, table_of(base.pipeline, key).shape[1])
    if found != wanted:
        raise InvalidValue(
            f"shape of {key} in the file to start from",
            f"{found[0]} × {found[1]}, not {wanted[0]} × {wanted[1]}",
            remedy=f"Set num_vectors to {found[0]}, and train on the base it was trained on",
        )
    return start.vectors[key].to(base.device)
