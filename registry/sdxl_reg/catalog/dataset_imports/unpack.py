"""What a reader found, laid out as `ingest` takes it: tags as folders, captions beside."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sdxl_reg.catalog.dataset_imports.found import Finding, FoundPicture, refused
from sdxl_reg.errors import NO_ROOM, OutOfSpace
from sdxl_reg.formats.file_names import name_in_lists, safe_name
from sdxl_reg.imaging.ignore import junk
from sdxl_reg.imaging.problems import Code, Problem
from sdxl_reg.imaging.scan import PICTURE_SUFFIXES
from sdxl_reg.jobs.lock import alone_in

_PICTURES = "pictures"
_LONGEST_TAG_BYTES = 250


@dataclass(kw_only=True)
class Unpacked:
    """What lies in the folder.

    Attributes:
        root: The folder.
        pictures: How many there are.
        problems: What was passed over.
        levels: What the levels of the tags are called; empty where nothing says it.
        more_tags: Path of a picture, relative to the folder → further tags of it.
    """

    root: Path
    pictures: int = 0
    problems: list[Problem] = field(default_factory=list)
    levels: tuple[str, ...] = ()
    more_tags: dict[str, tuple[str, ...]] = field(default_factory=dict)


@contextmanager
def unpacked(
    findings: Iterable[Finding], folder: Path, *, told: Callable[[int], None]
) -> Iterator[Unpacked]:
    """The findings as a folder of pictures, for as long as the context lasts.

    Args:
        findings: As a reader yields them.
        folder: In which to make it; one process at a time may.
        told: Called with the number of pictures so far.

    Yields:
        The folder and what is known of it.

    Raises:
        Conflict: Another process imports into the same folder.
        OutOfSpace: The disk is full; nothing was kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / _PICTURES
    with alone_in(folder, patience_s=0):
        shutil.rmtree(root, ignore_errors=True)  # of a process that was killed
        root.mkdir()
        try:
            yield _laid_out(findings, root, told)
        finally:
            shutil.rmtree(root, ignore_errors=True)


def _laid_out(findings: Iterable[Finding], root: Path, told: Callable[[int], None]) -> Unpacked:
    made, taken = Unpacked(root=root), set[str]()
    try:
        for finding in findings:
            if isinstance(finding, FoundPicture):
                _lay(finding, made, taken)
                told(made.pictures)
            else:
                made.problems.append(finding)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise OutOfSpace(root) from error
        raise
    return made


def _lay(found: FoundPicture, made: Unpacked, taken: set[str]) -> None:
    path = _free(_wanted(found), taken)
    target = made.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if isinstance(found.content, Path):
            shutil.copyfile(found.content, target)
        else:
            target.write_bytes(found.content)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise
        target.unlink(missing_ok=True)
        message = f"It cannot be read: {error.strerror}"
        made.problems.append(refused(found.name, Code.UNREADABLE, message))
        return
    if found.row.caption:
        target.with_suffix(".txt").write_text(found.row.caption, encoding="utf-8", errors="ignore")
    made.pictures += 1
    made.levels = max(made.levels, found.row.levels, key=len)
    if found.row.more_tags:
        made.more_tags[str(path)] = found.row.more_tags


def _wanted(found: FoundPicture) -> PurePosixPath:
    """Where a picture lies: in the folders of its tag, called as it once was."""
    suffix = PurePosixPath(found.name).suffix.lower()
    suffix = suffix if suffix in PICTURE_SUFFIXES else ".png"  # what it is, its bytes say
    named = PurePosixPath(found.row.source or found.name)
    stem = named.stem if named.suffix.lower() in PICTURE_SUFFIXES else named.name
    stem = safe_name(stem, default="picture")
    return PurePosixPath(*(_folder(tag) for tag in found.row.tags), stem + suffix)


def _folder(tag: str) -> str:
    """A folder that ingest reads as this tag, as far as a folder can be called so."""
    name = tag.replace("/", "_").replace("\0", "").strip()
    name = name.encode("utf-8", "ignore")[:_LONGEST_TAG_BYTES].decode("utf-8", "ignore")
    is_unfit = name in ("", ".", "..") or junk(name, is_folder=True)
    return f"_{name}_" if is_unfit else name


def _free(path: PurePosixPath, taken: set[str]) -> PurePosixPath:
    """The path, or one with a number where a picture of that name, or its caption, is there."""
    number, free = 1, path
    while name_in_lists(str(free.with_suffix(""))) in taken:
        number += 1
        free = path.with_stem(f"{path.stem}-{number}")
    taken.add(name_in_lists(str(free.with_suffix(""))))
    return free
