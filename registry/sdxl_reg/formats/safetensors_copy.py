"""Copies of safetensors files under another header: the tensors' bytes go through untouched.

Nothing is parsed but the header, so that a file of any size is copied in little memory.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sdxl_reg.formats.safetensors import METADATA, Header, file_in_making, read_header


def copy_with_header(
    source: Path,
    target: Path,
    *,
    metadata: Mapping[str, str],
    rename: Callable[[str], str] = str,
    replaced: Mapping[str, bytes] | None = None,
) -> None:
    """Copy a file with other metadata and, where wanted, other names of its tensors.

    Args:
        source: The file.
        target: Where the copy appears, whole or not at all.
        metadata: All of the copy's, in place of the source's.
        rename: Name of a tensor in the source → its name in the copy.
        replaced: Name in the source → other bytes of the same length.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file.
    """
    header = read_header(source)
    with source.open("rb") as read, file_in_making(target) as write:
        write.write(_header(header, metadata, rename))
        read.seek(header.data_offset)
        _copy_bytes(read, write, header, replaced or {})


def tensor_bytes(path: Path, name: str) -> bytes:
    """The little-endian bytes of one tensor of a file; its header must have it.

    Args:
        path: The file.
        name: Of the tensor.
    """
    header = read_header(path)
    tensor = header.tensors[name]
    with path.open("rb") as stream:
        stream.seek(header.data_offset + tensor.begin)
        return stream.read(tensor.end - tensor.begin)


def _header(header: Header, metadata: Mapping[str, str], rename: Callable[[str], str]) -> bytes:
    document: dict[str, Any] = {METADATA: dict(sorted(metadata.items()))}
    for name, tensor in header.tensors.items():
        document[rename(name)] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [tensor.begin, tensor.end],
        }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight bytes
    return len(text).to_bytes(8, "little") + text


def _copy_bytes(
    read: BinaryIO, write: BinaryIO, header: Header, replaced: Mapping[str, bytes]
) -> None:
    if not replaced:
        shutil.copyfileobj(read, write, 1 << 20)
        return
    for name, tensor in header.tensors.items():
        data = read.read(tensor.end - tensor.begin)
        write.write(replaced.get(name, data))
