"""What is to know of a hypernetwork beside its weights, as A1111 names it.

The registry keeps it in the header of a safetensors file, each value as JSON; A1111 and ComfyUI
read it from a pickled dictionary.

Source: stable-diffusion-webui 1.10 `modules/hypernetworks/hypernetwork.py`; ComfyUI
`comfy_extras/nodes_hypernetwork.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sdxl_reg.errors import Corrupt, InvalidValue

METADATA_PREFIX = "hypernetwork."
ACTIVATIONS = (
    "linear",
    "relu",
    "leakyrelu",
    "elu",
    "swish",
    "tanh",
    "sigmoid",
    "softsign",
    "mish",
)
"""The activations that A1111 and ComfyUI both know; `linear` is none, `swish` is Hardswish."""
INITIALISATIONS = ("Normal", "XavierUniform", "XavierNormal", "KaimingUniform", "KaimingNormal")
DROPOUT_RATE = 0.3
_ONE_OF = "One of {}"


@dataclass(frozen=True, kw_only=True)
class HypernetworkFacts:
    """What a hypernetwork's weights alone do not say; the field names are A1111's.

    Attributes:
        layer_structure: Widths of the layers as multiples of the context's; first and last are 1.
        activation_func: One of `ACTIVATIONS`.
        is_layer_norm: Whether a layer norm follows each linear layer.
        weight_initialization: One of `INITIALISATIONS`.
        activate_output: Whether the last layer has an activation too.
        use_dropout: Whether there is dropout while training, 0.3 after the inner layers.
        last_layer_dropout: Whether the last but one layer has dropout too.
        dropout_structure: Rates by layer, where they are others than these.
        step: Optimiser steps done.
        name: Of the hypernetwork.
        sd_checkpoint: Short hash of the base, or empty.
        sd_checkpoint_name: Of the base, or empty.

    Raises:
        InvalidValue: A field is of no form that A1111 and ComfyUI read.
    """

    layer_structure: tuple[float, ...] = (1, 2, 1)
    activation_func: str = "linear"
    is_layer_norm: bool = False
    weight_initialization: str = "Normal"
    activate_output: bool = True
    use_dropout: bool = False
    last_layer_dropout: bool = False
    dropout_structure: tuple[float, ...] | None = None
    step: int = 0
    name: str = ""
    sd_checkpoint: str = ""
    sd_checkpoint_name: str = ""

    def __post_init__(self) -> None:
        widths, rates = self.layer_structure, self.dropout_structure
        if len(widths) < 2 or widths[0] != 1 or widths[-1] != 1 or min(widths) <= 0:
            raise _invalid("layer_structure", widths, "Begin and end with 1, as in 1, 2, 1")
        if self.activation_func not in ACTIVATIONS:
            raise _invalid(
                "activation_func", self.activation_func, _ONE_OF.format(", ".join(ACTIVATIONS))
            )
        if self.weight_initialization not in INITIALISATIONS:
            known = _ONE_OF.format(", ".join(INITIALISATIONS))
            raise _invalid("weight_initialization", self.weight_initialization, known)
        if rates is not None and (
            len(rates) != len(widths) or not all(0 <= rate < 1 for rate in rates)
        ):
            raise _invalid("dropout_structure", rates, "One rate below 1 for each width")

    @property
    def dropout(self) -> tuple[float, ...]:
        """The rate of dropout after the layer that gives each width; the first is not used."""
        if self.dropout_structure is not None:
            return self.dropout_structure
        count = len(self.layer_structure)
        if not self.use_dropout:
            return (0.0,) * count
        last = DROPOUT_RATE if self.last_layer_dropout else 0.0
        return ((0.0,) + (DROPOUT_RATE,) * (count - 3) + (last, 0.0))[:count]


_KINDS: dict[str, type] = {
    field.name: tuple if field.name.endswith("_structure") else type(field.default)
    for field in fields(HypernetworkFacts)
}


def facts_from(values: Mapping[str, Any]) -> HypernetworkFacts:
    """Facts out of A1111's dictionary or of a header's values.

    Args:
        values: Field → value; other keys are passed over, and None is as good as no value.

    Raises:
        InvalidValue: A value is of no form that can be read.
    """
    known: dict[str, Any] = {}
    for name, kind in _KINDS.items():
        value = values.get(name)
        if value is None:
            continue
        known[name] = tuple(value) if isinstance(value, list) else value
        inner = known[name] if kind is tuple else ()
        if not isinstance(known[name], kind) or not all(isinstance(x, int | float) for x in inner):
            raise _invalid(name, value, f"It has to be a {kind.__name__}")
    return HypernetworkFacts(**known)


def to_metadata(facts: HypernetworkFacts) -> dict[str, str]:
    """The facts as they stand in a header: every value is JSON."""
    return {
        METADATA_PREFIX + name: json.dumps(value, ensure_ascii=False)
        for name, value in asdict(facts).items()
        if value is not None
    }


def from_metadata(path: Path, metadata: Mapping[str, str]) -> HypernetworkFacts:
    """The facts in a header.

    Args:
        path: Of the file, for the message.
        metadata: Of its header.

    Raises:
        Corrupt: It does not say, or in no form that can be read.
    """
    said = {
        key.removeprefix(METADATA_PREFIX): text
        for key, text in metadata.items()
        if key.startswith(METADATA_PREFIX)
    }
    if "layer_structure" not in said:
        raise Corrupt(path, "its header does not say how the hypernetwork is made")
    try:
        return facts_from({name: json.loads(text) for name, text in said.items()})
    except ValueError:
        raise Corrupt(path, "its header describes the hypernetwork in no known way") from None
    except InvalidValue as error:
        raise Corrupt(path, error.message, remedy=error.remedy) from None


def _invalid(what: str, value: object, remedy: str) -> InvalidValue:
    return InvalidValue(f"not a usable {what}", value, remedy=remedy)
