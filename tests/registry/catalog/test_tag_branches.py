"""The tag tree as a page shows it: whole, or the branch that is looked at."""

from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog import tag_branches
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.tags import TagNode, tag_tree
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading

TAGS = ("a/flawed/spot", "a/flawed/fold", "a/flawless", "b/flawed/spot", "c")


@pytest.fixture
def filled(engine: Engine, store: BlobStore, tmp_path: Path) -> Engine:
    """A set with one picture of each tag."""
    for number, tag in enumerate(TAGS):
        folder = tmp_path / "shop" / tag
        folder.mkdir(parents=True)
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / "1.png")
    ingest(engine, store, tmp_path / "shop")
    return engine


def _shown(nodes: tuple[TagNode, ...]) -> list[str]:
    return [path for node in nodes for path in (node.path, *_shown(node.children))]


def test_a_small_tree_is_whole(filled: Engine) -> None:
    with reading(filled) as session:
        found = find_image_set(session, "shop")
        assert tag_branches.tag_branches(session, found, "") == tag_tree(session, found)


def test_of_a_large_tree_the_way_to_the_tag_is_open(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_branches, "WHOLE_UP_TO", 3)
    with reading(filled) as session:
        found = find_image_set(session, "shop")
        assert _shown(tag_branches.tag_branches(session, found, "")) == ["a", "b", "c"]
        way = tag_branches.tag_branches(session, found, "a/flawed")
        assert _shown(way) == [
            "a",
            "a/flawed",
            "a/flawed/fold",
            "a/flawed/spot",
            "a/flawless",
            "b",
            "c",
        ]
        counts = {node.path: (node.members, node.members_below) for node in way}
        assert counts == {"a": (0, 3), "b": (0, 1), "c": (1, 1)}
