"""How many bytes a registry keeps: its blobs, and the folders beside them."""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sdxl_reg.settings import Settings
from sdxl_reg.tables import Blob


@dataclass(frozen=True, kw_only=True)
class Kept:
    """Files of one kind.

    Attributes:
        files: How many.
        size_bytes: Their length.
        is_all: Whether all were counted; otherwise there are at least so many.
    """

    files: int
    size_bytes: int
    is_all: bool = True


def recorded_blobs(session: Session) -> Kept:
    """The blobs that have a row; linked pictures too, which lie elsewhere."""
    query = select(func.count(), func.sum(Blob.size_bytes)).select_from(Blob)
    files, size = session.execute(query).one()
    return Kept(files=files, size_bytes=size or 0)


def folders_beside(settings: Settings, *, within_s: float) -> Mapping[str, Kept]:
    """What lies beside the blobs: `thumbnails`, `cache`, `runs`.

    Args:
        settings: Where they lie.
        within_s: Each is counted for so many seconds at most.
    """
    folders = {
        "thumbnails": settings.thumbnails_path,
        "cache": settings.cache_path,
        "runs": settings.runs_path,
    }
    return {name: weighed(folder, within_s=within_s) for name, folder in folders.items()}


def weighed(folder: Path, *, within_s: float) -> Kept:
    """The files below a folder; one that is not there is empty.

    Args:
        folder: It.
        within_s: Counting ends after so many seconds.
    """
    end = monotonic() + within_s
    files = size = 0
    for facts in _files_below(folder):
        if monotonic() > end:
            return Kept(files=files, size_bytes=size, is_all=False)
        files, size = files + 1, size + facts.st_size
    return Kept(files=files, size_bytes=size)


def free_bytes(folder: Path) -> int:
    """How much fits on the disk of a folder, which need not be there yet."""
    place = next(known for known in (folder, *folder.parents) if known.exists())
    return shutil.disk_usage(place).free


def _files_below(folder: Path) -> Iterator[os.stat_result]:
    for above, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # gone since it was listed: these come and go
                yield Path(above, name).lstat()
