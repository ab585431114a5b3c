"""DINOv2 and CLIP, from folders as the Hugging Face hub has them.

Source: Oquab et al. 2023, "DINOv2", arXiv:2304.07193 (the class token after the last norm); Radford
et al. 2021, "CLIP", arXiv:2103.00020 (pooled and projected, for pictures and for texts).
"""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.evaluation.metrics.interface import Rows
from sdxl_reg.evaluation.networks.names import CLIP, DINOV2, family_and_source, folder_of, identity
from sdxl_reg.evaluation.networks.preprocessing import read_preprocessing

MODEL_TYPES = {DINOV2: ("dinov2", "dinov2_with_registers"), CLIP: ("clip",)}
"""What the `config.json` of a family's network calls it."""


class HubNetwork:
    """A network from a folder, as an extractor; its weights are read when they are needed.

    Args:
        name: `dinov2:…` or `clip:…`, by path or hub name.
        may_download: Whether the hub may be asked.

    Raises:
        InvalidValue: No such name.
        NotFound: No such folder, or it has no `preprocessor_config.json`.
        Corrupt: Its `config.json` is of another network.
    """

    def __init__(self, name: str, *, may_download: bool = False) -> None:
        self._folder = folder_of(name, may_download=may_download)
        self._family = family_and_source(name)[0]
        check_family(self._folder, self._family)
        self._steps = read_preprocessing(self._folder)
        self.identity = identity(name, may_download=may_download)

    def to(self, device: str) -> None:
        """Bring the weights to a device.

        Args:
            device: `cpu` or `cuda`, as torch names it.

        Raises:
            InvalidValue: This machine has no such device.
        """
        try:
            load_model(self._folder, self._family).to(device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise InvalidValue(
                "no such device here", device, remedy=f"Give cpu or cuda ({reason})"
            ) from None

    def prepare(self, picture: Image.Image) -> Rows:
        """A picture as `preprocessor_config.json` asks for; (3, height, width)."""
        return self._steps.apply(picture)

    @torch.no_grad()
    def rows(self, prepared: Rows) -> Rows:
        """Features of pictures; (N, D)."""
        model = load_model(self._folder, self._family)
        pixels = torch.from_numpy(prepared).to(model.device)
        if self._family == CLIP:
            found = model.visual_projection(model.vision_model(pixels).pooler_output)
        else:
            found = model(pixels).last_hidden_state[:, 0]
        rows: Rows = found.cpu().numpy()
        return rows

    @torch.no_grad()
    def text_rows(self, texts: Sequence[str]) -> Rows:
        """Features of texts, of a network that reads words; (N, D).

        Args:
            texts: What lies beyond the network's length (77 tokens) is cut off.
        """
        model = load_model(self._folder, self._family)
        tokens = _tokenizer(self._folder)(
            list(texts),
            padding=True,
            truncation=True,
            max_length=model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        ).to(model.device)
        pooled = model.text_model(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        ).pooler_output
        rows: Rows = model.text_projection(pooled).cpu().numpy()
        return rows


def check_family(folder: Path, family: str) -> None:
    """Refuse a folder that holds another network than its name says.

    Args:
        folder: With `config.json`.
        family: `dinov2` or `clip`.

    Raises:
        Corrupt: It has none, or it is of another network.
    """
    try:
        kind = json.loads((folder / "config.json").read_bytes())["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Corrupt(folder, f"it has no config.json of a network: {error!r}") from None
    if kind not in MODEL_TYPES[family]:
        raise Corrupt(
            folder,
            f"it holds a network of type {kind!r}, not {family}",
            remedy=f"Write {kind}:{folder} if you mean that one, or give another folder",
        )


@functools.cache
def load_model(folder: Path, family: str) -> Any:
    """A network in evaluation mode, on a GPU where there is one; read once.

    Args:
        folder: With `config.json` and the weights as safetensors.
        family: Part of what is remembered.

    Raises:
        Corrupt: Its weights cannot be read or some are missing: those would be random, and no
            judge.
    """
    from safetensors import SafetensorError
    from transformers import AutoModel

    try:
        model, said = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise Corrupt(folder, f"its weights cannot be read: {error}") from None
    lacking = [*said["missing_keys"], *said.get("mismatched_keys", ())]
    if lacking:
        raise Corrupt(
            folder,
            f"its file lacks {len(lacking)} of the weights, such as {sorted(map(str, lacking))[0]}",
            remedy="Fetch it again",
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.requires_grad_(False).eval().to(device)


@functools.cache
def _tokenizer(folder: Path) -> Any:
    from transformers import CLIPTokenizer

    try:
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise Corrupt(folder, f"its tokenizer cannot be read: {error}") from None
