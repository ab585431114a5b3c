"""Importing COCO documents that others wrote."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.errors import InvalidValue
from sdxl_reg.store.blobs import BlobStore
from tests.registry.catalog.dataset_imports.importing import imported, pictures, refusals
from tests.registry.catalog.pictures import jpeg, write

CATEGORIES = [
    {"id": 1, "name": "cat", "supercategory": "animal"},
    {"id": 2, "name": "dog", "supercategory": "animal"},
    {"id": 3, "name": "thing"},
]


def document(names: list[str], annotations: list[dict[str, object]]) -> bytes:
    images = [{"id": n, "file_name": name} for n, name in enumerate(names, 1)]
    body = {"images": images, "annotations": annotations, "categories": CATEGORIES}
    return json.dumps(body).encode()


def box(image: int, category: int) -> dict[str, object]:
    return {"image_id": image, "category_id": category, "bbox": [0, 0, 1, 1]}


def test_pictures_get_the_category_that_most_of_their_boxes_have(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    boxes = [box(1, 2), box(1, 1), box(1, 1), box(2, 3)]
    texts = [{"image_id": 1, "caption": "two cats\n"}, {"image_id": 1, "caption": "more"}]
    write(
        tmp_path / "set",
        {
            "annotations/instances_val2017.json": document(["1.jpg", "2.jpg", "3.jpg"], boxes),
            "annotations/captions_val2017.json": document(["1.jpg", "2.jpg", "3.jpg"], texts),
            "val2017/1.jpg": jpeg(1),
            "images/2.jpg": jpeg(2),
        },
    )
    report = imported(engine, store, tmp_path / "set")
    assert pictures(engine) == {
        "animal/cat/1.jpg": ("animal/cat", "two cats"),
        "thing/2.jpg": ("thing", "thing"),
    }
    assert refusals(report) == {"1.jpg": "label-conflict", "3.jpg": "vanished"}
    assert "animal/dog" in report.problems[0].message


def test_one_document_is_enough(engine: Engine, store: BlobStore, tmp_path: Path) -> None:
    write(tmp_path / "set", {"x.json": document(["1.jpg"], [box(1, 3)]), "1.jpg": jpeg(1)})
    imported(engine, store, tmp_path / "set" / "x.json")
    assert pictures(engine) == {"thing/1.jpg": ("thing", "thing")}


def test_pictures_outside_and_broken_documents_are_refused(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    write(tmp_path, {"secret.jpg": jpeg(5)})
    names = ["../secret.jpg", "1.jpg"]
    write(tmp_path / "set", {"x.json": document(names, []), "1.jpg": jpeg(1)})
    write(tmp_path / "set", {"y.json": b'{"images": 3, "annotations": []}'})
    write(tmp_path / "set", {"z.json": b'{"images": [], "annotations": ['})
    report = imported(engine, store, tmp_path / "set")
    assert refusals(report) == {
        "../secret.jpg": "link-outside",
        str(tmp_path / "set" / "y.json"): "corrupt",
        "z.json": "corrupt",
    }
    assert list(pictures(engine)) == ["1.jpg"]


def test_nothing_to_take_is_an_error(engine: Engine, store: BlobStore, tmp_path: Path) -> None:
    write(tmp_path / "set", {"x.json": document(["gone.jpg"], [])})
    with pytest.raises(InvalidValue, match=r"gone\.jpg"):
        imported(engine, store, tmp_path / "set")
