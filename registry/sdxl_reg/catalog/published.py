"""Folders that appear whole: written aside, compared with what is there, and moved into place."""

import filecmp
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdxl_reg.errors import NO_ROOM, Conflict, OutOfSpace


@contextmanager
def published(folder: Path, *, owned: frozenset[str] = frozenset()) -> Iterator[Path]:
    """A folder to write into, whose content appears in another one when the context is left.

    Where the other is not there, it appears in one step. Where it is, files that are there with
    the same bytes stay, new ones are added one by one, and nothing is overwritten. After an error
    nothing has changed.

    Args:
        folder: Where the content shall be.
        owned: Suffixes of files that may be in no folder we write into unless we write them:
            a picture left by an earlier export would be trained as well.

    Yields:
        An empty folder beside it.

    Raises:
        Conflict: A file is there with other bytes, or one of the owned kind that is not ours.
        OutOfSpace: The disk is full.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_behind(folder)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    aside.mkdir()
    try:
        yield aside
        if not folder.exists():
            aside.rename(folder)
            return
        _refuse_conflicts(aside, folder, owned)
        _move_in(aside, folder)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise OutOfSpace(folder) from error
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _remove_left_behind(folder: Path) -> None:
    """Remove what processes that were killed had begun to write."""
    pattern = re.compile(re.escape(f".{folder.name}.") + r"(\d+)\.part")
    for path in folder.parent.iterdir():
        found = pattern.fullmatch(path.name)
        if found and (int(found[1]) == os.getpid() or not _is_running(int(found[1]))):
            shutil.rmtree(path, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _refuse_conflicts(aside: Path, folder: Path, owned: frozenset[str]) -> None:
    remedy = "Move it away or export into another folder"
    for ours in sorted(aside.rglob("*")):
        theirs = folder / ours.relative_to(aside)
        if ours.is_dir() and theirs.is_dir():
            for path in sorted(theirs.iterdir()):
                is_ours = (ours / path.name).exists()
                if path.suffix.lower() in owned and not is_ours:
                    raise Conflict(f"{path} is not of this dataset", remedy=remedy)
        elif theirs.exists() and (
            not theirs.is_file() or not filecmp.cmp(ours, theirs, shallow=False)
        ):
            raise Conflict(f"{theirs} exists and differs", remedy=remedy)


def _move_in(aside: Path, folder: Path) -> None:
    for ours in sorted(aside.rglob("*")):
        theirs = folder / ours.relative_to(aside)
        if ours.is_dir():
            theirs.mkdir(exist_ok=True)
        elif not theirs.exists():
            ours.rename(theirs)
