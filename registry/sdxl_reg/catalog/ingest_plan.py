"""What an ingest is going to do: the folder surveyed, the layout decided, sets made of folders."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from sdxl_reg.catalog.references import MAIN
from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.imaging.copies import CopiedFolder
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.imaging.layout import Layout, decide
from sdxl_reg.imaging.names import name_key, shown
from sdxl_reg.imaging.problems import Problem
from sdxl_reg.imaging.scan import Folder, PictureFile, scan, survey

_NOT_IN_A_NAME = re.compile(r"[@/\\\x00-\x1f]")


@dataclass(frozen=True, kw_only=True)
class IngestOptions:
    """How a folder is read.

    Attributes:
        as_name: Name of the one set that the folder is; None lets the layout rule decide.
        layout: Level names such as `set/brand/state`; None lets the layout rule decide.
        caption: Template for pictures without a caption beside them; None keeps the one the set
            was ingested with, `{tags}` at first.
        rehash: `changed` reads files whose size or time has changed, `all` reads every file.
        limits: What is too large to be taken.
        link: Whether the files stay where they are and are only pointed at; None as before, at
            first they are copied.
        threads: How many pictures are decoded at once; None takes two for each processor.
        project: Whose new sets are; those that are there stay where they are.
        origin: Where the folder really lies, if it was sent here; None for this very folder.
    """

    as_name: str | None = None
    layout: str | None = None
    caption: str | None = None
    rehash: str = "changed"
    limits: Limits = field(default_factory=Limits)
    link: bool | None = None
    threads: int | None = None
    project: str = MAIN
    origin: str | None = None


@dataclass(frozen=True, kw_only=True)
class PlannedPicture:
    """A file with its place in a set.

    Attributes:
        file: As scanned.
        source_path: Relative to the set's folder, with /.
        tags: Names of the folders between the set and the file.
        caption: The text beside it; empty without one.
    """

    file: PictureFile
    source_path: str
    tags: tuple[str, ...]
    caption: str


@dataclass(frozen=True, kw_only=True)
class PlannedFolder:
    """A folder of a set.

    Attributes:
        folder: As surveyed.
        source_path: Relative to the set's folder, with /; empty for that folder itself.
        tags: Names of the folders between the set and its pictures.
    """

    folder: Folder
    source_path: str
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlannedSet:
    """One image set of an ingest.

    Attributes:
        name: What it will be called.
        path: Where its pictures lie, absolute.
        folders: The folders in it, itself first, by path.
    """

    name: str
    path: Path
    folders: tuple[PlannedFolder, ...]

    @property
    def pictures(self) -> int:
        """How many files look like pictures, by their names."""
        return sum(planned.folder.pictures for planned in self.folders)


@dataclass(frozen=True, kw_only=True)
class IngestPlan:
    """What an ingest is going to do.

    Attributes:
        root: The ingested folder, absolute, links resolved.
        layout: How the folders are read, and why.
        sets: The image sets, by name.
        others: Folders of no set, each with the reason why its pictures are in none.
        problems: Folders that could not be listed.
        copied: What the folder is a copy of, if so.
    """

    root: Path
    layout: Layout
    sets: tuple[PlannedSet, ...]
    others: tuple[tuple[Folder, str], ...]
    problems: tuple[Problem, ...]
    copied: CopiedFolder | None = None

    def closed(self, planned: PlannedSet) -> tuple[str, ...]:
        """Folders of a set that could not be listed, relative to it."""
        return tuple(f.source_path for f in planned.folders if f.folder.problem is not None)

    @property
    def total(self) -> int:
        """How many files look like pictures, by their names, in all sets."""
        return sum(planned.pictures for planned in self.sets)


def plan_ingest(
    root: Path, options: IngestOptions, copied: CopiedFolder | None = None
) -> IngestPlan:
    """Survey a folder and decide what an ingest of it does; nothing is recorded.

    Args:
        root: The folder.
        options: How to read it.
        copied: What it is a copy of, if so.

    Returns:
        The plan; its `layout.sentence()` says what was decided.

    Raises:
        NotFound: No such folder.
        InvalidValue: It is a file, or holds no picture; or the layout is of the wrong form.
    """
    _check_folder(root)
    path = root.resolve()
    folders = list(survey(path, copied))
    closed = tuple(folder.problem for folder in folders if folder.problem is not None)
    trees = {folder.names: folder.pictures for folder in folders if folder.pictures}
    if not trees:
        raise _without_pictures(root, closed, copied.label if copied else root)
    layout = decide(
        trees,
        root_name=_set_name(shown(path.name) or "images"),
        as_name=options.as_name,
        layout=options.layout,
    )
    others, by_set = _assigned(folders, layout)
    return IngestPlan(
        root=path,
        layout=layout,
        sets=tuple(
            _planned_set(name, some, path, layout)
            for name, some in sorted(by_set.items())
            if any(folder.pictures for folder in some)
        ),
        others=tuple(others),
        problems=closed,
        copied=copied,
    )


def _check_folder(root: Path) -> None:
    if not root.exists():
        beside = root.absolute().parent
        folders = (
            [path.name for path in beside.iterdir() if path.is_dir()] if beside.is_dir() else []
        )
        near = get_close_matches(root.name, folders, n=1)
        remedy = f"Did you mean {beside / near[0]}?" if near else "Check the path"
        raise NotFound("folder", root, remedy=remedy)
    if not root.is_dir():
        raise InvalidValue(
            "this is a file, not a folder", root, remedy=f"Ingest its folder: {root.parent}"
        )


def _without_pictures(root: Path, closed: Sequence[Problem], label: str | Path) -> InvalidValue:
    found = scan(root)
    if closed:
        what = f"not all of it could be listed ({closed[0].message})"
    elif not found.suffixes:
        what = "it holds no file" + (" that is not junk" if found.ignored else "")
    else:
        what = "it holds " + ", ".join(
            f"{count} {suffix}" for suffix, count in found.suffixes.most_common(8)
        )
    return InvalidValue(
        f"there is no picture in this folder: {what}",
        label,
        remedy="Give a folder with JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF files in or below it",
    )


def _assigned(
    folders: Sequence[Folder], layout: Layout
) -> tuple[list[tuple[Folder, str]], dict[str, list[Folder]]]:
    """Folders of no set with the reason, the others by the first-level folder of their set."""
    if layout.set_depth == 0:
        return [], {"": list(folders)}
    others: list[tuple[Folder, str]] = []
    by_set: dict[str, list[Folder]] = defaultdict(list)
    owners: dict[str, str] = {}
    with_pictures = {folder.names[0] for folder in folders if folder.names and folder.pictures}
    for folder in folders:
        first = folder.names[0] if folder.names else ""
        owner = owners.setdefault(name_key(_set_name(first)), first) if first else ""
        if not first:
            others.append((folder, "It lies where only folders of image sets do"))
        elif owner != first:
            others.append((folder, f"Its set would be called as {owner!r} is"))
        elif first in with_pictures:
            by_set[first].append(folder)
        else:
            others.append((folder, "It is in a folder without pictures"))
    return others, by_set


def _planned_set(name: str, folders: Sequence[Folder], root: Path, layout: Layout) -> PlannedSet:
    depth = layout.set_depth
    return PlannedSet(
        name=layout.set_name if layout.set_name is not None else _set_name(name),
        path=folders[0].path if name else root,
        folders=tuple(
            PlannedFolder(
                folder=folder,
                source_path="/".join(folder.names[depth:]),
                tags=folder.names[depth:],
            )
            for folder in folders
        ),
    )


def _set_name(folder: str) -> str:
    """A folder's name without what references such as `weipin@1` give a meaning to."""
    return _NOT_IN_A_NAME.sub("-", folder).strip()[:200] or "images"
