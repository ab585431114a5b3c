"""The networks of a hypernetwork as the training loop sees them: before keys and values."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn

from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.hypernetwork import HypernetworkFacts, to_metadata
from sdxl_reg.training.base import Base
from sdxl_reg.training.trainee import ParameterGroup
from sdxl_reg_hypernetwork.apply import fitting_networks
from sdxl_reg_hypernetwork.attention import context_widths, described_widths, insert, text_width
from sdxl_reg_hypernetwork.config import HypernetworkConfig
from sdxl_reg_hypernetwork.network import file_tensors, made_networks

SHORT_HASH_DIGITS = 10
"""Of a checkpoint's SHA-256, in A1111's files."""
MODULE = "hypernetwork"
"""Name of the networks inside the U-Net, where whatever counts its weights finds them."""


class HypernetworkTrainee:
    """New networks, or those of a file, that act at strength 1.

    Args:
        base: Its U-Net receives them.
        config: Widths, layers, learning rate.
        start_path: A hypernetwork to go on from.

    Attributes:
        changes_text: Never: the text encoders are as they were.
        groups: One.

    Raises:
        InvalidValue: The base has no attention context of one of the widths.
        Corrupt: The file to start from is damaged or made for another base.
    """

    changes_text = False

    def __init__(
        self, base: Base, config: HypernetworkConfig, *, start_path: Path | None = None
    ) -> None:
        self._unet = base.part("unet")
        self._facts, networks = _begun(self._unet, config, start_path)
        self._networks = networks.to(base.device).requires_grad_(True).train()
        self._unet.add_module(MODULE, self._networks)
        insert(self._unet, self._networks, lambda _: 1.0)
        parameters = list(self._networks.parameters())
        self.groups = [ParameterGroup(name=MODULE, parameters=parameters, lr=config.learning_rate)]

    @property
    def description(self) -> str:
        """A sentence on the networks and where they act."""
        counts = context_widths(self._unet)
        places = ", ".join(f"{width} ({counts[int(width)]} layers)" for width in self._networks)
        layers = ", ".join(f"{multiple:g}" for multiple in self._facts.layer_structure)
        return (
            f"a hypernetwork of {layers} ({self._facts.activation_func}) before keys and values "
            f"of contexts of width {places}; {self.saved_values:,} values"
        )

    @property
    def saved_values(self) -> int:
        """How many numbers a saved file holds."""
        return sum(value.numel() for value in self._networks.parameters())

    def caption(self, caption: str, chance: Random) -> str:
        """The caption as it is."""
        return caption

    def prompt(self, caption: str) -> str:
        """The caption as it is."""
        return caption

    def after_update(self) -> None:
        """Nothing."""

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Nothing is dropped while the context lasts."""
        self._networks.eval()
        try:
            yield
        finally:
            self._networks.train()

    def state(self) -> Mapping[str, Tensor]:
        """The networks' weights in float32."""
        return self._networks.state_dict()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up weights bit by bit."""
        self._networks.load_state_dict(dict(state))

    def save(self, path: Path, metadata: Mapping[str, str], dtype: torch.dtype) -> None:
        """Write a hypernetwork as the registry keeps it."""
        facts = replace(
            self._facts,
            step=self._facts.step + int(metadata["ss_steps"]),
            name=metadata["ss_output_name"],
            sd_checkpoint=metadata["ss_new_sd_model_hash"][:SHORT_HASH_DIGITS],
            sd_checkpoint_name=metadata["ss_sd_model_name"],
        )
        save_weights(path, file_tensors(self._networks, dtype), {**metadata, **to_metadata(facts)})

    def facts(self) -> Mapping[str, object]:
        """The kind of network; kohya has no more names for it."""
        return {"network_module": MODULE}


def _begun(
    unet: nn.Module, config: HypernetworkConfig, start_path: Path | None
) -> tuple[HypernetworkFacts, nn.ModuleDict]:
    if start_path is not None:
        return fitting_networks(start_path, unet)
    widths = config.widths or (text_width(unet),)
    if strange := [str(width) for width in widths if width not in context_widths(unet)]:
        raise InvalidValue(
            "widths that this base does not have",
            ", ".join(strange),
            remedy=f"It has {described_widths(unet)}",
        )
    facts = config.facts()
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return facts, made_networks(facts, widths)
