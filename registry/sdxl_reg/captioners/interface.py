"""The plugin interface of a captioner: what it is called, what it can be told, and one verb.

A plugin registers an object of the shape of `Captioner` in the entry point group
`sdxl_reg.captioners`. Importing it must not import torch or onnxruntime: it is listed by programs
that have neither. What it opens runs in the process of a job, which knows nothing of the database.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from sdxl_reg.errors import InvalidSettings, suggestion


class CaptionerSettings(BaseModel):
    """What the settings of captioners share: they are frozen and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Writer(Protocol):
    """An opened model."""

    def captions(self, pictures: Sequence[Image.Image]) -> list[str]:
        """A caption for each of some pictures, the same ones for the same pictures.

        Args:
            pictures: In mode RGB, upright, of any size.
        """


class Captioner(Protocol):
    """A kind of model."""

    @property
    def name(self) -> str:
        """As its entry point is called."""

    @property
    def summary(self) -> str:
        """What it is, in a sentence without a full stop."""

    @property
    def weights(self) -> str:
        """Under which name the Hugging Face hub has weights for it."""

    @property
    def packages(self) -> Sequence[str]:
        """The packages it needs, as they are imported."""

    @property
    def extra(self) -> str:
        """The extra of sdxl-reg that brings them."""

    @property
    def files(self) -> Sequence[str]:
        """The files that a folder of weights must have."""

    @property
    def settings(self) -> type[CaptionerSettings]:
        """What it can be told."""

    def open(self, folder: Path, settings: Any, device: str) -> Writer:
        """Load the weights.

        Args:
            folder: With the files.
            settings: Of the class `settings`.
            device: `cpu`, `cuda`, …; `auto` takes a GPU where there is one.

        Raises:
            Corrupt: The files are not those of such a model.
        """


def parsed_settings(captioner: Captioner, values: dict[str, Any]) -> CaptionerSettings:
    """Settings of a captioner, checked as a whole.

    Args:
        captioner: Whose.
        values: Name → value; strings are read as the field's type.

    Raises:
        InvalidSettings: With every fault at once; unknown names come with near ones.
    """
    try:
        return captioner.settings.model_validate(values)
    except ValidationError as error:
        faults = {}
        for fault in error.errors():
            name = ".".join(str(part) for part in fault["loc"])
            if fault["type"] == "extra_forbidden":
                known = captioner.settings.model_fields
                faults[name] = f"no such setting. {suggestion(name, known)}"
            else:
                faults[name] = f"{fault['msg']} (got {fault['input']!r})"
        raise InvalidSettings(f"captioner {captioner.name!r}", faults) from None
