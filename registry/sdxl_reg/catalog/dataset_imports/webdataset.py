"""Reading WebDataset shards; nothing of them is unpacked outside, and nothing unpickled."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sdxl_reg.catalog.dataset_imports.found import Finding, FoundPicture, refused
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.picture_rows import PictureRow, read_row
from sdxl_reg.formats.webdataset import Refused, TarSample, read_samples
from sdxl_reg.imaging.problems import Code
from sdxl_reg.imaging.scan import PICTURE_SUFFIXES
from sdxl_reg.imaging.sidecars import caption_of_lines, decode_text

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_CAPTIONS = ("txt", "caption", "text")


def shards_in(root: Path) -> list[Path]:
    """The tar files of a data set, by name.

    Args:
        root: One of them, or a folder that holds them.
    """
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.name.lower().endswith(TAR_SUFFIXES))


def read_webdataset(root: Path, levels: Sequence[str]) -> Iterator[Finding]:
    """Every sample of a shard, or of all those in a folder.

    Args:
        root: The file or folder.
        levels: Keys of the JSON of a sample that are levels of tags; by default see `read_row`.

    Yields:
        Pictures, and what is refused. The tag of a sample that says none is its folder in the
        shard, else its class.
    """
    for path in shards_in(root):
        try:
            for sample in read_samples(path):
                if isinstance(sample, Refused):
                    place = f"{path.name}: {sample.name}"
                    yield refused(place, Code(sample.code), sample.reason)
                else:
                    yield _finding(path.name, sample, levels)
        except Corrupt as error:
            yield refused(path.name, Code.CORRUPT, f"{error.fault}. {error.remedy}")


def _finding(shard: str, sample: TarSample, levels: Sequence[str]) -> Finding:
    suffix = _picture_suffix(sample)
    if suffix is None:
        message = "There is no picture in this sample"
        return refused(f"{shard}: {sample.key}", Code.UNSUPPORTED_TYPE, message)
    row = _row(sample, levels)
    text = next((text for key in _CAPTIONS if (text := _text(sample, key))), row.caption)
    key = PurePosixPath(sample.key)
    tags = row.tags or key.parent.parts or tuple(filter(None, [_text(sample, "cls")]))
    return FoundPicture(
        name=f"{key.name}.{suffix.rpartition('.')[2]}",
        content=sample.parts[suffix],
        row=replace(row, caption=text, tags=tags),
    )


def _picture_suffix(sample: TarSample) -> str | None:
    """Of the picture itself: `jpg` rather than `mask.png`."""
    found = [s for s in sample.parts if "." + s.rpartition(".")[2] in PICTURE_SUFFIXES]
    return min(found, key=lambda suffix: suffix.count("."), default=None)


def _row(sample: TarSample, levels: Sequence[str]) -> PictureRow:
    try:
        document = json.loads(sample.parts.get("json", b"{}"))
    except ValueError:
        return PictureRow()
    return read_row(document, levels) if isinstance(document, dict) else PictureRow()


def _text(sample: TarSample, suffix: str) -> str:
    return caption_of_lines(decode_text(sample.parts.get(suffix, b""))[0])
