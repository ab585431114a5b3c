"""The embedding trainer keeps what every trainer has to keep."""

from typing import Any, ClassVar

import sdxl_reg_embedding
from sdxl_reg.testing import OUTPUT_NAME, TrainerConformance


class TestEmbedding(TrainerConformance):
    trainer = sdxl_reg_embedding.plugin
    settings: ClassVar[dict[str, Any]] = TrainerConformance.settings | {
        "learning_rate": 0.5,
        "num_vectors": 2,
        "sample_steps": 2,
    }
    prompts = (f"{OUTPUT_NAME}, a red mug", f"a blue {OUTPUT_NAME} shoe", f"a {OUTPUT_NAME}")
