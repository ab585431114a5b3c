"""Where an export goes: into a folder, or into an archive that is sent while it is written."""

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from sdxl_reg.formats.archives import ArchiveWriter
from sdxl_reg.formats.kohya.folder import refuse_other_folders


class Sink(Protocol):
    """Receives the files of an export, in the order in which they are made.

    Attributes:
        scratch: A folder of its own, for files that a format writes itself and then hands over.
    """

    @property
    def scratch(self) -> Path:
        """The folder."""

    def put(self, name: str, data: bytes) -> None:
        """A whole file; its name is relative, with /."""

    def make_folder(self, name: str) -> None:
        """A folder that may stay empty."""

    def take(self, path: Path) -> None:
        """A file in `scratch` that is whole, under its path there."""

    def claim(self, folder: str, inside: Collection[str]) -> None:
        """Everything in a folder is trained, so nothing but these may be in it.

        Raises:
            Conflict: There is something else.
        """


class FolderSink:
    """A folder, which becomes another one when it is whole.

    Args:
        aside: The folder to write into.
        to: Where it will be.
    """

    def __init__(self, aside: Path, to: Path) -> None:
        self._aside = aside
        self._to = to

    @property
    def scratch(self) -> Path:
        """The folder itself: what is written into it lies where it belongs."""
        return self._aside

    def put(self, name: str, data: bytes) -> None:
        """A whole file."""
        path = self._aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def make_folder(self, name: str) -> None:
        """A folder that may stay empty."""
        (self._aside / name).mkdir(parents=True, exist_ok=True)

    def take(self, path: Path) -> None:
        """It is where it belongs already."""

    def claim(self, folder: str, inside: Collection[str]) -> None:
        """Look at what is there from before.

        Raises:
            Conflict: A folder of other pictures is there.
        """
        refuse_other_folders(self._to / folder, inside)


class ArchiveSink:
    """An archive; what a format writes itself is removed from the disk once it is in there.

    Args:
        archive: Receives the files.
        scratch: An empty folder.
    """

    def __init__(self, archive: ArchiveWriter, scratch: Path) -> None:
        self._archive = archive
        self._scratch = scratch

    @property
    def scratch(self) -> Path:
        """The folder."""
        return self._scratch

    def put(self, name: str, data: bytes) -> None:
        """A whole file."""
        self._archive.add(name, data)

    def make_folder(self, name: str) -> None:
        """A folder that may stay empty."""
        self._archive.add_folder(name)

    def take(self, path: Path) -> None:
        """Put a file into the archive, and remove it."""
        self._archive.add_file(path.relative_to(self._scratch).as_posix(), path)
        path.unlink()

    def claim(self, folder: str, inside: Collection[str]) -> None:
        """Nothing else is in an archive; who unpacks it looks at what is there."""
