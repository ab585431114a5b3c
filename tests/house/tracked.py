"""The files of the repository, as git tracks them."""

import subprocess
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]


def tracked_files() -> list[PurePosixPath]:
    """Every tracked file that is on the disk, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [PurePosixPath(name) for name in listed.split("\0") if name and (ROOT / name).exists()]


def tracked_text() -> dict[PurePosixPath, str]:
    """Every tracked file that is text, with its content."""
    texts = {}
    for path in tracked_files():
        data = (ROOT / path).read_bytes()
        if b"\0" not in data:
            texts[path] = data.decode("utf-8")
    return texts
