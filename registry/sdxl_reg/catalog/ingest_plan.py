"""What an ingest is going to do: the folder walked, the layout decided, captions read."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.imaging.layout import Layout, decide
from sdxl_reg.imaging.names import name_key
from sdxl_reg.imaging.problems import Code, Problem, Stage
from sdxl_reg.imaging.scan import PictureFile, Scan, scan
from sdxl_reg.imaging.sidecars import read_sidecars

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
        threads: How many pictures are decoded at once; None takes one for each processor.
    """

    as_name: str | None = None
    layout: str | None = None
    caption: str | None = None
    rehash: str = "changed"
    limits: Limits = field(default_factory=Limits)
    threads: int | None = None


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
class PlannedSet:
    """One image set of an ingest.

    Attributes:
        name: What it will be called.
        folder: Where its pictures lie, absolute.
        pictures: What it holds, by path.
        closed_folders: Folders in it that could not be listed, relative to it.
    """

    name: str
    folder: Path
    pictures: tuple[PlannedPicture, ...]
    closed_folders: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class IngestPlan:
    """What an ingest is going to do.

    Attributes:
        layout: How the folders are read, and why.
        sets: The image sets, by name.
        skipped: Files that are passed over, each with its reason.
        warnings: What is worth knowing about captions.
        ignored: Junk → how many of it.
        captions: How many pictures have a text beside them.
    """

    layout: Layout
    sets: tuple[PlannedSet, ...]
    skipped: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    ignored: dict[str, int]
    captions: int

    @property
    def seen(self) -> int:
        """How many files the ingest accounts for: pictures and what is skipped."""
        return len(self.skipped) + sum(len(planned.pictures) for planned in self.sets)


def plan_ingest(root: Path, options: IngestOptions) -> IngestPlan:
    """Walk a folder and decide what an ingest of it does; nothing is recorded.

    Args:
        root: The folder.
        options: How to read it.

    Returns:
        The plan; its `layout.sentence()` says what was decided.

    Raises:
        NotFound: No such folder.
        InvalidValue: It is a file, or holds no picture; or the layout is of the wrong form.
    """
    _check_folder(root)
    found = scan(root)
    if not found.pictures:
        raise _without_pictures(root, found)
    layout = decide(
        (picture.folders for picture in found.pictures),
        root_name=_set_name(found.root.name or "images"),
        as_name=options.as_name,
        layout=options.layout,
    )
    sidecars = read_sidecars(found.pictures, found.captions)
    homeless, by_set = _assigned(found.pictures, layout)
    return IngestPlan(
        layout=layout,
        sets=tuple(
            _planned_set(name, pictures, found, layout, sidecars.texts)
            for name, pictures in sorted(by_set.items())
        ),
        skipped=_sorted([*found.problems, *homeless, *_orphans(found, sidecars.used)]),
        warnings=_sorted(sidecars.problems),
        ignored=dict(sorted(found.ignored.items())),
        captions=len(sidecars.texts),
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


def _without_pictures(root: Path, found: Scan) -> InvalidValue:
    if found.closed_folders:
        what = f"not all of it could be listed ({found.problems[0].message})"
    elif not found.suffixes:
        what = "it holds no file" + (" that is not junk" if found.ignored else "")
    else:
        what = "it holds " + ", ".join(
            f"{count} {suffix}" for suffix, count in found.suffixes.most_common(8)
        )
    return InvalidValue(
        f"there is no picture in this folder: {what}",
        root,
        remedy="Give a folder with JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF files in or below it",
    )


def _assigned(
    pictures: Sequence[PictureFile], layout: Layout
) -> tuple[list[Problem], dict[str, list[PictureFile]]]:
    """Pictures without a set as problems, the others by the first-level folder of their set."""
    homeless: list[Problem] = []
    by_set: dict[str, list[PictureFile]] = defaultdict(list)
    owners: dict[str, str] = {}
    for picture in pictures:
        if layout.set_depth == 0:
            by_set[""].append(picture)
        elif not picture.folders:
            homeless.append(_without_set(picture, "It lies where only folders of image sets do"))
        else:
            folder = picture.folders[0]
            owner = owners.setdefault(name_key(_set_name(folder)), folder)
            if owner == folder:
                by_set[folder].append(picture)
            else:
                homeless.append(_without_set(picture, f"Its set would be called as {owner!r} is"))
    return homeless, by_set


def _without_set(picture: PictureFile, reason: str) -> Problem:
    message = f"{reason}; move it, or ingest the folder with --as NAME"
    return Problem(path=picture.name, stage=Stage.SCAN, code=Code.NO_SET, message=message)


def _planned_set(
    folder: str,
    pictures: Sequence[PictureFile],
    found: Scan,
    layout: Layout,
    captions: dict[str, str],
) -> PlannedSet:
    prefix = f"{folder}/" if folder else ""
    return PlannedSet(
        name=layout.set_name if layout.set_name is not None else _set_name(folder),
        folder=found.root / folder,
        pictures=tuple(
            PlannedPicture(
                file=picture,
                source_path=picture.name.removeprefix(prefix),
                tags=picture.folders[layout.set_depth :],
                caption=captions.get(picture.name, ""),
            )
            for picture in pictures
        ),
        closed_folders=tuple(
            name.removeprefix(prefix) for name in found.closed_folders if name.startswith(prefix)
        ),
    )


def _set_name(folder: str) -> str:
    """A folder's name without what references such as `weipin@1` give a meaning to."""
    return _NOT_IN_A_NAME.sub("-", folder).strip()[:200] or "images"


def _orphans(found: Scan, used: frozenset[str]) -> list[Problem]:
    return [
        Problem(
            path=name,
            stage=Stage.CAPTION,
            code=Code.CAPTION_WITHOUT_PICTURE,
            message="No picture of that name lies beside it",
        )
        for name in found.captions
        if name not in used
    ]


def _sorted(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.path, problem.code)))
