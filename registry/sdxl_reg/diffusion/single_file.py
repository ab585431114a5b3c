"""The weights of a pipeline as one file in the original layout, and back, bit for bit.

Source: diffusers' `loaders/single_file_utils.py` and ComfyUI read what this writes. The second
text encoder's projection is stored transposed, as both of them expect; sd-scripts stores the
linear layer's own weight.
Accuracy: exact; tests/registry/diffusion/test_single_file.py.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.formats.single_file import PREFIXES, keys_of, parts_of, spelled

Parts = dict[str, dict[str, Tensor]]
"""Part of a pipeline → name of a weight, as published folders spell it → the weight."""
_PROJECTION = PREFIXES["text_encoder_2"] + "text_projection"
_ATTENTION = ".mid.attn_1."


def weights_of(pipeline: Any) -> Parts:
    """The weights of a loaded pipeline, under the names that `read_single_file` gives too.

    Args:
        pipeline: A `StableDiffusionXLPipeline`.
    """
    return {
        part: {
            spelled(part, name): tensor
            for name, tensor in getattr(pipeline, part).state_dict().items()
            if not name.endswith("position_ids")  # a constant of older text encoders
        }
        for part in PREFIXES
    }


def to_single_file(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of one file.

    Args:
        parts: Part → weights, named as `weights_of` does.

    Returns:
        Key → tensor, most of them views: 2,513 for full-size SDXL. The published file has two
        more that hold no weight, the numbers of the positions and OpenCLIP's `logit_scale`.

    Raises:
        InvalidValue: SDXL has no such weight, or one of a fused three is missing.
    """
    return {
        key: _joined(key, [weights[name] for name in names])
        for part, weights in parts.items()
        for key, names in keys_of(part, weights.keys()).items()
    }


def from_single_file(tensors: Mapping[str, Tensor]) -> Parts:
    """The weights of each part: undoes `to_single_file`.

    Args:
        tensors: All of a file. Marks and constants that no weight belongs to are left out.

    Raises:
        InvalidValue: A key belongs to no part of SDXL.
    """
    parts: Parts = {}
    for part, keys in parts_of(tensors).items():
        weights = parts.setdefault(part, {})
        for key, names in keys.items():
            weights.update(zip(names, _split(key, tensors[key], len(names)), strict=True))
    return parts


def save_single_file(
    path: Path,
    parts: Mapping[str, Mapping[str, Tensor]],
    *,
    metadata: Mapping[str, str],
    dtype: torch.dtype | None = None,
    marks: Iterable[str] = (),
) -> None:
    """Write a checkpoint in the original layout, whole or not at all.

    Args:
        path: A `.safetensors` file in a folder that exists.
        parts: Part → weights, named as `weights_of` does.
        metadata: For the header; see `formats.safetensors`.
        dtype: Of every weight; by default each stays as it is. The VAE is no exception: the
            published fp16 file holds its VAE in fp16 too, which loses little. What overflows are
            its activations, and so programs compute it in float32 or bfloat16 all the same.
        marks: Keys that tell other programs of v-prediction, from `formats.single_file.marks_for`.

    Raises:
        InvalidValue: SDXL has no such weight, or one of a fused three is missing.
    """
    tensors = to_single_file(parts)
    if dtype is not None:
        tensors = {key: tensor.to(dtype) for key, tensor in tensors.items()}
    save_weights(path, tensors | {mark: torch.zeros(0) for mark in marks}, metadata)


def read_single_file(path: Path) -> Parts:
    """The weights in a checkpoint of the original layout, part by part, on the CPU.

    Args:
        path: A `.safetensors` file.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file, or holds keys that belong to no part of SDXL.
    """
    read_header(path)
    try:
        return from_single_file(load_file(path))
    except InvalidValue as error:
        raise Corrupt(path, error.message, remedy=error.remedy) from None


def _joined(key: str, pieces: list[Tensor]) -> Tensor:
    if len(pieces) > 1:
        return torch.cat(pieces)
    if key == _PROJECTION:
        return pieces[0].T
    if _ATTENTION in key and pieces[0].ndim == 2:  # a linear layer here, a 1x1 convolution there
        return pieces[0][:, :, None, None]
    return pieces[0]


def _split(key: str, tensor: Tensor, count: int) -> tuple[Tensor, ...]:
    if count > 1:
        return tensor.chunk(count)
    if key == _PROJECTION:
        return (tensor.T,)
    if _ATTENTION in key and tensor.ndim > 2:
        return (tensor.flatten(1),)
    return (tensor,)
