"""Tensors that were computed before, found by a key of everything that determines them.

A file's name is the hash of its key, so that no entry can be stale: what changes the tensors
changes the name. The folder can be deleted at any time, and several runs may share it.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from sdxl_reg.formats.safetensors import write_file

SCHEMA = 1
"""Part of every key: goes up when what is kept under a key changes its meaning."""
MEMORY_BYTES = 2**30

Tensors = dict[str, Tensor]


class TensorCache:
    """Tensors by key, on disk and the latest ones in memory too.

    Args:
        folder: Made when needed.
        memory_bytes: How much is kept in memory at most.
    """

    def __init__(self, folder: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self._folder = folder
        self._memory: OrderedDict[str, Tensors] = OrderedDict()
        self._room = memory_bytes

    def get(self, key: Mapping[str, object], compute: Callable[[], Tensors]) -> Tensors:
        """The tensors of a key, computed only when nobody has yet.

        Args:
            key: Everything that determines them, as JSON has it.
            compute: Gives them; called at most once.

        Returns:
            Tensors on the CPU; they are shared, and must not be changed.
        """
        name = hashlib.sha256(json.dumps({**key, "schema": SCHEMA}, sort_keys=True).encode())
        digest = name.hexdigest()
        if digest in self._memory:
            self._memory.move_to_end(digest)
            return self._memory[digest]
        path = self._folder / digest[:2] / f"{digest}.safetensors"
        tensors = _loaded(path)
        if tensors is None:
            tensors = {name: tensor.contiguous().cpu() for name, tensor in compute().items()}
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, [save(tensors)])
        self._remember(digest, tensors)
        return tensors

    def _remember(self, digest: str, tensors: Tensors) -> None:
        self._memory[digest] = tensors
        self._room -= _size_bytes(tensors)
        while self._room < 0 and len(self._memory) > 1:
            _, oldest = self._memory.popitem(last=False)
            self._room += _size_bytes(oldest)


def weights_digest(*modules: nn.Module) -> str:
    """SHA-256 of networks' weights: names, shapes, number formats and values."""
    digest = hashlib.sha256()
    for module in modules:
        for name, tensor in module.state_dict().items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(raw.numpy().data)
    return digest.hexdigest()


def _loaded(path: Path) -> Tensors | None:
    """What a file holds, or None where there is none or a power cut left it damaged."""
    try:
        return dict(load_file(path))
    except (FileNotFoundError, SafetensorError):
        return None


def _size_bytes(tensors: Tensors) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
