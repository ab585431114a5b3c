"""Harm done to a registry, as disks and hands do it."""

from pathlib import Path

from sdxl_reg.store.blobs import BlobStore


def flip(store: BlobStore, sha256: str) -> None:
    """Flip one bit in the middle of a blob."""
    path = store.path(sha256)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    _write(path, bytes(data))


def cut(store: BlobStore, sha256: str) -> None:
    """Lose the last byte of a blob."""
    path = store.path(sha256)
    _write(path, path.read_bytes()[:-1])


def _write(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)
