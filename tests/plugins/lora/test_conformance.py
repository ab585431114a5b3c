"""The LoRA trainer keeps what every trainer has to keep."""

from typing import Any, ClassVar

import sdxl_reg_lora
from sdxl_reg.testing import TrainerConformance


class TestLora(TrainerConformance):
    trainer = sdxl_reg_lora.plugin


class TestLoraWithTextEncoders(TrainerConformance):
    trainer = sdxl_reg_lora.plugin
    settings: ClassVar[dict[str, Any]] = TrainerConformance.settings | {
        "text_encoder_lr": 0.05,
        "network_dim": 4,
    }
