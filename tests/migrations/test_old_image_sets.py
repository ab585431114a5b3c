"""Image sets of revision 0003, whose pictures were not judged, go on as those of today."""

from pathlib import Path

from sqlalchemy import select

from sdxl_reg.catalog.datasets import find_dataset_version, freeze
from sdxl_reg.catalog.images import find_image_set, page_of_members
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, downgrade, reading, transaction, upgrade
from sdxl_reg.tables import Image, Member, MemberTag
from tests.registry.catalog.pictures import products


def test_an_image_set_of_the_older_release_is_judged_and_keeps_its_datasets(
    empty_database: str, store: BlobStore, tmp_path: Path
) -> None:
    engine = connect(empty_database)
    upgrade(engine)
    root = products(tmp_path / "products")
    ingest(engine, store, root)
    with transaction(engine) as session:
        digest = freeze(session, store, "weipin").digest

    downgrade(engine, "0003")
    upgrade(engine)
    with reading(engine) as session:
        assert find_dataset_version(session, "weipin").layout == "brand/state/defect"
        assert set(session.scalars(select(Member.folder))) == {
            f"{brand}/{place}"
            for brand in ("qzy", "lsbr")
            for place in ("flawless", "flawed/fold", "flawed/spot")
        }
        assert set(session.scalars(select(MemberTag.image_set_id))) == {1}
        assert page_of_members(session, find_image_set(session, "weipin"), tag="qzy").total == 6

    report = ingest(engine, store, root)
    assert (report.seen, report.unchanged) == (12, 12)
    with transaction(engine) as session:
        assert all(image.sharpness is not None for image in session.scalars(select(Image)))
        again = freeze(session, store, "weipin")
        assert (again.version, again.digest) == (1, digest)
    engine.dispose()
