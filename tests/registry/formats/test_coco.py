"""COCO documents and the tags in them."""

import json
from pathlib import Path

import pytest

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.coco import CocoPicture, captions, categories_of, instances, read_coco
from sdxl_reg.formats.picture_rows import PictureRow, row_document

LEVELS = ("brand", "state", "defect")


def picture(number: int, tags: tuple[str, ...], caption: str) -> CocoPicture:
    row = PictureRow(caption=caption, tags=tags)
    document = row_document(row, LEVELS)
    name = f"{number}.jpg"
    return CocoPicture(id=number, file_name=name, size=(4, 3), row=row, document=document)


def test_every_tag_above_one_is_a_category() -> None:
    found = categories_of(["qzy/flawed/spot", "lsbr", "", "lsbr"], LEVELS)
    assert [(c["id"], c["name"], c["supercategory"], c["level"]) for c in found] == [
        (1, "lsbr", "tag", "brand"),
        (2, "qzy", "tag", "brand"),
        (3, "qzy/flawed", "qzy", "state"),
        (4, "qzy/flawed/spot", "qzy/flawed", "defect"),
    ]


def test_rows_come_back_and_so_they_do_without_our_key() -> None:
    pictures = [picture(1, ("qzy", "flawed"), "one"), picture(2, (), ""), picture(3, ("x",), "y")]
    categories = categories_of(["qzy/flawed", "x"], LEVELS)
    texts = (
        instances(pictures, categories, about="set"),
        captions(pictures, about="set"),
    )
    documents = {Path(str(n)): json.loads(text) for n, text in enumerate(texts)}
    assert [(f.row.tags, f.row.caption) for f in read_coco(documents)] == [
        (p.row.tags, p.row.caption) for p in pictures
    ]
    for document in documents.values():
        for image in document["images"]:
            del image["sdxl_reg"]
    assert [(f.row.tags, f.row.caption) for f in read_coco(documents)] == [
        (p.row.tags, p.row.caption) for p in pictures
    ]


@pytest.mark.parametrize("document", [[], {}, {"images": [{}]}, {"images": 3}, None])
def test_what_is_no_coco_document_is_refused(document: object) -> None:
    with pytest.raises(Corrupt, match="COCO"):
        read_coco({Path("x.json"): document})
