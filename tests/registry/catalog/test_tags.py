"""Tags: their closure, their tree, and selecting members by them."""

import re
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from sdxl_reg.catalog.images import find_image_set, members_of, page_of_members
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.selectors import parse_selector, path_matches
from sdxl_reg.catalog.tags import ensure_tag, tag_tree
from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.imaging.names import name_key
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


@given(PATH)
def test_a_path_matches_itself_and_what_double_stars_stand_for(path: list[str]) -> None:
    text = "/".join(path)
    assert path_matches(text, text)
    assert path_matches("**", text)
    assert path_matches(f"**/{path[-1]}", text)
    assert path_matches(f"{path[0]}/**", text)
    assert path_matches("/".join("*" for _ in path), text)
    assert not path_matches("/".join("*" for _ in range(len(path) + 1)), text)


@given(st.lists(st.text(alphabet="ab*?", max_size=3), min_size=1, max_size=4), PATH)
def test_globs_match_as_a_plain_search_says(glob: list[str], path: list[str]) -> None:
    glob = [re.sub(r"\*+", "*", name) or "*" for name in glob]
    keys = [name_key(name) for name in path]
    expected = len(glob) == len(path) and all(map(_plain_match, glob, keys))
    assert path_matches("/".join(glob), "/".join(path)) == expected


def _plain_match(glob: str, name: str) -> bool:
    if not glob:
        return not name
    if glob[0] == "*":
        return _plain_match(glob[1:], name) or bool(name and _plain_match(glob, name[1:]))
    return bool(name) and glob[0] in ("?", name[0]) and _plain_match(glob[1:], name[1:])


@pytest.fixture
def selected(engine: Engine, store: BlobStore, tmp_path: Path) -> "Selected":
    """An ingested set of two brands, to select from."""
    ingest(engine, store, products(tmp_path / "products"))
    return Selected(engine)


class Selected:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __call__(self, selector: str) -> Sequence[str]:
        with reading(self.engine) as session:
            image_set = find_image_set(session, "weipin")
            members = members_of(session, image_set, selector)
            page = page_of_members(session, image_set, selector=selector, limit=2)
            assert page.total == len(members)
            assert len(page.members) == min(2, len(members))
        return sorted({member.tag_path for member in members})


def test_selectors_select_by_path_by_level_and_by_logic(selected: Selected) -> None:
    flawed = ["qzy/flawed/fold", "qzy/flawed/spot"]
    spots = ["lsbr/flawed/spot", "qzy/flawed/spot"]
    assert len(selected("")) == 6
    assert selected("qzy/flawed/**") == flawed
    assert selected("QZY/Flawed") == flawed
    assert selected("**/spot") == spots
    assert selected("defect:sp*") == spots
    assert selected("brand:qzy defect:spot") == ["qzy/flawed/spot"]
    assert selected("**/spot AND NOT brand:qzy") == ["lsbr/flawed/spot"]
    assert selected("(brand:lsbr OR state:flawed) AND NOT (**/fold OR **/spot)") == [
        "lsbr/flawless"
    ]
    assert selected('"qzy/flawed" **/spot') == ["qzy/flawed/spot"]
    assert selected("nothing/**") == []


@pytest.mark.parametrize("selector", ["(a", "a)", "a OR", "AND a", '"a', "NOT", "()"])
def test_a_selector_of_the_wrong_form_is_refused(selector: str) -> None:
    with pytest.raises(InvalidValue, match="selector is not of the right form"):
        parse_selector(selector)


def test_a_level_that_a_set_does_not_have_is_refused_with_a_near_name(selected: Selected) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'defect'"):
        selected("defects:spot")


def test_the_tag_tree_counts_what_lies_at_and_below_each_tag(selected: Selected) -> None:
    with reading(selected.engine) as session:
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
