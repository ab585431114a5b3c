"""The safetensors format with plain json: headers are read, tensors never, and torch never.

Source: https://github.com/huggingface/safetensors, "Format": eight bytes of little-endian header
length, a JSON object of name → dtype, shape and offsets (and `__metadata__`), then the bytes.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sdxl_reg.errors import Corrupt, NotFound

MAX_HEADER_BYTES = 100_000_000
METADATA = "__metadata__"
DTYPE_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
}


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """What a header says of one tensor.

    Attributes:
        dtype: As the format spells it: `F16`.
        shape: Empty for a scalar.
        begin: First byte, counted from the end of the header.
        end: One past the last byte.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Header:
    """The header of a safetensors file.

    Attributes:
        tensors: Name → description, in the order of their bytes.
        metadata: The free-text pairs.
        data_offset: Where the tensors' bytes begin in the file.
    """

    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    data_offset: int


def read_header(path: Path) -> Header:
    """The header of a file, checked against the file's size.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file, is cut short, or its offsets overlap or leave holes.
    """
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(MAX_HEADER_BYTES, size - 8):
                raise Corrupt(path, "not a safetensors file: its header does not fit into it")
            document = _document(path, stream.read(length))
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound("file", path) from None
    metadata = _metadata(path, document.pop(METADATA, {}))
    tensors = {name: _tensor(path, name, value) for name, value in document.items()}
    tensors = dict(sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)))
    _require_contiguous(path, tensors, size - 8 - length)
    return Header(tensors=tensors, metadata=metadata, data_offset=8 + length)


def write_file(path: Path, payload: bytes | Iterable[bytes | memoryview]) -> None:
    """Make a file of bytes that appears whole or not at all, and durably.

    Args:
        path: Its folder exists; a file of that name is replaced.
        payload: The whole file, or its pieces in order.
    """
    with file_in_making(path) as stream:
        stream.writelines([payload] if isinstance(payload, bytes) else payload)


@contextmanager
def file_in_making(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes a file when the context ends well, whole and durably.

    Args:
        path: Its folder exists; a file of that name is replaced.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def serialise(
    tensors: Mapping[str, tuple[str, tuple[int, ...], bytes]], metadata: Mapping[str, str]
) -> bytes:
    """A whole file; the same bytes for the same content.

    `sshs_model_hash`, the SHA-256 of everything after the header, is added to the metadata: it
    covers the tensors only, so it can be known before the header is written.

    Args:
        tensors: Name → dtype, shape and little-endian bytes; written in the order of the names.
        metadata: Text pairs; written in the order of the names.

    Returns:
        The bytes of the file.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(tensors[name][2])
    shapes = {name: (dtype, shape) for name, (dtype, shape, _) in tensors.items()}
    head = header_bytes(shapes, dict(metadata) | {"sshs_model_hash": digest.hexdigest()})
    return head + b"".join(tensors[name][2] for name in sorted(tensors))


def header_bytes(
    tensors: Mapping[str, tuple[str, tuple[int, ...]]], metadata: Mapping[str, str]
) -> bytes:
    """All that stands before the tensors' bytes, which follow in the order of their names.

    Args:
        tensors: Name → dtype and shape.
        metadata: Text pairs; written in the order of the names.
    """
    header: dict[str, Any] = {METADATA: dict(sorted(metadata.items()))}
    position = 0
    for name, (dtype, shape) in sorted(tensors.items()):
        end = position + math.prod(shape) * DTYPE_BITS[dtype] // 8
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of eight bytes
    return len(text).to_bytes(8, "little") + text


def _document(path: Path, text: bytes) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        raise Corrupt(path, "not a safetensors file: its header is not JSON") from None
    if not isinstance(document, dict):
        raise Corrupt(path, "not a safetensors file: its header is not an object")
    return document


def _metadata(path: Path, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise Corrupt(path, "its metadata is not text")
    return value


def _tensor(path: Path, name: str, value: Any) -> TensorInfo:
    try:
        dtype, shape = str(value["dtype"]), tuple(int(side) for side in value["shape"])
        begin, end = (int(offset) for offset in value["data_offsets"])
        bits = math.prod(shape) * DTYPE_BITS[dtype]
    except (TypeError, KeyError, ValueError):
        raise Corrupt(path, f"its header describes {name!r} in no known way") from None
    if min(shape, default=0) < 0 or (end - begin) * 8 != bits:
        raise Corrupt(
            path, f"{name!r} has {end - begin} bytes, its shape {list(shape)} another size"
        )
    return TensorInfo(dtype=dtype, shape=shape, begin=begin, end=end)


def _require_contiguous(path: Path, tensors: Mapping[str, TensorInfo], size: int) -> None:
    position = 0
    for name, tensor in tensors.items():
        if tensor.begin != position:
            raise Corrupt(path, f"{name!r} begins at byte {tensor.begin}, expected {position}")
        position = tensor.end
    if position != size:
        raise Corrupt(
            path,
            f"it has {size} bytes of tensors, its header describes {position}",
            remedy="It was probably cut short; fetch it again",
        )
