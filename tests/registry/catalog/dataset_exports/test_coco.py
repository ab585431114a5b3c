"""COCO folders, read by `pycocotools`."""

import contextlib
import io
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import Engine

from tests.registry.catalog.dataset_exports.conftest import Exporter
from tests.registry.catalog.dataset_exports.exported import entries


def read(path: Path) -> Any:
    """A document as `pycocotools` reads it."""
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_pycocotools_reads_pictures_categories_and_captions(
    split: str, engine: Engine, export: Exporter, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = export(split, out, "coco")
    assert report.folders == {"validation": 6, "train": 7}
    found = set()
    for name in report.folders:
        instances = read(out / "annotations" / f"instances_{name}.json")
        captions = read(out / "annotations" / f"captions_{name}.json")
        for image in instances.loadImgs(instances.getImgIds()):
            (instance,) = instances.loadAnns(instances.getAnnIds(image["id"]))
            (caption,) = captions.loadAnns(captions.getAnnIds(image["id"]))
            (category,) = instances.loadCats(instance["category_id"])
            with Image.open(out / name / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"])
            assert instance["bbox"] == [0, 0, image["width"], image["height"]]
            assert instances.annToMask(instance).sum() == instance["area"]
            found.add((name, category["name"], caption["caption"]))
    assert found == {(e.split, e.tag_path, e.caption) for e in entries(engine, split)}


def test_the_tag_tree_stands_in_the_supercategories(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "out", "coco")
    coco = read(tmp_path / "out" / "annotations" / "instances_train.json")
    tree = {c["name"]: (c["supercategory"], c["level"]) for c in coco.loadCats(coco.getCatIds())}
    assert tree["qzy"] == ("tag", "brand")
    assert tree["qzy/flawed"] == ("qzy", "state")
    assert tree["qzy/flawed/spot"] == ("qzy/flawed", "defect")
    assert len(coco.getCatIds(supNms=["qzy/flawed"])) == 2
