"""A registry of a million pictures made of rows alone, for measurements of the database.

Every picture has its blob, image, member, tag and caption, as an ingest writes them, but no file.
Half of them carry one tag; the rest follow a long tail over brands, states and defects. One brand
has more defects than a database takes terms in one query, some tags have one picture, some none.
The same count gives the same registry.
"""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Engine, insert, select

from sdxl_reg.catalog.tags import ensure_tag
from sdxl_reg.catalog.totals import refresh_totals
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import (
    Base,
    Blob,
    Caption,
    CaptionHead,
    Image,
    ImageSet,
    Member,
    MemberTag,
    now,
)

NAME = "million"
LEVELS = ("brand", "state", "defect")
_BRANDS = 60
_DEFECTS = 8
_MANY_DEFECTS = 1_200
_SINGLES = 20
_EMPTY = 20
_PORTION = 20_000


def make(engine: Engine, count: int) -> None:
    """Fill an empty registry.

    Args:
        engine: Its database, with tables.
        count: How many pictures.
    """
    with transaction(engine) as session:
        image_set = ImageSet(name=NAME, name_key=NAME, source="/nowhere", layout="/".join(LEVELS))
        session.add(image_set)
        session.flush()
        set_id = image_set.id
        tags = [tag.id for path in _paths() if (tag := ensure_tag(session, path, LEVELS))]
    rows = _rows(count, set_id, tags)
    while portion := list(islice(rows, _PORTION)):
        with engine.begin() as connection:
            for table, values in zip(_TABLES, zip(*portion, strict=True), strict=True):
                connection.execute(insert(table), list(values))
    with transaction(engine) as session:
        refresh_totals(session, session.scalars(select(ImageSet)).one())


def paths() -> list[str]:
    """Every tag there is, ancestors included."""
    return sorted({"/".join(p[:depth]) for p in _paths() for depth in range(1, len(p) + 1)})


_TABLES: Sequence[type[Base]] = (Blob, Image, Member, MemberTag, Caption, CaptionHead)


def _paths() -> list[tuple[str, ...]]:
    """The tags that pictures carry, the most frequent first; the empty ones at the end."""
    found: list[tuple[str, ...]] = [("brand-00", "flawless")]
    for brand in range(1, _BRANDS):
        found.append((f"brand-{brand:02}", "flawless"))
        found += [(f"brand-{brand:02}", "flawed", f"defect-{n}") for n in range(_DEFECTS)]
    found += [("wide", "flawed", f"defect-{number:04}") for number in range(_MANY_DEFECTS)]
    found += [("single", "flawed", f"defect-{number:02}") for number in range(_SINGLES)]
    return found + [("empty", "flawed", f"defect-{number:02}") for number in range(_EMPTY)]


def _tag_number(number: int, count: int) -> int:
    """Which tag a picture carries: folders are ingested one after the other, people mix them."""
    singles = len(_paths_before_empty) - _SINGLES
    if number < _SINGLES:
        return singles + number
    if number % 2:
        return 0
    share = number / count if number % 4 else (number * 2654435761 % 2**32) / 2**32
    return 1 + int((singles - 1) * share**3)


_paths_before_empty = _paths()[:-_EMPTY]


def _rows(count: int, set_id: int, tags: Sequence[int]) -> Iterator[tuple[dict[str, Any], ...]]:
    moment = now()
    for number in range(count):
        key = number + 1
        tag = _tag_number(number, count)
        names = _paths_before_empty[tag]
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        path = f"{'/'.join(names)}/{number:07}.jpg"
        yield (
            {"id": key, "sha256": digest, "size_bytes": 300_000 + number % 1000},
            _image(key, number, digest),
            {
                "id": key,
                "image_set_id": set_id,
                "image_id": key,
                "source_path": path,
                "source_size": 300_000,
                "source_mtime_ns": number,
                "seen_at": moment,
            },
            {"member_id": key, "tag_id": tags[tag], "image_set_id": set_id},
            {"id": key, "member_id": key, "text": ", ".join(names), "source": "tags", "tokens": 6},
            {"member_id": key, "caption_id": key},
        )


def _image(key: int, number: int, digest: str) -> dict[str, Any]:
    return {
        "id": key,
        "blob_id": key,
        "width": 768 + 64 * (number % 9),
        "height": 1024,
        "format": "JPEG",
        "phash": int(digest[:16], 16) - 2**63,
        "brightness": 20 + number % 200,
        "contrast": 10 + number % 60,
        "sharpness": 5 + number % 900,
    }
