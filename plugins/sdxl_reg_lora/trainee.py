"""Low-rank adapters of a base, as the training loop sees them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import UsageError
from sdxl_reg.training.base import PARTS, Base
from sdxl_reg.training.trainee import ParameterGroup
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.layers import ADAPTER
from sdxl_reg_lora.network import adapted_layers, add_adapters, lora_tensors, unet_shape
from sdxl_reg_lora.start import Begun, adapters_to_start_from, rank_of, take_up


class LoraTrainee:
    """Adapters in every part whose learning rate is above 0: new ones, or those of a file.

    Args:
        base: Receives them.
        config: Algorithm, ranks, learning rates.
        start_path: A LoRA to go on from, with its layers, ranks and alphas.

    Attributes:
        groups: One for each part.

    Raises:
        UsageError: Every learning rate is 0, or the file cannot be gone on from.
        Corrupt: The file is damaged or made for another base.
    """

    def __init__(self, base: Base, config: LoraConfig, *, start_path: Path | None = None) -> None:
        self._base = base
        self._config = config
        begun = adapters_to_start_from(base, config, start_path) if start_path else None
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)  # for the adapters' first values
            self.groups = [
                ParameterGroup(
                    name=part,
                    parameters=_adapted(part, base.part(part), config, begun),
                    lr=config.rate_of(part),
                )
                for part in PARTS
                if config.rate_of(part) > 0 and (begun is None or begun[part])
            ]
        if not self.groups:
            raise UsageError(
                "nothing to train: every learning rate is 0", remedy="Set learning_rate"
            )
        self._parts = [(part, base.part(part)) for part in PARTS]
        self._layers = [layer for _, _, layer in adapted_layers(self._parts)]
        self._set_mode(training=True)

    @property
    def changes_text(self) -> bool:
        """Whether a text encoder has adapters."""
        return any(group.name != "unet" for group in self.groups)

    @property
    def saved_values(self) -> int:
        """How many numbers a saved file holds, one alpha a layer included."""
        trained = sum(value.numel() for group in self.groups for value in group.parameters)
        return trained + len(self._layers)

    def caption(self, caption: str, chance: Random) -> str:
        """The caption as it is."""
        return caption

    def prompt(self, caption: str) -> str:
        """The caption as it is."""
        return caption

    def after_update(self) -> None:
        """Shrink the adapters whose change of weights has grown past the limit."""
        if limit := self._config.scale_weight_norms:
            for layer in self._layers:
                _limit(layer, limit)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Nothing is dropped while the context lasts."""
        self._set_mode(training=False)
        try:
            yield
        finally:
            self._set_mode(training=True)

    def state(self) -> Mapping[str, Tensor]:
        """The adapters' matrices in float32."""
        return {name: value.detach() for name, value in self._named()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up matrices bit by bit."""
        with torch.no_grad():
            for name, value in self._named():
                value.copy_(state[name])

    def save(self, path: Path, metadata: Mapping[str, str], dtype: torch.dtype) -> None:
        """Write a file in kohya's format."""
        tensors = lora_tensors(self._parts, unet_shape(self._base.part("unet")), dtype=dtype)
        save_weights(path, tensors, metadata)

    def facts(self) -> Mapping[str, object]:
        """The network under the names that kohya's metadata uses."""
        config = self._config
        plain = config.algorithm in ("lora", "dora")
        arguments: dict[str, object] = {} if plain else {"algo": config.algorithm}
        if config.algorithm == "dora":
            arguments["dora_wd"] = True
        if config.conv_rank is not None:
            arguments |= {"conv_dim": config.conv_rank, "conv_alpha": config.conv_alpha}
        arguments |= {
            name: share
            for name in ("rank_dropout", "module_dropout")
            if (share := getattr(config, name))
        }
        return {
            "network_module": "networks.lora" if plain else "lycoris.kohya",
            "network_dim": config.rank,
            "network_alpha": config.alpha,
            "network_dropout": config.network_dropout or None,
            "network_args": json.dumps(arguments) if arguments else None,
            "scale_weight_norms": config.scale_weight_norms,
        }

    def _named(self) -> Iterator[tuple[str, nn.Parameter]]:
        for part, module in self._parts:
            for name, value in module.named_parameters():
                if value.requires_grad:
                    yield f"{part}.{name}", value

    def _set_mode(self, *, training: bool) -> None:
        for layer in self._layers:
            layer.train(training)


def _adapted(
    part: str, module: nn.Module, config: LoraConfig, begun: Begun | None
) -> list[nn.Parameter]:
    if begun is None:
        return add_adapters(part, module, config)
    ranks = {path: rank_of(adapter) for path, adapter in begun[part].items()}
    given = {path: (rank, begun[part][path].scale * rank) for path, rank in ranks.items()}
    parameters = add_adapters(part, module, config, given=given)
    take_up(module, begun[part])
    return parameters


@torch.no_grad()
def _limit(layer: Any, limit: float) -> None:
    """Scale both matrices alike where the norm of scale · up · down is above a limit.

    Source: sd-scripts `--scale_weight_norms` (max-norm regularisation).
    """
    down, up = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    norm = layer.scaling[ADAPTER] * float((up.flatten(1) @ down.flatten(1)).norm())
    if norm > limit:
        factor = (limit / norm) ** 0.5
        down.mul_(factor)
        up.mul_(factor)
