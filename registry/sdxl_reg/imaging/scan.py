"""Walking a folder: which files are pictures, which are captions, which are neither, and why.

A walk goes twice. The first surveys: for every folder a fingerprint of all that lies in it (names,
inodes, sizes, times) and how many pictures there are, so that a million files take seconds and a
folder that is as it was need not be looked at again. The second reads one folder at a time, file by
file, wherever that is needed. Nothing is opened but the files that say what to ignore.

Symbolic links to files are followed inside the scanned folder only, links to folders never: what
they lead to inside the folder is met where it lies, and loops cannot arise.

A folder may be the copy of another (`copies`): then the facts of its files are those of the other.
"""

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdxl_reg.imaging.copies import CopiedFolder, FileFacts
from sdxl_reg.imaging.decode import readable_formats
from sdxl_reg.imaging.ignore import IGNORE_NAME, IgnoreRule, is_ignored, junk, read_rule
from sdxl_reg.imaging.names import shown
from sdxl_reg.imaging.problems import Code, Problem, Stage

PICTURE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm"}
    | {".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"}
)
PLUGIN_SUFFIXES = {".heic": "HEIF", ".heif": "HEIF", ".jxl": "JXL"}
CAPTION_SUFFIXES = (".txt", ".caption", ".json")  # in the order in which they win
METADATA_NAME = "metadata.jsonl"
_ENDINGS = frozenset(suffix[1:] for suffix in (*PICTURE_SUFFIXES, *PLUGIN_SUFFIXES))
_FileLine = tuple[str, int, int, int]
_HELP_FOR_SUFFIX = {
    **dict.fromkeys(PLUGIN_SUFFIXES, "To read it: pip install 'sdxl-reg[formats]'"),
    ".svg": "Render it to PNG first",
    ".psd": "Export it as PNG first",
}


@dataclass(frozen=True, kw_only=True)
class PictureFile:
    """A file that claims to be a picture.

    Attributes:
        path: Where the operating system finds it.
        name: Relative to the scanned folder, with /, safe to show and store.
        size_bytes: Its length when it was scanned.
        mtime_ns: Its time of change then, nanoseconds.
        inode: Its number in the file system.
    """

    path: Path
    name: str
    size_bytes: int
    mtime_ns: int
    inode: int

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders between the scanned one and the file."""
        return tuple(self.name.split("/")[:-1])


@dataclass(frozen=True, kw_only=True)
class Folder:
    """One folder as the survey met it.

    Attributes:
        path: Where the operating system finds it.
        name: Relative to the scanned folder, with /; empty for that folder itself.
        fingerprint: Digest of what lies in it and of the rules and captions above it.
        pictures: How many files look like pictures, by their names.
        rules: What is ignored in it.
        metadata: The `metadata.jsonl` files in it and above it, relative name → path.
        problem: Why it could not be listed, if so.
    """

    path: Path
    name: str
    fingerprint: str
    pictures: int
    rules: tuple[IgnoreRule, ...]
    metadata: dict[str, Path]
    problem: Problem | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the folders from the scanned one down to it."""
        return tuple(self.name.split("/")) if self.name else ()


@dataclass(kw_only=True)
class Contents:
    """What one folder holds.

    Attributes:
        pictures: Files that claim to be pictures, sorted by name.
        captions: Caption files, relative name → path; the `metadata.jsonl` above it among them.
        problems: One for every file that is neither picture, caption nor junk.
        ignored: Junk → how many of it.
        suffixes: Suffix → how many files have it, junk left out.
    """

    pictures: list[PictureFile] = field(default_factory=list)
    captions: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    suffixes: Counter[str] = field(default_factory=Counter)


def survey(root: Path, copied: CopiedFolder | None = None) -> Iterator[Folder]:
    """Every folder in a folder, itself first, each before those in it, by name.

    Args:
        root: An existing folder, absolute, links resolved.
        copied: What it is a copy of, if so.

    Yields:
        The folders. One that cannot be listed has a `problem`.
    """
    pending = [_Above(path=root, name="", rules=(), metadata={}, digest="")]
    while pending:
        folder, below = _surveyed(pending.pop(), copied)
        yield folder
        pending += reversed(below)


def contents_of(root: Path, folder: Folder, copied: CopiedFolder | None = None) -> Contents:
    """What a folder holds now, without the folders in it.

    Args:
        root: The scanned folder.
        folder: From `survey`.
        copied: What the scanned folder is a copy of, if so.
    """
    found = Contents(captions=dict(folder.metadata))
    with os.scandir(folder.path) as entries:
        for entry in entries:
            name = _joined(folder.name, shown(entry.name))
            is_folder = entry.is_dir(follow_symlinks=False)
            if kind := junk(entry.name, is_folder=is_folder):
                found.ignored[kind] += 1
            elif folder.rules and is_ignored(folder.rules, name, is_folder=is_folder):
                found.ignored[IGNORE_NAME] += 1
            elif not is_folder:
                _add(found, root, entry, name, copied)
    found.pictures.sort(key=lambda picture: picture.name)
    found.captions = dict(sorted(found.captions.items()))
    found.problems.sort(key=lambda problem: problem.path)
    return found


