"""Dataset versions in numbers, and parts of them."""

from pathlib import Path

from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.dataset_contents import contents_of, part_of, versions_of
from sdxl_reg.catalog.datasets import freeze
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.paging import Slice
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction


def test_tags_splits_and_showings_are_counted(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    for number, tag in enumerate(["red", "red", "red", "red", "blue"]):
        folder = tmp_path / "in" / "shop" / tag
        folder.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((64, 64), 40 + number).save(folder / f"{number}.png")
    ingest(engine, store, tmp_path / "in" / "shop")
    with transaction(engine) as session:
        first = freeze(session, store, "shop")
        second = freeze(session, store, "shop", validation="red", balance="")
        assert contents_of(session, first).splits == {"train": 5}
        assert contents_of(session, first).tags == {"blue": 1, "red": 4}
        contents = contents_of(session, second)
        assert contents.splits == {"train": 1, "validation": 4}
        assert contents.showings == 1
        assert [one.version for one in versions_of(session, first.dataset)] == [2, 1]
        held = part_of(session, second, Slice(limit=3), split="validation")
        assert (len(held.items), held.next is None) == (3, False)
        blue = part_of(session, second, Slice(), tag="blue")
        assert [entry.tag_path for entry in blue.items] == ["blue"]
