"""BLIP, BLIP-2 and Florence-2 through transformers, from folders as the Hugging Face hub has them.

Source: Li et al. 2022, "BLIP", arXiv:2201.12086; Li et al. 2023, "BLIP-2", arXiv:2301.12597; Xiao
et al. 2023, "Florence-2", arXiv:2311.06242. Captions come from beam search, never from chance.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import Field

from sdxl_reg.captioners.interface import CaptionerSettings
from sdxl_reg.errors import Corrupt, InvalidValue


class TextSettings(CaptionerSettings):
    """What a model that writes sentences can be told."""

    prompt: str = Field(
        default="",
        description="What the caption begins with, or is asked by; it is no part of the caption. "
        "For Florence-2 a task: <CAPTION>, <DETAILED_CAPTION> or <MORE_DETAILED_CAPTION>.",
    )
    max_tokens: int = Field(
        default=60, ge=1, le=1024, description="The most tokens of the model that are written."
    )
    num_beams: int = Field(
        default=3, ge=1, le=16, description="How many beginnings are followed at once; 1: greedy."
    )


class FlorenceSettings(TextSettings):
    """What Florence-2 can be told."""

    prompt: str = Field(
        default="<DETAILED_CAPTION>",
        description="A task: <CAPTION>, <DETAILED_CAPTION> or <MORE_DETAILED_CAPTION>.",
        pattern=r"^<(MORE_DETAILED_|DETAILED_)?CAPTION>$",
    )


@dataclass(frozen=True, kw_only=True)
class VisionLanguage:
    """A family of models; see `interface.Captioner`.

    Attributes:
        name: Of the plugin.
        summary: What it is.
        weights: On the hub.
        model_type: What its `config.json` says.
        model_class: Of transformers.
        settings: What it can be told.
        packages: What it needs.
        extra: That brings them.
        files: That a folder must have.
    """

    name: str
    summary: str
    weights: str
    model_type: str
    model_class: str
    settings: type[TextSettings] = TextSettings
    packages: tuple[str, ...] = ("torch", "transformers")
    extra: str = "train"
    files: tuple[str, ...] = ("config.json", "preprocessor_config.json", "tokenizer_config.json")

    def open(self, folder: Path, settings: TextSettings, device: str) -> "SentenceWriter":
        """Load the weights; all of them have to be there.

        Args:
            folder: With the files.
            settings: What it is told.
            device: `cpu`, `cuda`, …; `auto` takes a GPU where there is one.

        Raises:
            Corrupt: The files are not those of such a model, or some weights are missing.
            InvalidValue: There is no such device.
        """
        self._check_type(folder)
        device = _device(device)
        model = _model(folder, self.model_class, device)
        return SentenceWriter(model, _processor(folder), settings=settings)

    def _check_type(self, folder: Path) -> None:
        try:
            found = json.loads((folder / "config.json").read_bytes())["model_type"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Corrupt(folder, f"its config.json is of no model: {error!r}") from None
        if found != self.model_type:
            raise Corrupt(
                folder,
                f"it holds a model of type {found!r}, not {self.model_type!r}",
                remedy=f"Give a folder with the files of {self.weights}",
            )


class SentenceWriter:
    """A loaded model that writes sentences.

    Args:
        model: Of transformers, in evaluation mode.
        processor: That makes pictures and prompts what the model takes.
        settings: What it is told.
    """

    def __init__(self, model: Any, processor: Any, *, settings: TextSettings) -> None:
        self._model = model
        self._processor = processor
        self._settings = settings

    def captions(self, pictures: Sequence[Image.Image]) -> list[str]:
        """A sentence for each picture.

        Args:
            pictures: In mode RGB.
        """
        import torch

        prompt = self._settings.prompt
        texts = [prompt] * len(pictures) if prompt else None
        inputs = self._processor(images=list(pictures), text=texts, return_tensors="pt")
        inputs = inputs.to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            ids = self._model.generate(
                **inputs,
                max_new_tokens=self._settings.max_tokens,
                num_beams=self._settings.num_beams,
                do_sample=False,
            )
        said = self._processor.batch_decode(ids, skip_special_tokens=True)
        return [_without(text, prompt) for text in said]


def _without(text: str, prompt: str) -> str:
    """A caption without the prompt that it begins with."""
    text, prompt = " ".join(text.split()), " ".join(prompt.split())
    if prompt and text.casefold().startswith(prompt.casefold()):
        text = text[len(prompt) :]
    return text.strip(" ,.;:")


def _device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InvalidValue(
            f"no such device here ({str(error).splitlines()[0]})", device, remedy="Give cpu or auto"
        ) from None
    return device


def _model(folder: Path, model_class: str, device: str) -> Any:
    import torch
    import transformers
    from safetensors import SafetensorError

    dtype = torch.float32 if device == "cpu" else torch.float16
    try:
        model, said = getattr(transformers, model_class).from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise Corrupt(folder, f"its weights cannot be read: {error}") from None
    lacking = sorted(map(str, [*said["missing_keys"], *said.get("mismatched_keys", ())]))
    if lacking:
        raise Corrupt(
            folder,
            f"its file lacks {len(lacking)} of the weights, such as {lacking[0]}",
            remedy="Fetch it again",
        )
    return model.requires_grad_(False).eval().to(device)


def _processor(folder: Path) -> Any:
    from transformers import AutoProcessor

    try:
        return AutoProcessor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Corrupt(
            folder, f"it does not say how its model takes pictures and words: {error}"
        ) from None


blip = VisionLanguage(
    name="blip",
    summary="BLIP: a short sentence in plain words",
    weights="Salesforce/blip-image-captioning-large",
    model_type="blip",
    model_class="BlipForConditionalGeneration",
)
blip2 = VisionLanguage(
    name="blip2",
    summary="BLIP-2: a short sentence by a large language model; answers prompts",
    weights="Salesforce/blip2-opt-2.7b",
    model_type="blip-2",
    model_class="Blip2ForConditionalGeneration",
)
florence2 = VisionLanguage(
    name="florence2",
    summary="Florence-2: a caption, a detailed one or a paragraph, by its prompt",
    weights="florence-community/Florence-2-base",
    model_type="florence2",
    model_class="Florence2ForConditionalGeneration",
    settings=FlorenceSettings,
)
