"""What is exported and imported again is the same; what is no data set is refused."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.dataset_exports.export import export_dataset
from sdxl_reg.catalog.dataset_exports.options import ExportOptions
from sdxl_reg.catalog.dataset_imports.dataset import READERS, detected
from sdxl_reg.catalog.datasets import entries_of, find_dataset_version, freeze
from sdxl_reg.catalog.images import find_image_set, members_of
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.tag_edits import attach
from sdxl_reg.catalog.tags import ensure_tag
from sdxl_reg.errors import Conflict, InvalidValue, NotFound, UnknownName
from sdxl_reg.formats.dataset_formats import IMPORTS
from sdxl_reg.jobs.lock import alone_in
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from tests.registry.catalog.dataset_imports.importing import imported, levels, pictures
from tests.registry.catalog.pictures import jpeg, products, write


@pytest.fixture
def frozen(tmp_path: Path, engine: Engine, store: BlobStore) -> str:
    """A frozen dataset with a caption of its own, a split, and names that are hard to keep."""
    extra = {
        "weipin/qzy/flawed/light, blue?/a.b.jpg": jpeg(70),
        "weipin/qzy/flawed/light, blue?/a.b.txt": '唯, "quoted" <x>'.encode(),
        "weipin/loose.jpg": jpeg(71),
    }
    ingest(engine, store, write(products(tmp_path / "products"), extra))
    with transaction(engine) as session:
        version = freeze(session, store, "weipin")
        for entry in entries_of(session, version):
            entry.split = "validation" if "spot" in entry.tag_path else "train"
    return "weipin"


@pytest.mark.parametrize("form", ["kohya", "imagefolder", "parquet", "webdataset", "coco"])
def test_pictures_captions_and_levels_survive_an_export_and_an_import(
    form: str, frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with reading(engine) as session:
        version = find_dataset_version(session, frozen)
        wanted = [
            (e.image.blob.sha256, e.source_path, e.tag_path, e.caption)
            for e in entries_of(session, version)
            if form != "kohya" or e.split == "train"
        ]
        export_dataset(session, store, version, tmp_path / "out", form=form)
    moved = (tmp_path / "out").rename(tmp_path / "elsewhere")
    report = imported(engine, store, moved)
    assert (report.form, report.pictures, report.problems) == (form, len(wanted), ())
    assert report.ingested.problems == ()
    assert levels(engine) == "brand/state/defect"
    with transaction(engine) as session:
        again = entries_of(session, freeze(session, store, "in"))
        assert [
            (e.image.blob.sha256, e.source_path, e.tag_path, e.caption) for e in again
        ] == wanted


@pytest.mark.parametrize("form", ["imagefolder", "parquet", "webdataset", "coco"])
def test_tags_that_people_attached_survive_as_well(
    form: str, frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        image_set = find_image_set(session, frozen)
        ensure_tag(session, ["season", "winter"], ["brand", "state"])
        attach(session, image_set, "brand:qzy", "season/winter")
        export_dataset(session, store, freeze(session, store, frozen), tmp_path / "out", form=form)
    imported(engine, store, tmp_path / "out")
    with reading(engine) as session:
        members = members_of(session, find_image_set(session, "in"))
    assert {m.more_tags for m in members if m.tag_path.startswith("qzy")} == {("season/winter",)}
    assert {m.more_tags for m in members if m.tag_path.startswith("lsbr")} == {()}


def test_a_hypernetwork_folder_comes_back_with_captions_and_levels(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    options = ExportOptions(resolution="64", split="validation")
    with reading(engine) as session:
        version = find_dataset_version(session, frozen)
        export_dataset(
            session, store, version, tmp_path / "out", form="hypernetwork", options=options
        )
    imported(engine, store, tmp_path / "out")
    assert pictures(engine)["qzy/flawed/spot/xxx1.jpg"] == ("qzy/flawed/spot", "qzy, flawed, spot")


def test_importing_again_changes_nothing_and_leaves_nothing_behind(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with reading(engine) as session:
        version = find_dataset_version(session, frozen)
        export_dataset(session, store, version, tmp_path / "out", form="parquet")
    imported(engine, store, tmp_path / "out")
    before = pictures(engine)
    report = imported(engine, store, tmp_path / "out").ingested
    assert (report.new, report.duplicates, report.unchanged) == (0, 0, len(before))
    assert pictures(engine) == before
    rest = [path for path in (tmp_path / "imports").rglob("*") if path.is_file()]
    assert [path.name for path in rest] == ["lock"]


def test_two_imports_under_one_name_do_not_meet(
    frozen: str, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    folder = tmp_path / "imports" / "in"
    folder.mkdir(parents=True)
    write(tmp_path / "set", {"metadata.jsonl": b"", "a.jpg": jpeg(1)})
    with alone_in(folder), pytest.raises(Conflict, match="another process"):
        imported(engine, store, tmp_path / "set")


def test_what_looks_like_no_data_set_is_refused_with_what_to_do(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    folder = write(tmp_path / "plain", {"qzy/a.jpg": jpeg(1)})
    with pytest.raises(InvalidValue, match="sdxl-reg ingest"):
        imported(engine, store, folder)
    with pytest.raises(NotFound):
        imported(engine, store, tmp_path / "nowhere")
    with pytest.raises(UnknownName):
        imported(engine, store, folder, form="voc")
    with pytest.raises(InvalidValue, match="no picture"):
        imported(engine, store, folder, form="parquet")
    assert not any((tmp_path / "imports").rglob("pictures"))


def test_a_plain_folder_of_classes_is_an_imagefolder_where_that_is_said(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    folder = write(tmp_path / "plain", {"train/cat/a.jpg": jpeg(1), "test/dog/a.jpg": jpeg(2)})
    imported(engine, store, folder, form="imagefolder")
    assert pictures(engine) == {"cat/a.jpg": ("cat", "cat"), "dog/a.jpg": ("dog", "dog")}


@pytest.mark.parametrize(
    ("files", "form"),
    [
        ({"dataset.toml": b"", "train/metadata.jsonl": b""}, "kohya"),
        ({"image/10_shirt/a.jpg": b""}, "kohya"),
        ({"10_shirt/a.jpg": b""}, "kohya"),
        ({"validation/metadata.csv": b""}, "imagefolder"),
        ({"data/train-00000-of-00001.parquet": b""}, "parquet"),
        ({"a/000.tar.gz": b""}, "webdataset"),
        ({"annotations/x.json": b'{"images": [], "annotations": []}'}, "coco"),
    ],
)
def test_a_folder_is_recognised_by_what_it_holds(
    files: dict[str, bytes], form: str, tmp_path: Path
) -> None:
    assert detected(write(tmp_path / "set", files)) == form


def test_the_formats_are_those_that_help_lists() -> None:
    assert list(READERS) == list(IMPORTS)
