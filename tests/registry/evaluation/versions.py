"""Random versions of every kind of artifact for the tiny base; each changes what it draws."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from sdxl_reg.diffusion.hypernetwork_files import save_hypernetwork
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.single_file import Parts, save_single_file, weights_of
from sdxl_reg.diffusion.tiny import WIDTH
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.formats.hypernetwork import HypernetworkFacts
from sdxl_reg.formats.hypernetwork_weights import tensor_name, weight_shapes
from sdxl_reg.formats.lora.kohya_names import kohya_name
from sdxl_reg_embedding.files import Embedding, save_embedding
from sdxl_reg_lora.network import target_modules, unet_shape

WORD = "wug"


def lora_file(folder: Path, base: Path, *, parts: Sequence[str] = ("unet",), seed: int = 0) -> Path:
    """A LoRA of some parts."""
    pipeline, random = load_pipeline(base), torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for part in parts:
        module = getattr(pipeline, part)
        for layer in target_modules(part, module):
            rows, columns = module.get_submodule(layer).weight.shape
            stem = kohya_name(part, layer, unet_shape(pipeline.unet))
            tensors[f"{stem}.lora_down.weight"] = torch.randn(2, columns, generator=random) * 0.3
            tensors[f"{stem}.lora_up.weight"] = torch.randn(rows, 2, generator=random) * 0.3
            tensors[f"{stem}.alpha"] = torch.tensor(2.0)
    file = folder / f"lora-{'-'.join(parts)}-{seed}.safetensors"
    save_weights(file, tensors, {})
    return file


def embedding_file(folder: Path, *, word: str = WORD, seed: int = 0) -> Path:
    random = torch.Generator().manual_seed(seed)
    vectors = {key: torch.randn(2, WIDTH, generator=random) for key in ("clip_l", "clip_g")}
    path = folder / f"{word}-{seed}.safetensors"
    save_embedding(path, Embedding(word=word, vectors=vectors), {})
    return path


def hypernetwork_file(folder: Path, *, seed: int = 0) -> Path:
    random, facts = torch.Generator().manual_seed(seed), HypernetworkFacts()
    weights = {
        tensor_name(width, net, name): torch.randn(shape, generator=random) * 0.3
        for width in (16, 32)
        for net in "kv"
        for name, shape in weight_shapes(facts, width).items()
    }
    path = folder / f"hyper-{seed}.safetensors"
    save_hypernetwork(path, weights, facts, metadata={})
    return path


def checkpoint_file(folder: Path, base: Path, *, parts: Sequence[str], seed: int = 0) -> Path:
    """The base with noise on the weights of some parts."""
    random = torch.Generator().manual_seed(seed)

    def change(found: Parts) -> None:
        for part in parts:
            for name, weight in found[part].items():
                if weight.is_floating_point():
                    noise = torch.randn(weight.shape, generator=random)
                    found[part][name] = weight + 0.1 * weight.std().nan_to_num() * noise

    return changed_checkpoint(
        folder / f"checkpoint-{'-'.join(parts)}-{seed}.safetensors", base, change
    )


def changed_checkpoint(path: Path, base: Path, change: Callable[[Parts], None]) -> Path:
    pipeline: Any = load_pipeline(base)
    parts = {part: dict(weights) for part, weights in weights_of(pipeline).items()}
    change(parts)
    save_single_file(path, parts, metadata={})
    return path
