"""The checkpoint trainer keeps what every trainer has to keep."""

from typing import Any, ClassVar

import sdxl_reg_checkpoint
from sdxl_reg.testing import TrainerConformance


class TestCheckpoint(TrainerConformance):
    trainer = sdxl_reg_checkpoint.plugin
    settings: ClassVar[dict[str, Any]] = TrainerConformance.settings | {
        "learning_rate": 0.01,
        "sample_steps": 2,
    }


class TestCheckpointWithTextEncodersAndAverages(TrainerConformance):
    trainer = sdxl_reg_checkpoint.plugin
    settings: ClassVar[dict[str, Any]] = TestCheckpoint.settings | {
        "text_encoder_lr": 0.01,
        "text_encoder_2_lr": 0.005,
        "ema_decay": 0.5,
    }
