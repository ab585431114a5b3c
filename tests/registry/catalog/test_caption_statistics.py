"""How long captions are, and what they are made of."""

from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.catalog.caption_edits import set_caption
from sdxl_reg.catalog.caption_statistics import caption_statistics
from sdxl_reg.catalog.images import find_image_set, find_member
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from tests.registry.catalog.pictures import products


def test_tokens_and_words_are_counted(engine: Engine, store: BlobStore, tmp_path: Path) -> None:
    ingest(engine, store, products(tmp_path / "products", brands=("qzy",)))
    with transaction(engine) as session:
        weipin = find_image_set(session, "weipin")
        for number, text in ((1, "Spot, " + "red " * 100), (2, "")):
            member = find_member(session, weipin, f"qzy/flawed/spot/xxx{number}.jpg")
            set_caption(session, member.id, text)
        found = caption_statistics(session, weipin)
        fewer = caption_statistics(session, weipin, "**/fold")
    assert (found.members, found.without) == (6, 1)
    assert sum(found.lengths.values()) == 5
    assert found.longer == {75: 1, 150: 0, 225: 0}
    assert found.longest == "qzy/flawed/spot/xxx1.jpg"
    assert [(word.text, word.captions) for word in found.words[:3]] == [
        ("qzy", 4),
        ("flawed", 2),
        ("flawless", 2),
    ]
    assert found.words[0].tokens == ("q", "zy</w>")
    assert (fewer.members, fewer.lengths) == (2, {6: 2})
