"""The short hashes by which other programs and sites know a file."""

import hashlib
from pathlib import Path

from sdxl_reg.formats.safetensors import read_header

AUTO_V2_DIGITS = 10


def auto_v2(path: Path) -> str:
    """Civitai's AutoV2: ten digits of the SHA-256 of the file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:AUTO_V2_DIGITS]


def legacy_hash(path: Path) -> str:
    """The eight digits by which A1111 knew a checkpoint at first: of 64 KiB after the first MiB."""
    with path.open("rb") as stream:
        stream.seek(2**20)
        return hashlib.sha256(stream.read(2**16)).hexdigest()[:8]


def short_hashes(path: Path, sha256: str) -> dict[str, str]:
    """What other programs call a safetensors file: `autov2` and `autov3`.

    Args:
        path: The file.
        sha256: Of the whole file, as the store computed it: it is not read again for that.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file.
    """
    return {"autov2": sha256[:AUTO_V2_DIGITS], "autov3": auto_v3(path)}


def auto_v3(path: Path) -> str:
    """Civitai's AutoV3 and A1111's LoRA hash: SHA-256 of the bytes after the header, 64 digits.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file.
    """
    offset = read_header(path).data_offset
    with path.open("rb") as stream:
        stream.seek(offset)
        return hashlib.file_digest(stream, "sha256").hexdigest()
