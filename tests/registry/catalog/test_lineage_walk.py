"""Walking a lineage of a hundred thousand edges: by its indexes, and never further than wanted."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, Select, delete, select, text
from sqlalchemy.orm import Session

from sdxl_reg.catalog.lineage import Way
from sdxl_reg.catalog.lineage_walk import (
    neighbour_counts,
    neighbours_after,
    next_arrows,
    reachable,
    walk,
)
from sdxl_reg.store.database import connect, reading
from sdxl_reg.tables import LineageDep, Node, Run
from tests.conftest import DATABASES

NODES, EDGES, HUB, HUB_CHILDREN = 30_000, 100_000, 1, 20_000
WAYS: tuple[Way, Way] = ("up", "down")
_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)",
    "postgresql": "WITH n AS (SELECT generate_series(1, :count) AS i)",
}
_RUN = """INSERT INTO run (id, kind, project, state, title, spec, packages, created_at)
VALUES (1, 'train', 'main', 'succeeded', '', '{}', '{}', '2026-01-01 00:00:00')"""
_MADE = (
    (
        NODES,
        "INSERT INTO node (id, kind, project, created_at)",
        "SELECT i, 'artifact', 'main', '2026-01-01 00:00:00' FROM n",
    ),
    (
        HUB_CHILDREN,
        "INSERT INTO lineage_dep (child_id, parent_id, run_id, slot)",
        "SELECT 10000 + i, 1, 1, 'base' FROM n",
    ),
    (
        EDGES - HUB_CHILDREN,
        "INSERT INTO lineage_dep (child_id, parent_id, run_id, slot)",
        "SELECT 101 + i % 29900, 100 + i % 29900 - i % 89, 1, 's' || (i % 97) FROM n",
    ),
)


def _fill(engine: Engine) -> None:
    """Thirty thousand nodes, each made from two or three before it; two thirds also from one."""
    numbers = _NUMBERS[engine.dialect.name]
    with engine.begin() as connection:
        connection.execute(text(_RUN))
        for count, into, selected in _MADE:
            connection.execute(text(f"{into} {numbers} {selected}"), {"count": count})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


@pytest.fixture(scope="module", params=DATABASES)
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """A registry with that lineage, once on SQLite and once on PostgreSQL; tests only read it."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("large") / "registry.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
        engine = connect(f"sqlite:///{path}")
    else:
        engine = connect(request.getfixturevalue("migrated_postgresql"))
    _fill(engine)
    yield engine
    with engine.begin() as connection:
        for table in (LineageDep, Node, Run):
            connection.execute(delete(table))
    engine.dispose()


@pytest.fixture
def large(filled: Engine) -> Iterator[Session]:
    """A session of that registry."""
    with reading(filled) as session:
        yield session


def _accesses(session: Session, statement: Select[*tuple[Any, ...]]) -> dict[str, list[str]]:
    """Table → how a statement gets at its rows, as the database plans it."""
    connection = session.connection()
    options = {"literal_binds": True, "render_postcompile": True}
    compiled = statement.compile(connection, compile_kwargs=options)
    found: dict[str, list[str]] = {}
    if connection.dialect.name == "sqlite":
        for row in connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}")):
            verb, _, rest = row.detail.partition(" ")
            if verb in ("SEARCH", "SCAN"):
                found.setdefault(rest.split(" ")[0], []).append(row.detail)
        return found
    (plan,) = connection.scalar(text(f"EXPLAIN (FORMAT JSON) {compiled}")) or []
    nodes = [plan["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Relation Name" in node:  # of a bitmap of rows, the index stands one below
            index = node.get("Index Name") or "".join(
                below.get("Index Name", "") for below in node.get("Plans", [])
            )
            how = f"{node['Node Type']} {index}"
            found.setdefault(node["Relation Name"], []).append(how)
    return found


INDEXES = {
    "up": ("pk_lineage_dep", "sqlite_autoindex_lineage_dep_1"),
    "down": ("ix_lineage_dep_parent_child",),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("start", [HUB, NODES // 2, NODES])
def test_walks_use_the_indexes_and_never_read_all_edges(
    large: Session, way: Way, start: int
) -> None:
    statements = {
        "one node": next_arrows([start], way, rows=400),
        "many nodes": next_arrows(list(range(start - 150, start)), way, rows=400),
    }
    for name, (statement, values) in statements.items():
        found = _accesses(large, statement.params(values))["lineage_dep"]
        assert found, name
        for how in found:
            assert any(index in how for index in INDEXES[way]), f"{name}: {how}"
            assert not how.startswith(("SCAN", "Seq Scan")), f"{name}: {how}"


def test_a_plan_that_reads_all_edges_would_be_noticed(large: Session) -> None:
    everything = select(LineageDep.run_id).where(LineageDep.run_id > 0)
    (how,) = _accesses(large, everything)["lineage_dep"]
    assert how.startswith(("SCAN", "Seq Scan"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("start", [HUB, 150, NODES // 2, NODES])
def test_walks_are_bounded_and_tell_what_they_leave_out(
    large: Session, way: Way, start: int
) -> None:
    found = walk(large, [start], way, limit=7, most=50)
    neighbours: dict[int, set[int]] = {}
    for child, parent, _, _ in found.arrows:
        origin, target = (child, parent) if way == "up" else (parent, child)
        neighbours.setdefault(origin, set()).add(target)
    seen = {start}.union(*neighbours.values())
    assert len(seen) <= 50 + 7
    totals = neighbour_counts(large, seen, way)
    for node in seen:
        shown, total = len(neighbours.get(node, ())), totals.get(node, 0)
        assert shown <= 7
        assert shown == total or found.cut[node] == shown < total


@pytest.mark.parametrize("way", WAYS)
def test_a_walk_that_is_not_cut_finds_all_that_can_be_reached(large: Session, way: Way) -> None:
    for start in (120, NODES - 5):
        found = walk(large, [start], way, limit=10**6, most=10**6)
        ends = {start}.union(*((arrow.child, arrow.parent) for arrow in found.arrows))
        assert ends == reachable(large, [start], way)
        assert ends == _search(large, start, way)
        assert found.cut == {}


def _search(session: Session, start: int, way: Way) -> set[int]:
    """What a recursive query finds."""
    origin, target = ("child_id", "parent_id") if way == "up" else ("parent_id", "child_id")
    query = f"""WITH RECURSIVE walk(v) AS (
        SELECT id FROM node WHERE id = :start
        UNION SELECT {target} FROM lineage_dep JOIN walk ON {origin} = v) SELECT v FROM walk"""  # noqa: S608
    return set(session.scalars(text(query), {"start": start}))


def test_depth_ends_a_walk_without_a_word(large: Session) -> None:
    found = walk(large, [NODES], "up", limit=100, depth=1)
    assert {arrow.child for arrow in found.arrows} == {NODES}
    assert found.cut == {}


def test_pages_of_a_hub_hold_each_child_once(large: Session) -> None:
    counts = neighbour_counts(large, [HUB], "down")
    assert counts == {HUB: HUB_CHILDREN}
    pages: list[int] = []
    while rows := neighbours_after(large, HUB, "down", after=max(pages, default=0), limit=4_999):
        pages += [number for number, _ in rows]
        assert all(arrows for _, arrows in rows)
    assert pages == list(range(NODES - HUB_CHILDREN + 1, NODES + 1))
