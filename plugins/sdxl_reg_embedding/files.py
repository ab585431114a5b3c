"""Embedding files: `clip_l` and `clip_g`, as sd-scripts, A1111 and ComfyUI have them.

Read as well: `text_encoders_0` and `text_encoders_1` of diffusers' advanced training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, UsageError
from sdxl_reg.formats.identity import SDXL_EMBEDDINGS
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.formats.training_metadata import TRIGGER

KEYS = SDXL_EMBEDDINGS[0]


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """What a file holds.

    Attributes:
        word: Calls it up.
        vectors: `clip_l` and `clip_g` → shape (vectors, width), float32.
    """

    word: str
    vectors: Mapping[str, Tensor]


def save_embedding(path: Path, embedding: Embedding, metadata: Mapping[str, str]) -> None:
    """Write a file: whole or not at all, equal content as equal bytes.

    Args:
        path: The file, in a folder that exists.
        embedding: Its vectors in the number format that is wanted.
        metadata: For the header; the word is added.
    """
    save_weights(path, embedding.vectors, dict(metadata) | {TRIGGER: embedding.word})


def load_embedding(path: Path) -> Embedding:
    """Read a file.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is damaged, or its vectors are no numbers or differ in number.
        UsageError: It is something else than an embedding for SDXL.
    """
    header = read_header(path)
    names = next((names for names in SDXL_EMBEDDINGS if set(names) == set(header.tensors)), None)
    if names is None:
        raise UsageError(
            f"{path} has {_listed(list(header.tensors))}, which is no embedding for SDXL",
            remedy="One holds clip_l and clip_g, a vector for each text encoder",
        )
    tensors = load_file(path)
    vectors = {key: _as_rows(tensors[name].float()) for key, name in zip(KEYS, names, strict=True)}
    _require_sound(path, vectors)
    return Embedding(word=header.metadata.get(TRIGGER) or path.stem, vectors=vectors)


def _as_rows(vectors: Tensor) -> Tensor:
    return vectors[None] if vectors.ndim == 1 else vectors


def _require_sound(path: Path, vectors: Mapping[str, Tensor]) -> None:
    shapes = {key: tuple(rows.shape) for key, rows in vectors.items()}
    counts = {shape[0] for shape in shapes.values()}
    if len(counts) > 1 or 0 in counts or any(len(shape) != 2 for shape in shapes.values()):
        raise Corrupt(path, f"its vectors have the shapes {shapes}; both want the same rows")
    if not all(bool(rows.isfinite().all()) for rows in vectors.values()):
        raise Corrupt(path, "some of its numbers are infinite or none at all")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown or "no tensors"
