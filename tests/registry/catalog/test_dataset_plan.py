"""Freezing with pictures held out, and with repeats that even a level out."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.balance import BalanceRow, balance_report, balance_reports, remarks
from sdxl_reg.catalog.datasets import entries_of, find_dataset_version, freeze
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.errors import Conflict, InvalidValue, UnknownName
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from tests.registry.catalog.likenesses import edited, near_products
from tests.registry.catalog.pictures import jpeg, write


@pytest.fixture
def folder(tmp_path: Path, engine: Engine, store: BlobStore) -> Path:
    """Twelve scenes, each as it is, compressed and small, and a few unlike any."""
    files = {
        f"weipin/qzy/{tag}/{scene}-{edit}.png": edited(scene, edit, size=(192, 128))
        for scene in range(12)
        for edit in ("same", "jpeg", "small")
        for tag in ("flawless" if scene % 2 else "flawed/spot",)
    }
    files |= {f"weipin/qzy/flawed/fold/{n}.jpg": jpeg(n) for n in range(6)}
    root = write(tmp_path / "products", files)
    ingest(engine, store, root)
    return root


def _splits(engine: Engine, reference: str) -> dict[str, str]:
    with reading(engine) as session:
        entries = entries_of(session, find_dataset_version(session, reference))
        return {entry.source_path: entry.split for entry in entries}


def _frozen(
    engine: Engine, store: BlobStore, validation: float | str | None, balance: str | None = None
) -> int:
    with transaction(engine) as session:
        version = freeze(session, store, "weipin", validation=validation, balance=balance)
        return version.version


def test_near_duplicates_are_never_on_both_sides(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    _frozen(engine, store, 0.25)
    sides = defaultdict(set)
    for path, split in _splits(engine, "weipin").items():
        sides[path.rpartition("/")[2].partition("-")[0]].add(split)
    assert all(len(side) == 1 for side in sides.values())
    held = [path for path, split in _splits(engine, "weipin").items() if split == "validation"]
    assert 7 <= len(held) <= 14


def test_the_share_is_remembered_and_old_pictures_keep_their_side(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    assert _frozen(engine, store, 0.25) == 1
    first = _splits(engine, "weipin@1")
    assert _frozen(engine, store, None) == 1
    write(folder, {f"weipin/qzy/flawless/new-{n}.jpg": jpeg(100 + n) for n in range(8)})
    ingest(engine, store, folder)
    assert _frozen(engine, store, None) == 2
    second = _splits(engine, "weipin@2")
    assert {path: second[path] for path in first} == first
    assert "validation" in {second[path] for path in second.keys() - first.keys()}


def test_another_share_splits_anew_and_none_gives_the_unsplit_version(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    assert _frozen(engine, store, None) == 1
    assert _frozen(engine, store, 0.25) == 2
    assert _frozen(engine, store, 0.5) == 3
    assert _frozen(engine, store, 0.0) == 1
    assert set(_splits(engine, "weipin@1").values()) == {"train"}


def test_a_selector_holds_out_what_it_means_with_its_near_duplicates(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    _frozen(engine, store, "**/fold")
    held = {path for path, split in _splits(engine, "weipin").items() if split == "validation"}
    assert held == {f"qzy/flawed/fold/{n}.jpg" for n in range(6)}
    with pytest.raises(UnknownName, match="colour"):
        _frozen(engine, store, "colour:red")
    with pytest.raises(Conflict, match="no picture can be held out"):
        _frozen(engine, store, "**/tear")


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0])
def test_a_share_that_is_none_is_refused(
    folder: Path, engine: Engine, store: BlobStore, share: float
) -> None:
    with pytest.raises(InvalidValue, match=r"such as 0\.1"):
        _frozen(engine, store, share)


def test_the_manifest_says_split_and_repeats(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    _frozen(engine, store, "**/flawless", "defect")
    with reading(engine) as session:
        version = find_dataset_version(session, "weipin")
        lines = [json.loads(line) for line in store.read(version.digest).splitlines()]
        entries = entries_of(session, version)
        assert [(e.split, e.repeats) for e in entries] == [
            (line["split"], line["repeats"]) for line in lines
        ]
    repeats = {(line["tags"], line["split"]): line["repeats"] for line in lines}
    assert repeats == {
        ("qzy/flawed/fold", "train"): 3,
        ("qzy/flawed/spot", "train"): 1,
        ("qzy/flawless", "validation"): 1,
    }


def test_a_balance_report_says_what_is_rare_and_how_often_to_show_it(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    with reading(engine) as session:
        report = balance_report(session, find_image_set(session, "weipin"), "Defect")
        levels = [one.level for one in balance_reports(session, find_image_set(session, "weipin"))]
    assert [(row.value, row.images, row.repeats) for row in report.rows] == [
        ("", 18, 1),
        ("spot", 18, 1),
        ("fold", 6, 3),
    ]
    assert report.remarks == (
        "fold has 6 pictures, no defect 18, 3 times as many: show each 3 times an epoch, and take "
        "more of them",
    )
    assert levels == ["brand", "state", "defect"]


def test_a_thousand_times_as_many_are_told_in_figures() -> None:
    rows = [BalanceRow(value=v, images=n, repeats=1) for v, n in (("a", 1234), ("b", 1))]
    assert remarks(rows, "state")[0].startswith("b has 1 picture, a 1,234, 1,234 times")


def test_a_level_that_is_none_is_refused(folder: Path, engine: Engine, store: BlobStore) -> None:
    with reading(engine) as session, pytest.raises(UnknownName, match="colour"):
        balance_report(session, find_image_set(session, "weipin"), "colour")
    with pytest.raises(UnknownName, match="colour"):
        _frozen(engine, store, None, "colour")


def test_the_same_picture_under_two_tags_is_on_one_side(
    tmp_path: Path, engine: Engine, store: BlobStore
) -> None:
    ingest(engine, store, near_products(tmp_path / "more"))
    _frozen(engine, store, "brand:qzy")
    assert _splits(engine, "weipin")["lsbr/flawless/c.png"] == "validation"
