"""Reading Parquet files with pictures inside, as Hugging Face's `datasets` writes them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdxl_reg.catalog.dataset_imports.found import Finding, FoundPicture, refused
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.picture_rows import read_row
from sdxl_reg.formats.picture_tables import read_table
from sdxl_reg.imaging.problems import Code


def read_parquet(root: Path, levels: Sequence[str]) -> Iterator[Finding]:
    """Every row of a Parquet file, or of all those in a folder.

    Args:
        root: The file or folder.
        levels: Columns that are levels of tags; by default see `read_row`.

    Yields:
        Pictures; a file that is damaged is refused from there on.

    Raises:
        UsageError: pyarrow is not installed.
    """
    for path in [root] if root.is_file() else sorted(root.rglob("*.parquet")):
        try:
            for number, row in enumerate(read_table(path)):
                yield _finding(f"{path.name}, row {number}", row, levels)
        except Corrupt as error:
            yield refused(path.name, Code.CORRUPT, f"{error.fault}. {error.remedy}")


def _finding(place: str, row: Mapping[str, Any], levels: Sequence[str]) -> Finding:
    column = next((key for key, value in row.items() if _is_picture(value)), None)
    if column is None:
        return refused(place, Code.UNSUPPORTED_TYPE, "It has no column of pictures")
    picture = row[column]
    if not picture["bytes"]:
        message = "Its picture is a file elsewhere, not in the table"
        return refused(place, Code.VANISHED, message)
    texts = {key: value for key, value in row.items() if key != column}
    name = str(picture.get("path") or "").replace("\\", "/").rpartition("/")[2]
    stem = place.replace(".parquet, row ", "-")
    return FoundPicture(name=name or stem, content=picture["bytes"], row=read_row(texts, levels))


def _is_picture(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("bytes"), bytes | None)
        and ("bytes" in value and "path" in value)
    )
