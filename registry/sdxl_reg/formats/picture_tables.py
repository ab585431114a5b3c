"""Pictures in Parquet files: bytes in a column that Hugging Face's `datasets` shows as pictures.

Source: datasets 5.2.0, `features/image.py` (`Image.pa_type`) and `arrow_writer.py` (the schema's
metadata under `huggingface`).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from sdxl_reg.errors import Corrupt, UsageError
from sdxl_reg.formats.picture_rows import PictureRow, row_document

ROW_GROUP_BYTES = 16 << 20
ROW_GROUP_ROWS = 1000
"""A reader that wants one row decompresses its whole group, so groups are small."""
_BATCH = 16  # rows that are in memory at once while a file is read


class TableWriter:
    """Writes pictures with their rows into Parquet files of a limited size.

    Attributes:
        counts: Path of a file → how many pictures it has.

    Raises:
        UsageError: pyarrow is not installed.
    """

    def __init__(
        self, folder: Path, prefix: str, *, levels: Sequence[str], most_bytes: int
    ) -> None:
        self.counts: dict[Path, int] = {}
        self._arrow, self._parquet = _pyarrow()
        self._folder = folder
        self._prefix = prefix
        self._levels = tuple(levels)
        self._most_bytes = most_bytes
        self._schema = _schema(self._arrow, self._levels)
        self._rows: list[dict[str, Any]] = []
        self._pending = self._written = 0
        self._writer: Any = None

    def write(self, name: str, data: bytes, row: PictureRow) -> None:
        """Add a picture, in a new file where the present one would become too long.

        Args:
            name: Of its file.
            data: Its bytes.
            row: Caption and tags.
        """
        if self._writer is None or self._written + len(data) > self._most_bytes:
            self._begin()
        document = row_document(row, self._levels)
        self._rows.append({"image": {"bytes": data, "path": name}} | document)
        self._pending += len(data)
        self._written += len(data)
        if self._pending >= ROW_GROUP_BYTES or len(self._rows) >= ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> list[Path]:
        """End the last file, and name all of them by how many there are: `train-00000-of-00002`.

        Returns:
            The files, in their order.
        """
        self._end()
        total, files = len(self.counts), []
        for number, path in enumerate(self.counts):
            files.append(path.with_name(f"{self._prefix}-{number:05}-of-{total:05}.parquet"))
            path.rename(files[-1])
        self.counts = dict(zip(files, self.counts.values(), strict=True))
        return files

    def _begin(self) -> None:
        self._end()
        path = self._folder / f"{self._prefix}-{len(self.counts):05}.parquet"
        self._writer = self._parquet.ParquetWriter(path, self._schema, compression="snappy")
        self.counts[path], self._written = 0, 0

    def _flush(self) -> None:
        if self._rows:
            table = self._arrow.Table.from_pylist(self._rows, schema=self._schema)
            self._writer.write_table(table)
            self.counts[next(reversed(self.counts))] += len(self._rows)
        self._rows, self._pending = [], 0

    def _end(self) -> None:
        if self._writer is not None:
            self._flush()
            self._writer.close()
            self._writer = None


def read_table(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a few at a time, labels by their names.

    Args:
        path: The file.

    Yields:
        Column → value; a picture is a dict of `bytes` and `path`, as `datasets` writes it.

    Raises:
        UsageError: pyarrow is not installed.
        Corrupt: It is no Parquet file, or a part of it is damaged.
    """
    arrow, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            names = _label_names(file.schema_arrow.metadata or {})
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    yield {key: _named(value, names.get(key)) for key, value in row.items()}
    except (arrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        remedy = "Copy it again from its origin"
        raise Corrupt(path, f"no whole Parquet file ({error})", remedy=remedy) from error


def features(levels: Sequence[str]) -> dict[str, Any]:
    """The columns as `datasets` describes them.

    Args:
        levels: Columns of the levels of tags.
    """
    text = {"dtype": "string", "_type": "Value"}
    return {
        "image": {"_type": "Image"},
        "text": text,
        **dict.fromkeys(levels, text),
        "tags": text,
        "more_tags": text,
        "repeats": {"dtype": "int32", "_type": "Value"},
        "source": text,
        "sha256": text,
    }


def _schema(arrow: Any, levels: Sequence[str]) -> Any:
    picture = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    types = {"image": picture, "repeats": arrow.int32()}
    described = features(levels)
    fields = [(name, types.get(name, arrow.string())) for name in described]
    info = json.dumps({"info": {"features": described}})
    return arrow.schema(fields, metadata={"huggingface": info})


def _label_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Names of the classes of columns of numbers, if `datasets` wrote the file."""
    try:
        described = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {
            column: feature["names"]
            for column, feature in described.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _named(value: Any, names: list[str] | None) -> Any:
    is_number = isinstance(value, int) and names is not None and 0 <= value < len(names)
    return names[value] if names and is_number else value


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        remedy = "Install it: pip install 'sdxl-reg[parquet]'"
        raise UsageError("Parquet needs pyarrow, which is not installed", remedy=remedy) from None
    return pyarrow, parquet
