"""Rows about pictures: caption and tags in the columns of metadata.jsonl, Parquet and other JSON.

    text   brand  state   defect   tags               more_tags  repeats  source             sha256
    …      qzy    flawed  spot     qzy/flawed/spot    []         1        qzy/flawed/…/1.jpg ab12…

Every level of the tags has a column of its own, and none is left out where it is empty: a loader
takes the columns, and what is in them, from the first rows. Further tags are lines of one text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CAPTIONS = ("text", "caption", "prompt")
"""Columns that a caption may stand in, the first one that says something counts."""
LEVELS = ("brand", "state", "defect")
"""Columns that are taken as levels of tags where nobody says which are."""
LABEL = "label"
OWN_COLUMNS = frozenset(
    {"image", "file_name", *CAPTIONS, "tags", "more_tags", "repeats", "source", "sha256", "split"}
)


@dataclass(frozen=True, kw_only=True)
class PictureRow:
    """What a data set says of one picture.

    Attributes:
        caption: One line; empty without one.
        tags: Names of its tag from the root down.
        levels: What the levels of its tag are called, as far as the row says it.
        more_tags: Paths of further tags.
        repeats: How often an epoch shows it.
        source: The path it was ingested from.
        sha256: Digest of the bytes that were ingested, whatever is written beside the row.
    """

    caption: str = ""
    tags: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    more_tags: tuple[str, ...] = ()
    repeats: int = 1
    source: str = ""
    sha256: str = ""


def level_columns(levels: Sequence[str]) -> tuple[str, ...]:
    """The columns of levels: their names, changed where a column of ours is called so.

    Args:
        levels: Names of the levels from the root down.
    """
    return tuple(f"{level}_level" if level in OWN_COLUMNS else level for level in levels)


def row_document(row: PictureRow, levels: Sequence[str]) -> dict[str, Any]:
    """A row as JSON and Parquet write it.

    Args:
        row: What is known.
        levels: Columns of the levels, as many as the deepest tag of the data set has.
    """
    names = (*row.tags, *("" for _ in levels))
    return {
        "text": row.caption,
        **dict(zip(levels, names, strict=False)),
        "tags": "/".join(row.tags),
        "more_tags": "\n".join(row.more_tags),
        "repeats": row.repeats,
        "source": row.source,
        "sha256": row.sha256,
    }


def read_row(document: Mapping[str, Any], levels: Sequence[str] = ()) -> PictureRow:
    """What a row says, ours or somebody else's.

    Args:
        document: Column → value; what is of the wrong type is passed over.
        levels: Columns that are levels of tags. By default those of `LEVELS` that are there, else
            the one called label.

    Returns:
        Its caption and tags; of our own rows everything.
    """
    columns, tags = _tags(document, levels)
    repeats = document.get("repeats")
    return PictureRow(
        caption=next((text for key in CAPTIONS if (text := _caption(document.get(key)))), ""),
        tags=tags,
        levels=tuple(_level(column) for column in columns),
        more_tags=tuple(_text(document.get("more_tags")).splitlines())
        if _is_ours(document)
        else (),
        repeats=repeats if isinstance(repeats, int) and repeats > 0 else 1,
        source=_text(document.get("source")),
        sha256=_text(document.get("sha256")),
    )


def _is_ours(document: Mapping[str, Any]) -> bool:
    return {"tags", "more_tags", "source", "sha256"} <= document.keys()


def _tags(
    document: Mapping[str, Any], levels: Sequence[str]
) -> tuple[Sequence[str], tuple[str, ...]]:
    """The columns of the levels, and what stands in them."""
    if not levels and _is_ours(document):
        names = list(document)
        path = _text(document["tags"])
        columns = names[names.index("text") + 1 : names.index("tags")] if "text" in names else []
        return columns, tuple(path.split("/")) if path else ()
    columns = list(levels or [level for level in LEVELS if level in document] or [LABEL])
    values = ("" if (value := document.get(c)) is None else str(value).strip() for c in columns)
    tags = tuple(value for value in values if value)
    return columns if tags or levels else (), tags


def _level(column: str) -> str:
    level = column.removesuffix("_level")
    return level if level in OWN_COLUMNS else column


def _caption(value: object) -> str:
    """A caption, or the first of several, as sets with five captions a picture have them."""
    if isinstance(value, list):
        value = next((text for text in value if isinstance(text, str) and text.strip()), "")
    return _text(value).strip()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
