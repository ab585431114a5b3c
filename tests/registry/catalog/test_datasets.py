"""Freezing image sets."""

import hashlib
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.datasets import (
    entries_of,
    find_dataset_version,
    freeze,
    tag_counts,
    version_ref,
)
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.errors import Conflict, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from tests.registry.catalog.pictures import jpeg, products, write


@pytest.fixture
def folder(tmp_path: Path, engine: Engine, store: BlobStore) -> Path:
    """An ingested folder of twelve pictures."""
    root = products(tmp_path / "products")
    ingest(engine, store, root)
    return root


def _frozen(engine: Engine, store: BlobStore) -> tuple[str, str]:
    with transaction(engine) as session:
        version = freeze(session, store, "weipin")
        return version_ref(version), version.digest


def test_freezing_again_without_a_change_gives_the_same_version(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    first = _frozen(engine, store)
    ingest(engine, store, folder)
    assert _frozen(engine, store) == first
    assert first[0] == "weipin@1"


def test_a_new_picture_makes_a_new_version_and_leaves_the_old_one(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    _, digest = _frozen(engine, store)
    before = store.read(digest)
    write(folder, {"weipin/qzy/flawless/new.jpg": jpeg(99)})
    ingest(engine, store, folder)
    ref, other = _frozen(engine, store)
    assert (ref, other != digest) == ("weipin@2", True)
    assert store.read(digest) == before


def test_the_manifest_says_what_is_in_it_and_hashes_to_the_digest(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    _, digest = _frozen(engine, store)
    manifest = store.read(digest)
    assert hashlib.sha256(manifest).hexdigest() == digest
    lines = [json.loads(line) for line in manifest.splitlines()]
    assert len(lines) == 12
    assert [line["path"] for line in lines] == sorted(line["path"] for line in lines)
    with transaction(engine) as session:
        entries = entries_of(session, find_dataset_version(session, "weipin"))
        indexed = [(e.source_path, e.image.blob.sha256, e.caption) for e in entries]
        assert indexed == [(line["path"], line["sha256"], line["caption"]) for line in lines]


def test_a_dataset_can_select_a_part_by_its_tags(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session:
        version = freeze(session, store, "spots", image_set="weipin", selector="**/spot")
        counts = tag_counts(entries_of(session, version))
        assert counts == {"lsbr/flawed/spot": 2, "qzy/flawed/spot": 2}


def test_a_selection_that_matches_nothing_is_refused(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session, pytest.raises(Conflict, match="no image that matches"):
        freeze(session, store, "tears", image_set="weipin", selector="**/tear")


def test_a_dataset_keeps_its_selection(folder: Path, engine: Engine, store: BlobStore) -> None:
    with transaction(engine) as session:
        freeze(session, store, "spots", image_set="weipin", selector="**/spot")
        with pytest.raises(Conflict, match="under another name"):
            freeze(session, store, "spots", selector="**/fold")


def test_an_unknown_version_is_refused_with_those_there_are(
    folder: Path, engine: Engine, store: BlobStore
) -> None:
    _frozen(engine, store)
    with transaction(engine) as session, pytest.raises(NotFound, match="weipin has 1 to 1"):
        find_dataset_version(session, "weipin@4")
