"""Files and folders that survive a power cut: what is written is on the disk before it is seen."""

import os
from pathlib import Path
from typing import BinaryIO


def settle(temporary: Path, stream: BinaryIO, target: Path) -> None:
    """Make a file that was just written the blob at a path, durably."""
    os.fchmod(stream.fileno(), 0o444)
    os.fsync(stream.fileno())
    make_folder(target.parent)
    temporary.rename(target)
    sync(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder so that it survives a power cut: its entry in the parent is durable as well."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync(folder.parent)


def sync(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
