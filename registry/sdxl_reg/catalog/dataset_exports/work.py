"""One export while it is written: what every format takes from it, and what it reports."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Literal

from sdxl_reg.catalog.dataset_exports.contents import Contents, Picture, paths_of, stems_of
from sdxl_reg.catalog.dataset_exports.options import ExportOptions, Naming
from sdxl_reg.catalog.dataset_exports.pictures import PictureFile, files_of
from sdxl_reg.catalog.dataset_exports.sinks import Sink
from sdxl_reg.formats.kohya.folder import caption_line
from sdxl_reg.formats.picture_rows import PictureRow
from sdxl_reg.imaging.portable import SUFFIXES
from sdxl_reg.store.blobs import BlobStore

Progress = Callable[[int, int, str], None]
PICTURES = frozenset({*SUFFIXES.values(), ".jpeg"})


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        form: The format.
        folder: Where it lies, absolute.
        folders: Folders of pictures, or files that hold them, relative to it → their pictures.
        images: Pictures in all.
        converted: Pictures that were written anew: upright, in sRGB, cut or resized.
        left_out: Pictures of other splits.
        without_caption: Names of pictures that had no caption.
    """

    form: str
    folder: PurePath
    folders: dict[str, int]
    images: int
    converted: int
    left_out: int
    without_caption: tuple[str, ...]


@dataclass(kw_only=True)
class Work:
    """One export while it is written.

    Attributes:
        contents: The dataset version.
        selected: Its pictures that are written, in their order.
        options: As the user gave them.
        names: How pictures are called.
        store: Holds the pictures.
        sink: Receives the files.
        to: Where they will lie, as files name it that name others; never looked at.
        unchanged: `seen` writes a picture anew that a plain reader would see wrong; `bytes` never.
        progress: Told (done, total, what) after each picture.
        converted: How many pictures were written anew so far.
        without_caption: Names of those that had no caption so far.
    """

    contents: Contents
    selected: tuple[Picture, ...]
    options: ExportOptions
    names: Naming
    store: BlobStore
    sink: Sink
    to: PurePath
    unchanged: Literal["seen", "bytes"]
    progress: Progress
    converted: int = 0
    without_caption: list[str] = field(default_factory=list)

    def files(self, pictures: tuple[Picture, ...] = ()) -> Iterator[tuple[Picture, PictureFile]]:
        """The pictures with their files, in order; a few at a time are in memory.

        Args:
            pictures: In the order they are wanted in; by default all that are selected, in theirs.

        Raises:
            NotFound: A picture is not in the store.
            Corrupt: A picture cannot be decoded.
        """
        wanted = pictures or self.selected
        made = files_of(
            self.store, self.contents, wanted, options=self.options, unchanged=self.unchanged
        )
        for done, (picture, file) in enumerate(made, start=1):
            self.converted += not file.is_original
            yield picture, file
            self.progress(done, len(wanted), "writing pictures")

    def stems(self) -> dict[int, str]:
        """Position → the name of each picture where all lie in one folder."""
        every = self.contents.pictures
        stems = stems_of(self.contents, every, self.names)
        return {picture.position: stem for picture, stem in zip(every, stems, strict=True)}

    def paths(self) -> dict[int, PurePosixPath]:
        """Position → the path of each picture, in the folders it was ingested from."""
        return paths_of(self.contents, self.names)

    def caption(self, picture: Picture, *, default: str = "") -> str:
        """The caption of a picture in one line, with what is put behind all of them.

        Args:
            picture: One of the version's.
            default: Said where it has none.
        """
        text, suffix = caption_line(picture.caption, default=default), self.options.caption_suffix
        return text + suffix if text else suffix.lstrip(" ,")

    def row(self, picture: Picture) -> PictureRow:
        """What a table says of a picture."""
        return PictureRow(
            caption=self.caption(picture),
            tags=picture.tags,
            more_tags=picture.more_tags,
            repeats=picture.repeats,
            source=picture.source_path,
            sha256=picture.sha256,
        )

    def note(self, picture: Picture, name: str) -> None:
        """Remember a picture that has no caption of its own.

        Args:
            picture: That was written.
            name: What it is called in the export.
        """
        if not picture.caption.strip():
            self.without_caption.append(name)

    def put(self, name: str | PurePosixPath, data: bytes | str) -> None:
        """Write a file into the export.

        Args:
            name: Relative to it.
            data: Its bytes, or text for UTF-8.
        """
        whole = data.encode("utf-8", "replace") if isinstance(data, str) else data
        self.sink.put(str(name), whole)

    def put_with_caption(self, path: PurePosixPath, file: PictureFile, caption: str) -> str:
        """Write a picture, and its caption in a text file of the same name beside it.

        Args:
            path: Relative to the export, without suffix.
            file: The picture.
            caption: Written as it is, without a line break behind it; empty writes no file.

        Returns:
            The name of the picture, relative to the export.
        """
        name = path.with_name(path.name + file.suffix)
        self.put(name, file.data)
        if caption:
            self.put(path.with_name(path.name + ".txt"), caption)
        return str(name)


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """A format that a dataset can be written in.

    Attributes:
        name: What users call it.
        summary: What it is, and which programs read it, as a line of help.
        write: Writes into the folder of a work; returns its folders or files with their counts.
        names: How pictures are called unless the user says otherwise.
        resolution: What pictures are cut to unless the user says otherwise.
        split: The only split that is written unless the user says otherwise.
        options: Names of the options that only some formats have.
        unchanged: As in `Work`.
        owned: Suffixes of files that may be in no folder of the export unless they are of it.
    """

    name: str
    summary: str
    write: Callable[[Work], dict[str, int]]
    names: Naming = "source"
    resolution: str | None = None
    split: str = ""
    options: frozenset[str] = frozenset()
    unchanged: Literal["seen", "bytes"] = "seen"
    owned: frozenset[str] = PICTURES
