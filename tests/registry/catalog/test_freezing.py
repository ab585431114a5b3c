"""What a freeze would hold, said before anything is stored."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.access.viewers import viewer_of
from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.datasets import freeze, freeze_once, split_counts, version_ref
from sdxl_reg.catalog.freezing import prepare, project_of_freeze
from sdxl_reg.catalog.ingest import IngestOptions, ingest
from sdxl_reg.errors import Conflict, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Dataset
from sdxl_reg.vocabulary import Role
from tests.registry.catalog.pictures import products


@pytest.fixture
def pictures(engine: Engine, store: BlobStore, tmp_path: Path) -> Engine:
    ingest(engine, store, products(tmp_path / "products"))
    return engine


def test_what_is_said_before_is_what_is_frozen_then(pictures: Engine, store: BlobStore) -> None:
    with transaction(pictures) as session:
        before = prepare(session, "weipin", validation=0.25, balance="state")
        told = (before.reference, before.digest, before.splits, before.showings)
        assert before.standing is None
        session.rollback()
    assert not store.has(told[1])
    with transaction(pictures) as session:
        assert session.scalars(select(Dataset)).all() == []
        version, is_new = freeze_once(session, store, "weipin", validation=0.25, balance="state")
        assert is_new
        splits = split_counts(session, version)
        assert (version_ref(version), version.digest, splits) == told[:3]
        again = prepare(session, "weipin")
        assert again.standing is version
        assert (again.reference, again.showings) == ("weipin@1", told[3])


def test_a_name_that_is_taken_where_one_does_not_see_is_refused(
    pictures: Engine, store: BlobStore, tmp_path: Path
) -> None:
    options = IngestOptions(as_name="others", project="theirs")
    ingest(pictures, store, products(tmp_path / "more") / "weipin", options=options)
    with transaction(pictures) as session:
        freeze(session, store, "hidden", image_set="weipin")
        add_user(session, "boss", is_admin=True)
        anna = add_user(session, "anna")
        set_role(session, anna, "theirs", Role.WRITER)
        viewer = viewer_of(anna, "token")
    with transaction(pictures) as session, shown_to(viewer):
        assert project_of_freeze(session, "hidden", image_set="others") == "theirs"
        with pytest.raises(Conflict, match="taken in another project"):
            prepare(session, "hidden", image_set="others")
        with pytest.raises(NotFound):
            project_of_freeze(session, "hidden")
