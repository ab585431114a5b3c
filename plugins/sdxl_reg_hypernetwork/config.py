"""The settings of the hypernetwork trainer, under the names of A1111's files and pages.

Defaults are A1111's, for real SDXL; a base as small as the built-in one wants others, which stand
beside them.
"""

import re
from typing import Any, ClassVar, Literal, Self

from pydantic import AliasChoices, Field, field_validator, model_validator

from sdxl_reg.errors import suggestion
from sdxl_reg.formats.hypernetwork import ACTIVATIONS, HypernetworkFacts
from sdxl_reg.trainers.settings import DenoisingConfig

LARGEST_MULTIPLE = 64
"""Of a width; A1111's users write 1, 2, 1 or up to 1, 4, 4, 1."""


class HypernetworkConfig(DenoisingConfig):
    """What a hypernetwork training can be told."""

    for_small_bases: ClassVar[dict[str, Any]] = {"learning_rate": 1e-3, "train_batch_size": 8}

    learning_rate: float = Field(
        default=1e-5,
        gt=0,
        le=10,
        validation_alias=AliasChoices("learning_rate", "learn_rate"),
        description="Learning rate of the networks. A1111 starts with 1e-5; its users go from 5e-6 "
        "to 5e-5, lower for larger networks.",
    )
    widths: tuple[int, ...] | None = Field(
        default=None,
        validation_alias=AliasChoices("widths", "enable_sizes"),
        description="Widths of the attention contexts that get networks; A1111's modules. By "
        "default that of the text, which is 2048 for SDXL; 640 and 1280 act on its "
        "self-attention.",
    )
    layer_structure: tuple[float, ...] = Field(
        default=(1, 2, 1),
        description="Widths of a network's layers as multiples of the context's; the first and the "
        "last are 1.",
    )
    activation_func: str = Field(
        default="linear",
        description="Activation after each layer but the last; linear is none, swish is "
        f"Hardswish. One of {', '.join(ACTIVATIONS)}.",
    )
    weight_initialization: Literal[
        "Normal", "XavierUniform", "XavierNormal", "KaimingUniform", "KaimingNormal"
    ] = Field(
        default="Normal",
        validation_alias=AliasChoices("weight_initialization", "weight_init"),
        description="First values of the layers. Normal has a deviation of 0.01; A1111 recommends "
        "Kaiming (He et al. 2015) for activations like relu, Xavier (Glorot and Bengio 2010) for "
        "those like sigmoid.",
    )
    add_layer_norm: bool = Field(
        default=False,
        validation_alias=AliasChoices("add_layer_norm", "is_layer_norm"),
        description="Put a layer normalisation (Ba et al. 2016) after each layer.",
    )
    activate_output: bool = Field(
        default=False, description="Put the activation after the last layer too."
    )
    use_dropout: bool = Field(
        default=False,
        description="Leave out 0.3 of the values after each layer but the last, while training.",
    )
    last_layer_dropout: bool = Field(
        default=True,
        description="With use_dropout: also after the last layer but one, which is the only place "
        "where there are no more than two layers.",
    )
    dropout_structure: tuple[float, ...] | None = Field(
        default=None,
        description="Shares that are left out, after the layer that ends in each width of "
        "layer_structure, such as 0, 0.1, 0; instead of use_dropout.",
    )

    @property
    def dropout(self) -> tuple[float, ...]:
        """The share that is left out after the layer that ends in each width."""
        return HypernetworkFacts(
            layer_structure=self.layer_structure,
            use_dropout=self.use_dropout,
            last_layer_dropout=self.last_layer_dropout,
            dropout_structure=self.dropout_structure,
        ).dropout

    def facts(self) -> HypernetworkFacts:
        """What these settings make, as files say it.

        Dropout is said by its structure alone: ComfyUI, which knows only `use_dropout`, would go on
        leaving values out while it draws.
        """
        return HypernetworkFacts(
            layer_structure=self.layer_structure,
            activation_func=self.activation_func,
            is_layer_norm=self.add_layer_norm,
            weight_initialization=self.weight_initialization,
            activate_output=self.activate_output,
            dropout_structure=self.dropout,
        )

    @field_validator("widths", "layer_structure", "dropout_structure", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        """Text as A1111's page has it: `1, 2, 1`."""
        if isinstance(value, str):
            return re.findall(r"[^\s,\[\]()]+", value) or None
        return [value] if isinstance(value, int | float) else value

    @field_validator("activation_func")
    @classmethod
    def _known_activation(cls, value: str) -> str:
        if value.lower() not in ACTIVATIONS:
            raise ValueError(f"no such activation. {suggestion(value, ACTIVATIONS)}")
        return value.lower()

    @field_validator("widths")
    @classmethod
    def _some_widths(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and (not value or min(value) < 1):
            raise ValueError("give one width or several, such as 640, 2048")
        return tuple(sorted(set(value))) if value else None

    @field_validator("layer_structure")
    @classmethod
    def _from_1_to_1(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) < 2 or value[0] != 1 or value[-1] != 1:
            raise ValueError("it begins and ends with 1, such as 1, 2, 1")
        if not all(0 < multiple <= LARGEST_MULTIPLE for multiple in value):
            raise ValueError(f"its numbers are above 0 and at most {LARGEST_MULTIPLE}")
        return value

    @field_validator("unet_lr", "text_encoder_lr", "text_encoder_2_lr")
    @classmethod
    def _one_rate(cls, value: float | None) -> None:
        if value is not None:
            raise ValueError("a hypernetwork is all that is trained here; set learning_rate")

    @model_validator(mode="after")
    def _dropout_fits(self) -> Self:
        shares = self.dropout_structure
        if shares is None:
            if self.use_dropout and not any(self.dropout[:-1]):
                raise ValueError("use_dropout: it has no place in so few layers; see the others")
            return self
        if len(shares) != len(self.layer_structure) or shares[0] or shares[-1]:
            raise ValueError(
                "dropout_structure: as long as layer_structure, its ends 0, such as 0, 0.1, 0"
            )
        if not all(0 <= share < 1 for share in shares):
            raise ValueError("dropout_structure: its numbers are from 0 to below 1")
        return self
