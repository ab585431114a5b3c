"""Members with several tags: which one comes first, and what a frozen dataset says of them."""

import json

import pytest
from sqlalchemy import Engine, select

from sdxl_reg.catalog import tag_edits
from sdxl_reg.catalog.datasets import entries_of, freeze
from sdxl_reg.catalog.images import members_of
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import DatasetEntry, ImageSet
from tests.registry.catalog.hand_tagged import image_set_of
from tests.registry.catalog.statements import counted


@pytest.fixture
def tagged(engine: Engine) -> Engine:
    """`weipin`: a picture with the tag of its folder and two more, and one without a folder's."""
    with transaction(engine) as session:
        weipin = image_set_of(session, "weipin", ["qzy/spot", ""])
        for tag in ("Zebra", "awry", "qzy/a b"):
            tag_edits.add(session, weipin, tag)
        tag_edits.attach(session, weipin, "", "awry")
        tag_edits.attach(session, weipin, "", "Zebra")
        tag_edits.attach(session, weipin, "**/spot", "qzy/a b")
    return engine


def test_the_tag_of_the_folder_comes_first_and_the_others_by_path(tagged: Engine) -> None:
    with transaction(tagged) as session:
        weipin = session.scalars(select(ImageSet)).one()
        bare, spot = members_of(session, weipin)
    assert (spot.tag_path, spot.more_tags) == ("qzy/spot", ("Zebra", "awry", "qzy/a b"))
    assert (bare.tag_path, bare.more_tags) == ("Zebra", ("awry",)), "without a folder's the first"


def test_a_manifest_names_more_tags_only_where_there_are_any(
    tagged: Engine, store: BlobStore
) -> None:
    with transaction(tagged) as session:
        weipin = session.scalars(select(ImageSet)).one()
        tag_edits.detach(session, weipin, "NOT **/spot", "awry")
        version = freeze(session, store, "weipin")
        lines = store.read(version.digest).decode().splitlines()
        entries = [entry.more_tags for entry in entries_of(session, version)]
        without = select(DatasetEntry.position).where(DatasetEntry.more_tags.is_(None))
        assert session.scalars(without).all() == [0]
    bare, spot = map(json.loads, lines)
    assert "more_tags" not in bare
    assert spot["more_tags"] == ["Zebra", "awry", "qzy/a b"]
    assert entries == [None, ["Zebra", "awry", "qzy/a b"]]


def test_the_tags_of_many_members_take_no_statement_each(engine: Engine) -> None:
    with transaction(engine) as session:
        weipin = image_set_of(session, "weipin", ["a", "b"] * 50)
        with counted(engine) as statements:
            assert len(members_of(session, weipin)) == 100
    assert len(statements) == 1
