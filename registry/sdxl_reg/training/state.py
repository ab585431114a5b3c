"""What a training needs to go on exactly where it was stopped, in one file.

Everything random depends on the seed and the step alone, so that no random state is kept.
"""

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdxl_reg.formats.safetensors import file_in_making

SCHEMA = 1
NAME = "state.pt"


@dataclass(kw_only=True)
class State:
    """A training after a step.

    Attributes:
        step: Steps done.
        losses: Of the steps since the last version.
        weights: What is being trained, and averages of it.
        optimizer: Its state.
        schedule: State of the learning rates.
        scaler: State of the loss scaling in fp16.
    """

    step: int = 0
    losses: list[float] = field(default_factory=list)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)


def save_state(folder: Path, run_key: str, state: State) -> None:
    """Put a state in the place of the one before, which stays when this fails.

    Args:
        folder: The job's workspace.
        run_key: Of the job.
        state: To be saved.
    """
    with file_in_making(folder / NAME) as stream:  # of a whole U-Net it is 30 GB
        torch.save({"schema": SCHEMA, "run_key": run_key, **vars(state)}, stream)


def load_state(folder: Path, run_key: str) -> State | None:
    """The state that was saved last, or None where there is none of this job.

    Args:
        folder: The job's workspace.
        run_key: Of the job; another job's state is not taken up.
    """
    if not zipfile.is_zipfile(folder / NAME):  # as torch writes it; cut short, it is none
        return None
    try:
        found = torch.load(folder / NAME, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError):
        return None
    if not isinstance(found, dict):
        return None
    if found.pop("schema", None) != SCHEMA or found.pop("run_key", None) != run_key:
        return None
    return State(**found)
