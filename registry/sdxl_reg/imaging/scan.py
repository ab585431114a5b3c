"""Walking a folder: which files are pictures, which are captions, which are neither, and why.

Nothing is opened here. Symbolic links to files are followed inside the scanned folder only, links
to folders never: what they lead to inside the folder is met where it lies, and loops cannot arise.
"""

import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sdxl_reg.imaging.names import shown
from sdxl_reg.imaging.problems import Code, Problem, Stage

PICTURE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm"}
    | {".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)
CAPTION_SUFFIXES = (".txt", ".caption", ".json")  # in the order in which they win
METADATA_NAME = "metadata.jsonl"
_HELP_FOR_SUFFIX = {
    ".heic": "Convert it to JPEG or PNG first",
    ".heif": "Convert it to JPEG or PNG first",
    ".jxl": "Convert it to JPEG or PNG first",
    ".svg": "Render it to PNG first",
    ".psd": "Export it as PNG first",
}
_JUNK_NAMES = frozenset({"thumbs.db", "ehthumbs.db", ".ds_store", "desktop.ini", "__macosx"})
_JUNK_FOLDERS = frozenset({".ipynb_checkpoints", "@eadir", ".git", "__macosx", "$recycle.bin"})
_JUNK_SUFFIXES = (".part", ".crdownload", ".tmp", "~")


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A file that claims to be a picture.

    Attributes:
        path: Where the operating system finds it.
        name: Relative to the scanned folder, with /, safe to show and store.
        size_bytes: Its length when it was scanned.
        mtime_ns: Its time of change then, nanoseconds.
    """

    path: Path
    name: str
    size_bytes: int
    mtime_ns: int

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders between the scanned one and the file."""
        return tuple(self.name.split("/")[:-1])


@dataclass(kw_only=True)
class Scan:
    """What a folder holds.

    Attributes:
        root: The scanned folder, absolute, links resolved.
        pictures: Files that claim to be pictures, sorted by name.
        captions: Caption files by name, `metadata.jsonl` among them.
        problems: One for every file that is neither picture, caption nor junk.
        ignored: Junk → how many of it.
        suffixes: Suffix → how many files have it, junk left out.
        closed_folders: Folders that could not be listed, relative to the root.
    """

    root: Path
    pictures: list[PictureFile] = field(default_factory=list)
    captions: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    suffixes: Counter[str] = field(default_factory=Counter)
    closed_folders: list[str] = field(default_factory=list)


def scan(root: Path) -> Scan:
    """Everything in a folder and below it, sorted by name within each kind.

    Args:
        root: An existing folder.

    Returns:
        What was found. A folder that cannot be listed is a problem in it, never an exception.
    """
    found = Scan(root=root.resolve())
    pending = [found.root]
    while pending:
        pending += _scan_folder(found, pending.pop())
    found.pictures.sort(key=lambda picture: picture.name)
    found.captions = dict(sorted(found.captions.items()))
    found.problems.sort(key=lambda problem: problem.path)
    return found


def _scan_folder(found: Scan, folder: Path) -> list[Path]:
    """Add what one folder holds; its sub-folders are returned."""
    subfolders = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if junk := _junk(entry):
                    found.ignored[junk] += 1
                elif entry.is_dir(follow_symlinks=False):
                    subfolders.append(Path(entry.path))
                else:
                    _add(found, entry)
    except OSError as error:
        name = _relative(found.root, folder)
        found.closed_folders.append(name)
        found.problems.append(folder_problem(name, error))
    return subfolders


def folder_problem(name: str, error: OSError) -> Problem:
    """The problem that a folder cannot be listed."""
    denied = isinstance(error, PermissionError)
    return Problem(
        path=name,
        stage=Stage.SCAN,
        code=Code.PERMISSION_DENIED if denied else Code.UNREADABLE,
        message=f"The folder could not be listed: {error.strerror}; nothing in it was read",
    )


def _add(found: Scan, entry: os.DirEntry[str]) -> None:
    name = _relative(found.root, Path(entry.path))
    suffix = Path(entry.name).suffix.lower()
    found.suffixes[suffix or "no suffix"] += 1
    if fault := _fault(found.root, entry):
        found.problems.append(Problem(path=name, stage=Stage.SCAN, code=fault[0], message=fault[1]))
    elif suffix in PICTURE_SUFFIXES:
        facts = entry.stat()
        found.pictures.append(
            PictureFile(
                path=Path(entry.path),
                name=name,
                size_bytes=facts.st_size,
                mtime_ns=facts.st_mtime_ns,
            )
        )
    elif suffix in CAPTION_SUFFIXES or entry.name == METADATA_NAME:
        found.captions[name] = Path(entry.path)
    else:
        found.problems.append(_unsupported(name, suffix))


def _fault(root: Path, entry: os.DirEntry[str]) -> tuple[Code, str] | None:
    """Why an entry that is no folder cannot be read as a file, if so."""
    try:
        if entry.is_symlink():
            target = Path(entry.path).resolve(strict=True)
            if not target.is_relative_to(root):
                return Code.LINK_OUTSIDE, "The link leads out of the ingested folder"
            if target.is_dir():
                return Code.LINK_TO_FOLDER, "Links to folders are not followed"
        if not stat.S_ISREG(entry.stat().st_mode):
            return Code.NOT_A_FILE, "It is a pipe, socket or device, not a file"
    except FileNotFoundError:
        return Code.LINK_DANGLING, "The link leads nowhere"
    except (OSError, RuntimeError):  # a loop of links; before Python 3.13 a RuntimeError
        return Code.LINK_DANGLING, "The link leads nowhere: it goes round in a loop"
    return None


def _unsupported(name: str, suffix: str) -> Problem:
    kind = f"A {suffix} file" if suffix else "A file without a suffix"
    help_text = _HELP_FOR_SUFFIX.get(suffix)
    message = f"{kind} is no picture that can be read here" + (
        f". {help_text}" if help_text else ""
    )
    return Problem(path=name, stage=Stage.SCAN, code=Code.UNSUPPORTED_TYPE, message=message)


def _junk(entry: os.DirEntry[str]) -> str | None:
    """What kind of junk an entry is, if it is any."""
    key = entry.name.casefold()
    if key in _JUNK_NAMES or (key in _JUNK_FOLDERS and entry.is_dir(follow_symlinks=False)):
        return entry.name
    if key.startswith("._"):
        return "._*"
    return next((f"*{suffix}" for suffix in _JUNK_SUFFIXES if key.endswith(suffix)), None)


def _relative(root: Path, path: Path) -> str:
    return shown(path.relative_to(root).as_posix())