def scan(root: Path) -> Contents:
    """Everything in a folder and below it at once, for folders that fit into memory.

    Args:
        root: An existing folder. One in it that cannot be listed is a problem, no exception.
    """
    root = root.resolve()
    found = Contents()
    for folder in survey(root):
        if folder.problem is not None:
            found.problems.append(folder.problem)
            continue
        here = contents_of(root, folder)
        found.pictures += here.pictures
        found.captions |= here.captions
        found.problems += here.problems
        found.ignored += here.ignored
        found.suffixes += here.suffixes
    found.pictures.sort(key=lambda picture: picture.name)
    found.problems.sort(key=lambda problem: problem.path)
    return found


@dataclass(frozen=True, kw_only=True)
class _Above:
    """A folder that is still to be surveyed, with what those above it say."""

    path: Path
    name: str
    rules: tuple[IgnoreRule, ...]
    metadata: dict[str, Path]
    digest: str


def _surveyed(above: _Above, copied: CopiedFolder | None) -> tuple[Folder, list[_Above]]:
    """A folder, and those in it that are to be surveyed."""
    if copied is not None and above.name in copied.closed:
        problem = copied.closed[above.name]
        return _folder(above, fingerprint="", pictures=0, problem=problem), []
    try:
        files, folders = _listed(above, copied)
    except OSError as error:
        problem = folder_problem(above.name, error)
        return _folder(above, fingerprint="", pictures=0, problem=problem), []
    names = {line[0] for line in files}
    rules, metadata = above.rules, above.metadata
    if IGNORE_NAME in names:
        rules = (*rules, read_rule(above.path / IGNORE_NAME, above.name))
    if METADATA_NAME in names:
        metadata = metadata | {_joined(above.name, METADATA_NAME): above.path / METADATA_NAME}
    special = [line for line in files if line[0] in (IGNORE_NAME, METADATA_NAME)]
    digest = _digest(above.digest, special) if special else above.digest
    here = _Above(path=above.path, name=above.name, rules=rules, metadata=metadata, digest=digest)
    below = [
        _Above(path=above.path / name, name=inner, rules=rules, metadata=metadata, digest=digest)
        for name in sorted(folders)
        if not junk(name, is_folder=True)
        and not is_ignored(rules, inner := _joined(above.name, shown(name)), is_folder=True)
    ]
    pictures = sum(name.rpartition(".")[2].lower() in _ENDINGS for name in names)
    return _folder(here, fingerprint=_digest(digest, files, folders), pictures=pictures), below


def _folder(
    here: _Above, *, fingerprint: str, pictures: int, problem: Problem | None = None
) -> Folder:
    return Folder(
        path=here.path,
        name=here.name,
        fingerprint=fingerprint,
        pictures=pictures,
        rules=here.rules,
        metadata=here.metadata,
        problem=problem,
    )


def _listed(folder: _Above, copied: CopiedFolder | None) -> tuple[list[_FileLine], list[str]]:
    """Files as (name, inode, size, time of change), and names of folders; links are files."""
    files: list[_FileLine] = []
    folders = []
    with os.scandir(folder.path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
                continue
            try:
                facts = _facts(entry, _joined(folder.name, shown(entry.name)), copied)
            except OSError:  # a link that leads nowhere, or a file that has just gone
                files.append((entry.name, 0, -1, 0))
            else:
                files.append((entry.name, facts.inode, facts.size_bytes, facts.mtime_ns))
    return files, folders


def _facts(entry: os.DirEntry[str], name: str, copied: CopiedFolder | None) -> FileFacts:
    """By what a file is known again; raises what `stat` does."""
    if copied is not None and name in copied.files:
        return copied.files[name]
    found = entry.stat()
    return FileFacts(size_bytes=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino)


def _digest(above: str, files: Sequence[_FileLine], folders: Sequence[str] = ()) -> str:
    text = repr((above, sorted(files), sorted(folders)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def folder_problem(name: str, error: OSError) -> Problem:
    """The problem that a folder cannot be listed."""
    denied = isinstance(error, PermissionError)
    return Problem(
        path=name,
        stage=Stage.SCAN,
        code=Code.PERMISSION_DENIED if denied else Code.UNREADABLE,
        message=f"The folder could not be listed: {error.strerror}; nothing in it was read",
    )


def _add(
    found: Contents,
    root: Path,
    entry: os.DirEntry[str],
    name: str,
    copied: CopiedFolder | None,
) -> None:
    suffix = Path(entry.name).suffix.lower()
    found.suffixes[suffix or "no suffix"] += 1
    if fault := _fault(root, entry):
        found.problems.append(Problem(path=name, stage=Stage.SCAN, code=fault[0], message=fault[1]))
    elif suffix in PICTURE_SUFFIXES or PLUGIN_SUFFIXES.get(suffix) in readable_formats():
        facts = _facts(entry, name, copied)
        found.pictures.append(
            PictureFile(
                path=Path(entry.path),
                name=name,
                size_bytes=facts.size_bytes,
                mtime_ns=facts.mtime_ns,
                inode=facts.inode,
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


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
