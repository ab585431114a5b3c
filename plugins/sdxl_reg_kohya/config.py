"""The settings of the trainers that drive sd-scripts: ours, as far as its programs have them.

What sd-scripts has and we have no setting for is given as `sd_scripts_options`.
"""

from typing import Any, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, field_validator, model_validator

from sdxl_reg.formats.kohya.words import command_line, pairs
from sdxl_reg.trainers.remote import LOCAL, remote_only
from sdxl_reg.trainers.settings import DenoisingConfig

NAME = "[name]"
"""Stands for the word of an embedding in a prompt template, as in A1111's."""


class SdScriptsConfig(DenoisingConfig):
    """What every program of sd-scripts can be told."""

    not_in_sd_scripts: ClassVar[tuple[str, ...]] = (
        *("size_conditioning", "class_prompt", "num_class_images"),
        *("save_state_every_n_steps", "preview"),
    )
    """Settings of ours that its programs have no option for; only their defaults are taken."""

    preview: bool = Field(
        default=False, description="sd-scripts draws no previews; see sample_prompts."
    )
    sample_prompts: list[str] = Field(
        default=[],
        json_schema_extra=remote_only(
            "(?s)(?!.*--).*", remedy="leave out options, of which some name files"
        ),
        description="Prompts of pictures drawn while training; in commands, sd-scripts' options "
        "may follow.",
    )
    sd_scripts_options: dict[str, Any] = Field(
        default={},
        json_schema_extra=LOCAL,
        description="More options of the program, as a table or as on its command line: "
        '"--max_token_length 225 --highvram". They go before the other settings.',
    )

    @field_validator("sd_scripts_options", mode="before")
    @classmethod
    def _from_command_line(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        options, stray = command_line(value)
        if stray:
            raise ValueError(f"{' '.join(stray)!r} is no option; write --name value")
        return options

    @model_validator(mode="after")
    def _only_what_sd_scripts_has(self) -> Self:
        for name in self.not_in_sd_scripts:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name}: sd-scripts has no such option")
        return self


class KohyaLoraConfig(SdScriptsConfig):
    """What `sdxl_train_network.py` can be told."""

    learning_rate: float = Field(
        default=5e-5, gt=0, le=10, description="Learning rate of the U-Net, unless unet_lr is set."
    )
    text_encoder_lr: float | None = Field(
        default=1e-4, ge=0, le=10, description="Of both text encoders; 0 trains none."
    )
    algorithm: Literal["lora", "loha", "lokr"] = Field(
        default="lora", description="sd-scripts' module: networks.lora, .loha or .lokr."
    )
    network_module: str = Field(
        default="",
        json_schema_extra=LOCAL,
        description="Another module in its place, such as lycoris.kohya with network_args algo.",
    )
    network_args: dict[str, Any] = Field(
        default={},
        json_schema_extra=LOCAL,
        description='More arguments of it, as a table or as words: "algo=dora".',
    )
    rank: int = Field(
        default=128,
        ge=1,
        validation_alias=AliasChoices("rank", "network_dim"),
        description="Inner width of each adapter; kohya's network_dim.",
    )
    alpha: float = Field(
        default=64.0,
        gt=0,
        validation_alias=AliasChoices("alpha", "network_alpha"),
        description="Their output is scaled by alpha / rank; kohya's network_alpha.",
    )
    conv_rank: int | None = Field(
        default=None,
        ge=1,
        validation_alias=AliasChoices("conv_rank", "conv_dim"),
        description="Inner width of adapters of 3 × 3 convolutions; none by default.",
    )
    conv_alpha: float = Field(default=1.0, gt=0, description="Alpha of these adapters.")
    network_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the values at the inner width set to 0."
    )
    rank_dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of the ranks left out.")
    module_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the adapters left out, at each step."
    )
    scale_weight_norms: float | None = Field(
        default=None, gt=0, description="Largest norm of an adapter's change; none by default."
    )

    @field_validator("network_args", mode="before")
    @classmethod
    def _from_words(cls, value: object) -> object:
        return pairs(value)[0] if isinstance(value, str | list) else value


class KohyaEmbeddingConfig(SdScriptsConfig):
    """What `sdxl_train_textual_inversion.py` can be told."""

    not_in_sd_scripts = (
        *SdScriptsConfig.not_in_sd_scripts,
        *("unet_lr", "text_encoder_lr", "text_encoder_2_lr", "training_comment"),
        *("validation_split", "validate_every_n_steps", "caption_dropout_rate"),
        *("caption_dropout_every_n_epochs", "caption_tag_dropout_rate"),
    )

    max_train_epochs: int = Field(default=100, ge=1, description="Passes over the dataset.")
    learning_rate: float = Field(
        default=5e-4, gt=0, le=10, description="Learning rate of the vectors."
    )
    num_vectors: int = Field(
        default=4,
        ge=1,
        le=75,
        validation_alias=AliasChoices("num_vectors", "num_vectors_per_token"),
        description="Vectors in each text encoder; each takes one of a prompt's 75 tokens.",
    )
    init_word: str = Field(
        default="*", min_length=1, description="The vectors begin as those of this word."
    )
    prompt_template: str = Field(
        default="a photo of [name], [filewords]",
        description="What is said of a picture: [name] is the word, [filewords] the caption.",
    )

    @field_validator("prompt_template")
    @classmethod
    def _says_the_word(cls, value: str) -> str:
        if NAME not in value:
            raise ValueError(f"it lacks {NAME}: it would teach nothing")
        return value


class KohyaCheckpointConfig(SdScriptsConfig):
    """What `sdxl_train.py` can be told."""

    not_in_sd_scripts = (
        *SdScriptsConfig.not_in_sd_scripts,
        *("training_comment", "validation_split", "validate_every_n_steps"),
    )

    learning_rate: float = Field(
        default=5e-6, gt=0, le=10, description="Learning rate of the U-Net, unless unet_lr is set."
    )
    text_encoder_lr: float | None = Field(
        default=0.0, ge=0, le=10, description="Of both text encoders; 0 trains none."
    )
