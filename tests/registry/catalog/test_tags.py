"""Tags: their closure and their tree."""

from itertools import accumulate
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.tags import ensure_tag, tag_tree
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, reading, transaction
from sdxl_reg.tables import Base, Tag, TagClosure
from tests.registry.catalog.pictures import products

NAME = st.sampled_from(["a", "b", "C", "é", "spot", "x y"])
PATH = st.lists(NAME, min_size=1, max_size=5)


@settings(max_examples=40, deadline=None)
@given(st.lists(PATH, max_size=12))
def test_the_closure_holds_every_ancestor_at_its_distance(paths: list[list[str]]) -> None:
    engine = connect("sqlite://")
    Base.metadata.create_all(engine)
    with transaction(engine) as session:
        for path in paths:
            ensure_tag(session, path, [f"level{n}" for n in range(len(path))])
    with reading(engine) as session:
        tags = {tag.id: tag.path for tag in session.scalars(select(Tag))}
        closure = {
            (tags[row.ancestor_id], tags[row.descendant_id], row.depth)
            for row in session.scalars(select(TagClosure))
        }
    prefixes = {prefix for path in paths for prefix in accumulate(path, lambda a, b: f"{a}/{b}")}
    assert set(tags.values()) == prefixes
    assert closure == {
        (ancestor, path, path.count("/") - ancestor.count("/"))
        for path in prefixes
        for ancestor in prefixes
        if path == ancestor or path.startswith(f"{ancestor}/")
    }


def test_the_tag_tree_counts_what_lies_at_and_below_each_tag(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    ingest(engine, store, products(tmp_path / "products"))
    with reading(engine) as session:
        tree = tag_tree(session, find_image_set(session, "weipin"))
    assert [(node.name, node.level, node.members_below) for node in tree] == [
        ("lsbr", "brand", 6),
        ("qzy", "brand", 6),
    ]
    flawed = tree[1].children[0]
    assert (flawed.path, flawed.level, flawed.members, flawed.members_below) == (
        "qzy/flawed",
        "state",
        0,
        4,
    )
    assert [(node.name, node.level, node.members) for node in flawed.children] == [
        ("fold", "defect", 2),
        ("spot", "defect", 2),
    ]
