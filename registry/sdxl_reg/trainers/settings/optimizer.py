"""Settings of the optimiser, its learning rates and the precision it works in."""

import ast
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sdxl_reg.trainers.remote import remote_only

Schedule = Literal[
    "constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial"
]


class OptimizerSettings(BaseModel):
    """How gradients become new weights."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    optimizer_type: str = Field(
        default="AdamW",
        min_length=1,
        json_schema_extra=remote_only(
            "[A-Za-z0-9]+", remedy="name one of those, without an import path"
        ),
        description="AdamW, AdamW8bit, Adafactor, Prodigy, AdamWScheduleFree, Lion, SGD, or any "
        "class by its import path, such as torch.optim.RAdam.",
    )
    optimizer_args: dict[str, Any] = Field(
        default={},
        description='More arguments of it, as a table or as kohya writes them: "betas=(0.9,0.99) '
        'eps=1e-8".',
    )
    weight_decay: float | None = Field(
        default=None, ge=0, le=1, description="Weight decay; by default the optimiser's own."
    )
    lr_scheduler: Schedule = Field(
        default="constant_with_warmup",
        description="How the learning rate goes on after the warm-up (diffusers' schedules).",
    )
    lr_warmup_steps: float = Field(
        default=0.1,
        ge=0,
        description="Steps over which the learning rate rises from 0; below 1 a share of all "
        "steps. A schedule named constant has none.",
    )
    lr_scheduler_num_cycles: int = Field(
        default=1, ge=1, description="Restarts of cosine_with_restarts."
    )
    lr_scheduler_power: float = Field(default=1.0, gt=0, description="Power of polynomial.")
    max_grad_norm: float = Field(
        default=1.0, ge=0, description="Gradients are clipped to this norm; 0 leaves them alone."
    )
    gradient_accumulation_steps: int = Field(
        default=1, ge=1, description="Batches whose gradients are averaged for one step."
    )
    gradient_checkpointing: bool = Field(
        default=False, description="Compute activations twice to save memory; slower by a third."
    )
    mixed_precision: Literal["no", "bf16", "fp16"] = Field(
        default="no",
        description="Precision of the frozen base and its arithmetic; what is trained stays "
        "float32, and the VAE too. fp16 wants a GPU.",
    )

    @field_validator("optimizer_args", mode="before")
    @classmethod
    def _from_words(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [word.partition("=") for word in value.split()]
        if any(not equals for _, equals, _ in pairs):
            raise ValueError("write it as name=value, apart by spaces and without any inside")
        return {name: _literal(text) for name, _, text in pairs}


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
