"""The settings of the embedding trainer; what sd-scripts has too goes by its names as well.

Defaults are for real SDXL, after the practice of the field; a base as small as the built-in one
wants others, which stand beside them.
"""

from typing import Any, ClassVar, Self

from pydantic import AliasChoices, Field, field_validator, model_validator

from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg_embedding.templates import NAME, lines_of

LONGEST = 75
"""Tokens of a prompt, without its start and end."""


class EmbeddingConfig(DenoisingConfig):
    """What the training of an embedding can be told."""

    for_small_bases: ClassVar[dict[str, Any]] = {
        "max_train_epochs": 30,
        "learning_rate": 3e-3,
        "train_batch_size": 8,
    }

    max_train_epochs: int = Field(default=100, ge=1, description="Passes over the dataset.")
    learning_rate: float = Field(
        default=5e-4,
        gt=0,
        le=10,
        description="Learning rate of the vectors; diffusers trains SDXL's with 5e-4, A1111 has "
        "5e-3. text_encoder_lr and text_encoder_2_lr set it for one encoder's.",
    )
    num_vectors: int = Field(
        default=4,
        ge=1,
        le=LONGEST,
        validation_alias=AliasChoices("num_vectors", "num_vectors_per_token"),
        description="Vectors in each text encoder; each takes one of a prompt's 75 tokens. One in "
        "the paper, 4 in sd-scripts' example for SDXL; more hold more and bend less to the rest "
        "of a prompt.",
    )
    init_word: str = Field(
        default="*",
        min_length=1,
        description="The vectors begin as those of this word or these words, repeated as often as "
        "needed. A rough name of the thing learns fastest; '*', as in A1111, says nothing.",
    )
    prompt_template: list[str] = Field(
        default=["a photo of [name], [filewords]"],
        min_length=1,
        description="What is said of a picture: [name] is the word, [filewords] the caption. One "
        "of several lines is taken for each showing. 'subject' and 'style' are built in.",
    )
    std_retraction: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="After each step the vectors are scaled by this power of how much their "
        "standard deviation lacks of the encoder's own vocabulary; 0.1 in diffusers' advanced "
        "training of SDXL, 0 is never.",
    )

    @field_validator("prompt_template", mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, str) or (
            isinstance(value, list) and all(isinstance(line, str) for line in value)
        ):
            return lines_of(value)
        return value

    @field_validator("prompt_template")
    @classmethod
    def _says_the_word(cls, value: list[str]) -> list[str]:
        for line in value:
            if NAME not in line:
                raise ValueError(f"{line!r} lacks {NAME}: it would teach nothing")
        return value

    @field_validator("init_word")
    @classmethod
    def _is_a_word(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("vectors of zeros learn badly; give a word, or '*'")
        return value

    @model_validator(mode="after")
    def _only_vectors_are_trained(self) -> Self:
        if self.unet_lr:
            raise ValueError("unet_lr: an embedding leaves the U-Net as it is")
        if self.num_class_images:
            raise ValueError("num_class_images: class pictures, without the word, teach it nothing")
        return self
