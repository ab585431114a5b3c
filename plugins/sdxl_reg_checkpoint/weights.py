"""A checkpoint's weights beside those of a pipeline: which of them differ, and by how much."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sdxl_reg.diffusion.single_file import Parts, read_single_file
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.single_file import PREFIXES, spelled

REMEDY = "Use it with a base of its own shape"


@dataclass(frozen=True, kw_only=True)
class Change:
    """A weight that a checkpoint has otherwise than the base.

    Attributes:
        layer: Of the pipeline; holds the weight.
        name: Of the weight in the layer: `weight` or `bias`.
        goal: The checkpoint's, as its file has it, on the CPU.
    """

    layer: nn.Module
    name: str
    goal: Tensor

    @property
    def parameter(self) -> nn.Parameter:
        """The base's."""
        return self.layer.get_parameter(self.name)

    def blended(self, strength: float) -> Tensor:
        """The base's at a strength of 0 and the checkpoint's at 1, both exactly."""
        base = self.parameter.detach()
        return torch.lerp(base.float(), self._goal(), strength).to(base.dtype)

    def difference(self) -> Tensor:
        """What leads from the base's to the checkpoint's."""
        base = self.parameter.detach()
        return (self._goal() - base.float()).to(base.dtype)

    def _goal(self) -> Tensor:
        return self.goal.to(self.parameter.device, torch.float32)


def changes(pipeline: Any, path: Path) -> list[Change]:
    """What a checkpoint changes in the parts of a pipeline, the VAE included.

    A weight that is the base's but for the rounding of the file's number format is unchanged: so
    a trained file leaves exactly those layers alone that were not trained.

    Args:
        pipeline: A `StableDiffusionXLPipeline`, the base.
        path: A checkpoint in one file.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, or made for another architecture: the first weight that does not
            fit is named.
    """
    parts = read_single_file(path)
    found = []
    for part, name, layer, own in _weights(pipeline):
        goal = _taken(path, parts, part, name, layer.get_parameter(own))
        if not _is_same(layer.get_parameter(own).detach(), goal):
            found.append(Change(layer=layer, name=own, goal=goal))
    _refuse_what_is_left(path, parts)
    return found


def take_up(pipeline: Any, path: Path) -> None:
    """Give a pipeline the weights of a checkpoint for good.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
        path: A checkpoint in one file.

    Raises:
        NotFound: There is no such file.
        Corrupt: As `changes`.
    """
    with torch.no_grad():
        for change in changes(pipeline, path):
            change.parameter.copy_(change.goal)


def _weights(pipeline: Any) -> Iterator[tuple[str, str, nn.Module, str]]:
    """Part, name in it, layer and name in the layer of every weight."""
    for part in PREFIXES:
        for path, layer in getattr(pipeline, part).named_modules():
            for own, _ in layer.named_parameters(recurse=False):
                yield part, spelled(part, f"{path}.{own}"), layer, own


def _taken(path: Path, parts: Parts, part: str, name: str, base: Tensor) -> Tensor:
    goal = parts[part].pop(name, None)
    if goal is None:
        raise Corrupt(path, f"it has no weight {name!r} of the {part}", remedy=REMEDY)
    if goal.shape != base.shape:
        raise Corrupt(
            path,
            f"its weight {name!r} of the {part} has the shape {list(goal.shape)}, the base's "
            f"{list(base.shape)}",
            remedy=REMEDY,
        )
    return goal


def _is_same(base: Tensor, goal: Tensor) -> bool:
    """Whether a weight is the base's, rounded to the file's number format or the base's own."""
    there, here = goal.to(base.device), base.to(goal.dtype)
    return torch.equal(here, there) or torch.equal(base, there.to(base.dtype))


def _refuse_what_is_left(path: Path, parts: Parts) -> None:
    for part, weights in parts.items():
        for name in weights:
            raise Corrupt(path, f"the base has no weight {name!r} of the {part}", remedy=REMEDY)
