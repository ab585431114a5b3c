"""What is exported: the pictures of a dataset version, with the names they are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.crops import background_of
from sdxl_reg.catalog.dataset_exports.options import Naming
from sdxl_reg.catalog.datasets import version_ref
from sdxl_reg.formats.file_names import counted_stems, name_in_lists, safe_folders, unique_stems
from sdxl_reg.formats.picture_rows import level_columns
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Blob, DatasetEntry, DatasetVersion, Image

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """One picture of a dataset version, as it was frozen.

    Attributes:
        position: Its place in the version, from 0.
        sha256: Digest of the bytes that were ingested.
        size: Width and height in pixels, upright.
        format: As found in its bytes.
        source_path: Relative to the folder that was ingested, with /.
        tag_path: Its tag; empty without one.
        more_tags: Paths of further tags.
        caption: Its caption; empty without one.
        repeats: How often an epoch shows it.
        split: `train` or `validation`.
        crop: The part that a person chose, in fractions of the sides.
    """

    position: int
    sha256: str
    size: tuple[int, int]
    format: str
    source_path: str
    tag_path: str
    more_tags: tuple[str, ...]
    caption: str
    repeats: int
    split: str
    crop: Box | None

    @property
    def tags(self) -> tuple[str, ...]:
        """Names of its tag from the root down."""
        return tuple(self.tag_path.split("/")) if self.tag_path else ()


@dataclass(frozen=True, kw_only=True)
class Contents:
    """A dataset version as an export sees it.

    Attributes:
        name: Of the dataset.
        reference: `weipin@1`.
        levels: What the levels of its tags are called, as many as the deepest tag has.
        background: Behind transparency, `#rrggbb`.
        pictures: All of them, in their frozen order.
    """

    name: str
    reference: str
    levels: tuple[str, ...]
    background: str
    pictures: tuple[Picture, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the levels in a table."""
        return level_columns(self.levels)


def contents_of(session: Session, store: BlobStore, version: DatasetVersion) -> Contents:
    """What a dataset version holds, as it was frozen; no picture is read."""
    pictures = _pictures(session, version)
    named = tuple(version.layout.split("/")) if version.layout else ()
    depth = max((len(picture.tags) for picture in pictures), default=0)
    further = (f"level{number}" for number in range(len(named) + 1, depth + 1))
    return Contents(
        name=version.dataset.name,
        reference=version_ref(version),
        levels=(*named, *further),
        background=background_of(store, version),
        pictures=pictures,
    )


def stems_of(contents: Contents, pictures: Sequence[Picture], naming: Naming) -> list[str]:
    """A name for each of some pictures that lie in one folder, without suffix.

    Args:
        contents: The version.
        pictures: Some of its pictures.
        naming: By source or by tags; numbers count all pictures of the version, so that a picture
            is called the same whichever part of it is written.

    Returns:
        No two are equal, in upper or lower case.
    """
    if naming == "tags":
        every = counted_stems((p.tags for p in contents.pictures), default=contents.name)
        by_position = dict(zip((p.position for p in contents.pictures), every, strict=True))
        return [by_position[picture.position] for picture in pictures]
    return unique_stems([_candidates(picture) for picture in pictures])


def paths_of(contents: Contents, naming: Naming) -> dict[int, PurePosixPath]:
    """A path for each picture, in the folder it was ingested from, without suffix.

    Args:
        contents: The version.
        naming: By source or by tags.

    Returns:
        Position → path; every part of it is a name that every file system takes.
    """
    parents = [str(PurePosixPath(p.source_path).parent) for p in contents.pictures]
    folders = safe_folders("" if parent == "." else parent for parent in parents)
    groups: dict[str, list[Picture]] = {}
    homes = {}
    for picture, parent in zip(contents.pictures, parents, strict=True):
        homes[picture.position] = folders["" if parent == "." else parent]
        groups.setdefault(name_in_lists(homes[picture.position]), []).append(picture)
    return {
        picture.position: PurePosixPath(homes[picture.position], stem)
        for group in groups.values()
        for picture, stem in zip(group, stems_of(contents, group, naming), strict=True)
    }


def _pictures(session: Session, version: DatasetVersion) -> tuple[Picture, ...]:
    entry = DatasetEntry
    rows = session.execute(
        select(
            *(entry.position, entry.source_path, entry.tag_path, entry.more_tags, entry.caption),
            *(entry.repeats, entry.split, entry.crop),
            *(Image.width, Image.height, Image.format, Blob.sha256),
        )
        .join(Image, Image.id == entry.image_id)
        .join(Blob, Blob.id == Image.blob_id)
        .where(entry.dataset_version_id == version.id)
        .order_by(entry.position)
    )
    return tuple(
        Picture(
            position=row.position,
            sha256=row.sha256,
            size=(row.width, row.height),
            format=row.format,
            source_path=row.source_path,
            tag_path=row.tag_path,
            more_tags=tuple(row.more_tags or ()),
            caption=row.caption,
            repeats=row.repeats,
            split=row.split,
            crop=_box(row.crop),
        )
        for row in rows
    )


def _box(edges: Sequence[float] | None) -> Box | None:
    return (edges[0], edges[1], edges[2], edges[3]) if edges else None


def _candidates(picture: Picture) -> tuple[str, str, str]:
    """Its own name, else with tags before it or a digest behind."""
    stem = PurePosixPath(picture.source_path).stem
    tagged = "-".join([*picture.tags, stem])
    return stem, tagged, f"{tagged}-{picture.sha256[:8]}"
