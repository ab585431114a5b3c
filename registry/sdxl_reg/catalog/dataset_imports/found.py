"""What the readers of foreign data sets find: pictures with caption and tags, and refusals."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sdxl_reg.formats.picture_rows import PictureRow
from sdxl_reg.imaging.problems import Code, Problem, Stage
from sdxl_reg.imaging.scan import PICTURE_SUFFIXES

SPLIT_FOLDERS = frozenset(
    {"train", "training", "validation", "valid", "val", "dev", "test", "testing", "eval"}
)


@dataclass(frozen=True, kw_only=True)
class FoundPicture:
    """One picture of a data set.

    Attributes:
        name: Of its file.
        content: Its bytes, or the file that holds them.
        row: Caption and tags.
    """

    name: str
    content: bytes | Path
    row: PictureRow


Finding = FoundPicture | Problem
"""Taken, or passed over with a reason."""


def refused(path: str | Path, code: Code, message: str) -> Problem:
    """A problem of reading a data set.

    Args:
        path: Of what is passed over, as the data set names it.
        code: The kind.
        message: A sentence.
    """
    shown = str(path).encode("utf-8", "backslashreplace").decode()
    return Problem(path=shown, stage=Stage.READ, code=code, message=message)


def pictures_in(folder: Path) -> Iterator[Path]:
    """The picture files right in a folder, by name; links are passed over."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.is_symlink() and path.is_file():
            yield path


def inside(root: Path, name: str) -> Path | None:
    """The file of a name in a data set.

    Args:
        root: The folder that names are relative to.
        name: As the data set says it, with / or \\.

    Returns:
        Its path; None where it leads out of the folder, by itself or by a link.
    """
    relative = PurePosixPath(name.replace("\\", "/"))
    if relative.is_absolute() or ".." in relative.parts or "\0" in name:
        return None
    path = root / relative
    return path if path.resolve().is_relative_to(root.resolve()) else None


def file_finding(root: Path, name: str, row: PictureRow) -> Finding:
    """A picture that a data set names, if it is there.

    Args:
        root: The folder that names are relative to.
        name: As the data set says it.
        row: What it says of it.
    """
    path = inside(root, name)
    if path is None:
        return refused(name, Code.LINK_OUTSIDE, "It lies outside of the data set; it was not read")
    if not path.is_file():
        return refused(name, Code.VANISHED, "The data set names it, and it is not there")
    return FoundPicture(name=path.name, content=path, row=row)
