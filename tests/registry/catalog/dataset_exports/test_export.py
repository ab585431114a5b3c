"""What every export keeps: bytes, names, nothing overwritten, nothing half there."""

import errno
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from sdxl_reg.catalog.captions import add_caption
from sdxl_reg.catalog.crops import set_background
from sdxl_reg.catalog.dataset_exports.export import FORMATS
from sdxl_reg.catalog.dataset_exports.work import Work
from sdxl_reg.catalog.datasets import freeze
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest import IngestOptions, ingest
from sdxl_reg.errors import Conflict, InvalidValue, OutOfSpace, UnknownName
from sdxl_reg.formats.dataset_formats import EXPORTS
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Member
from sdxl_reg.vocabulary import CaptionSource
from tests.registry.catalog.dataset_exports.conftest import Exporter
from tests.registry.catalog.dataset_exports.exported import entries, files
from tests.registry.catalog.pictures import jpeg, write

SMALL = {"hypernetwork": {"resolution": "64"}}


def first_member(engine: Engine) -> int:
    with reading(engine) as session:
        found = session.scalar(select(Member.id).order_by(Member.id).limit(1))
    assert found is not None
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_exporting_again_changes_nothing(
    form: str, frozen: str, export: Exporter, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(frozen, out, form, **SMALL.get(form, {}))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    export(frozen, out, form, **SMALL.get(form, {}))
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("form", FORMATS)
def test_an_old_version_is_exported_with_the_same_bytes_for_ever(
    form: str, frozen: str, export: Exporter, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export("weipin@1", out, form, **SMALL.get(form, {}))
    before = files(out)
    out.rename(tmp_path / "before")
    root = tmp_path / "products"
    with transaction(engine) as session:
        add_caption(session, first_member(engine), "else", source=CaptionSource.PERSON)
    (root / "weipin/qzy/flawless/turned.jpg").unlink()
    (root / "weipin/qzy/flawed/spot").rename(root / "weipin/qzy/flawed/hole")
    write(root, {"weipin/lsbr/flawless/xxx1.jpg": jpeg(901), "weipin/lsbr/new/1.jpg": jpeg(902)})
    ingest(engine, store, root, options=IngestOptions(layout="set/line/kind"))
    with transaction(engine) as session:
        set_background(session, find_image_set(session, "weipin"), "#102030")
        assert freeze(session, store, "weipin").version == 2
    shutil.rmtree(root)
    export("weipin@1", out, form, **SMALL.get(form, {}))
    assert files(out) == before


def test_a_folder_as_ingested_has_the_bytes_that_were_ingested(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    report = export(frozen, tmp_path / "out", "folder")
    assert (report.images, report.converted) == (13, 0)
    source = files(tmp_path / "products" / "weipin")
    found = files(tmp_path / "out")
    assert {name: data for name, data in found.items() if name.endswith(".jpg")} == {
        name: data for name, data in source.items() if name.endswith(".jpg")
    }
    assert found["qzy/flawless/turned.txt"] == b"up"


def test_the_two_script_habit_comes_out_byte_for_byte(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(frozen, out, "folder", names="tags", caption_suffix=", black background")
    found = files(out)
    assert set(files(out / "qzy/flawed/spot")) == {
        "qzy_flawed_spot_01.jpg",
        "qzy_flawed_spot_01.txt",
        "qzy_flawed_spot_02.jpg",
        "qzy_flawed_spot_02.txt",
    }
    caption = b"qzy, flawed, spot, black background"
    assert found["qzy/flawed/spot/qzy_flawed_spot_01.txt"] == caption
    assert found["qzy/flawless/qzy_flawless_02.txt"] == b"qzy, flawless, black background"
    source = tmp_path / "products/weipin/qzy/flawed/spot/xxx2.jpg"
    assert found["qzy/flawed/spot/qzy_flawed_spot_02.jpg"] == source.read_bytes()


def test_names_do_not_depend_on_which_split_is_written(
    split: str, export: Exporter, tmp_path: Path
) -> None:
    for names in ("source", "tags"):
        whole, part = tmp_path / names / "whole", tmp_path / names / "part"
        export(split, whole, "imagefolder", names=names)
        export(split, part, "imagefolder", names=names, split="validation")
        assert files(part / "validation") == files(whole / "validation")
        assert not (part / "train").exists()


def test_progress_is_told_after_each_picture(frozen: str, export: Exporter, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    export(frozen, tmp_path / "out", "kohya", progress=lambda *said: told.append(said))
    assert told[0] == (1, 13, "writing pictures")
    assert told[-1] == (13, 13, "writing pictures")


def test_a_caption_that_was_changed_by_hand_is_not_overwritten(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "out", "kohya")
    text = tmp_path / "out" / "image" / "1_qzy" / "turned.txt"
    text.write_text("mine")
    with pytest.raises(Conflict, match=r"turned\.txt"):
        export(frozen, tmp_path / "out", "kohya")
    assert text.read_text() == "mine"


@pytest.mark.parametrize("form", ["imagefolder", "parquet", "webdataset"])
def test_files_of_another_version_are_not_mixed_in(
    form: str, frozen: str, export: Exporter, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    export(frozen, tmp_path / "out", form)
    with transaction(engine) as session:
        freeze(session, store, "less", image_set="weipin", selector="qzy/**")
    with pytest.raises(Conflict):
        export("less", tmp_path / "out", form)


def test_what_cannot_be_is_refused_before_anything_is_written(
    frozen: str, export: Exporter, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match="kohia"):
        export(frozen, tmp_path / "out", "kohia")
    with pytest.raises(InvalidValue, match="--shard-mb"):
        export(frozen, tmp_path / "out", "kohya", shard_mb=3)
    with pytest.raises(InvalidValue, match="resolution"):
        export(frozen, tmp_path / "out", "coco", resolution="12x")
    with pytest.raises(UnknownName, match="crop"):
        export(frozen, tmp_path / "out", "coco", crop="middle")
    with pytest.raises(Conflict, match="validation"):
        export(frozen, tmp_path / "out", "coco", split="validation")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing_and_says_so(
    frozen: str, export: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Work, "put", full)
    with pytest.raises(OutOfSpace):
        export(frozen, tmp_path / "new" / "out", "imagefolder")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_kill_leaves_nothing_that_can_be_seen_and_the_next_export_clears_up(
    frozen: str, export: Exporter, engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from sdxl_reg.catalog.published import published\n"
        "with published(Path(sys.argv[1])) as aside:\n"
        "    (aside / 'half').write_text('x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    place = tmp_path / "new"
    ended = subprocess.run([sys.executable, "-c", script, str(place / "out")], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (place / "out").exists()
    assert len(list(place.iterdir())) == 1
    export(frozen, place / "out", "imagefolder")
    assert [path.name for path in place.iterdir()] == ["out"]


def test_the_formats_are_those_that_help_lists() -> None:
    assert list(FORMATS) == list(EXPORTS)


def test_entries_keep_their_order(frozen: str, engine: Engine) -> None:
    paths = [entry.source_path for entry in entries(engine, frozen)]
    assert paths == sorted(paths)
