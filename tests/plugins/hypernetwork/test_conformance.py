"""The hypernetwork trainer keeps what every trainer has to keep."""

from typing import Any, ClassVar

import sdxl_reg_hypernetwork
from sdxl_reg.testing import TrainerConformance


class TestHypernetwork(TrainerConformance):
    trainer = sdxl_reg_hypernetwork.plugin
    settings: ClassVar[dict[str, Any]] = TrainerConformance.settings | {"sample_steps": 2}


class TestHypernetworkOfManyLayers(TrainerConformance):
    trainer = sdxl_reg_hypernetwork.plugin
    settings: ClassVar[dict[str, Any]] = TrainerConformance.settings | {
        "sample_steps": 2,
        "widths": "16, 32",
        "layer_structure": "1, 2, 2, 1",
        "activation_func": "swish",
        "weight_initialization": "KaimingNormal",
        "add_layer_norm": True,
        "dropout_structure": "0, 0.1, 0.3, 0",
    }
