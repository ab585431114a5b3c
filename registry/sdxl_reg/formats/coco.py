"""COCO: pictures of a split in two JSON documents, `instances` and `captions`.

    annotations/instances_train.json    annotations/captions_train.json    train/1.jpg …

Categories are the tags, each with the tag above it as its supercategory; a picture as a whole is
one annotation, whose box is all of it.

Source: cocodataset.org, "Data format"; cocoapi 2.0.11, `pycocotools/coco.py`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.picture_rows import PictureRow, read_row

ANNOTATIONS = "annotations"
INSTANCES, CAPTIONS = "instances", "captions"
ROOT = "tag"
"""Supercategory of tags that have none above them."""
_ROW = "sdxl_reg"  # key of a picture under which its whole row stands


@dataclass(frozen=True, kw_only=True)
class CocoPicture:
    """One picture of a split.

    Attributes:
        id: Its number, from 1.
        file_name: Relative to the pictures' folder.
        size: Width and height in pixels.
        row: Caption and tags.
        document: The row as JSON, with all its columns.
    """

    id: int
    file_name: str
    size: tuple[int, int]
    row: PictureRow
    document: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class FoundPicture:
    """What a document of somebody says of a picture.

    Attributes:
        file_name: As it stands there.
        row: Caption and tags.
        other_categories: Categories of the picture besides its tag.
    """

    file_name: str
    row: PictureRow
    other_categories: tuple[str, ...]


def categories_of(paths: Iterable[str], levels: Sequence[str]) -> list[dict[str, Any]]:
    """A category for every tag and every tag above one, numbered from 1 by path.

    Args:
        paths: Paths of tags: `qzy/flawed/spot`; empty ones are passed over.
        levels: Names of their levels from the root down.
    """
    every = {
        "/".join(parts[: depth + 1])
        for parts in (path.split("/") for path in set(paths) if path)
        for depth in range(len(parts))
    }
    return [
        {
            "id": number,
            "name": path,
            "supercategory": path.rpartition("/")[0] or ROOT,
            "level": levels[path.count("/")],
        }
        for number, path in enumerate(sorted(every), 1)
    ]


def instances(
    pictures: Sequence[CocoPicture], categories: Sequence[Mapping[str, Any]], *, about: str
) -> str:
    """The document of categories: for each picture with a tag one annotation of all of it.

    Args:
        pictures: Of one split.
        categories: As `categories_of` gives them.
        about: What the data set is called.
    """
    ids = {category["name"]: category["id"] for category in categories}
    annotations = [
        {
            "id": picture.id,
            "image_id": picture.id,
            "category_id": ids["/".join(picture.row.tags)],
            "bbox": [0, 0, *picture.size],
            "area": picture.size[0] * picture.size[1],
            "segmentation": [_outline(picture.size)],
            "iscrowd": 0,
        }
        for picture in pictures
        if picture.row.tags
    ]
    return _text(_head(pictures, about) | {"annotations": annotations, "categories": categories})


def captions(pictures: Sequence[CocoPicture], *, about: str) -> str:
    """The document of captions; a picture without one has no annotation.

    Args:
        pictures: Of one split.
        about: What the data set is called.
    """
    annotations = [
        {"id": picture.id, "image_id": picture.id, "caption": picture.row.caption}
        for picture in pictures
        if picture.row.caption
    ]
    return _text(_head(pictures, about) | {"annotations": annotations})


def read_coco(documents: Mapping[Path, Any]) -> list[FoundPicture]:
    """What documents about the same pictures say: of categories, of captions, or both in one.

    Args:
        documents: Path → what the JSON file holds.

    Returns:
        The pictures in their order. The tag of a picture is the category that most of its
        annotations have; of ours, the whole row.

    Raises:
        Corrupt: A document is no COCO document.
    """
    names: dict[Any, str] = {}
    rows: dict[Any, PictureRow] = {}
    texts: dict[Any, str] = {}
    found: defaultdict[Any, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for path, document in documents.items():
        try:
            tags = {each["id"]: _tag(each) for each in document.get("categories", [])}
            for image in document["images"]:
                names.setdefault(image["id"], str(image["file_name"]))
                if isinstance(image.get(_ROW), dict):
                    rows.setdefault(image["id"], read_row(image[_ROW]))
            for annotation in document.get("annotations", []):
                if "caption" in annotation:
                    texts.setdefault(annotation["image_id"], str(annotation["caption"]).strip())
                if annotation.get("category_id") in tags:
                    found[annotation["image_id"]][tags[annotation["category_id"]]] += 1
        except (KeyError, TypeError, AttributeError) as error:
            remedy = "Give a file with images, annotations and categories"
            raise Corrupt(path, f"no COCO document ({error!r})", remedy=remedy) from error
    return [
        _found(name, rows.get(key), texts.get(key, ""), found[key]) for key, name in names.items()
    ]


def _found(
    name: str, row: PictureRow | None, text: str, tags: Counter[tuple[str, ...]]
) -> FoundPicture:
    if row is not None:
        return FoundPicture(file_name=name, row=row, other_categories=())
    first, *others = [tag for tag, _ in tags.most_common()] or [()]
    return FoundPicture(
        file_name=name,
        row=PictureRow(caption=text, tags=first),
        other_categories=tuple("/".join(tag) for tag in others),
    )


def _tag(category: Mapping[str, Any]) -> tuple[str, ...]:
    """A category as names from the root down."""
    name, above = str(category["name"]), str(category.get("supercategory") or "")
    if name.startswith(f"{above}/") or above in ("", ROOT, "none", name):
        return tuple(name.split("/"))
    return (above, *name.split("/"))


def _head(pictures: Sequence[CocoPicture], about: str) -> dict[str, Any]:
    images = [
        {
            "id": picture.id,
            "file_name": picture.file_name,
            "width": picture.size[0],
            "height": picture.size[1],
            _ROW: picture.document,
        }
        for picture in pictures
    ]
    return {"info": {"description": about, "version": "1.0"}, "licenses": [], "images": images}


def _outline(size: tuple[int, int]) -> list[int]:
    width, height = size
    return [0, 0, width, 0, width, height, 0, height]


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
