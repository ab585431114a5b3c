"""The lineage of things in a registry of 1.5 million edges: walks in the database, and over HTTP.

    python bench/lineage.py [--edges 1500000] [--count 200] [--keep FOLDER]
        [--postgresql postgresql://postgres@127.0.0.1:5432/postgres]

The registry is made of rows (`lineage_rows.py`), on SQLite and, where a server is named, on a
throw-away database of PostgreSQL. Versions, generations and grids are picked at random, the same
each time. What is walked in the database is what `catalog.lineage_walk` asks for; HTTP is a server
in a process of its own, first open to all, then with a user who reads one of the two projects.
Each thing is asked for twice, and the better time counts.
"""

import argparse
import functools
import random
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import httpx
from sqlalchemy import Engine, event, text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.lineage_rows import HUB, PROJECTS, make
from bench.serving import processor_ms, say, scratch_database, served, summary, timed
from sdxl_reg.catalog.access.credentials import issue_token
from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.ancestry import NEIGHBOURS
from sdxl_reg.catalog.lineage_walk import walk
from sdxl_reg.store.database import connect, reading, transaction, upgrade
from sdxl_reg.vocabulary import Role

_VERSIONS = """
SELECT v.node_id, a.name, v.version
FROM artifact_version v JOIN artifact a ON a.id = v.artifact_id
WHERE a.project = :project ORDER BY v.id
"""
_OF_RUNS = """
SELECT t.id FROM {} t JOIN run r ON r.id = t.run_id WHERE r.project = :project ORDER BY t.id
"""
_CHILDREN = """
SELECT count(DISTINCT d.child_id)
FROM lineage_dep d JOIN artifact_version v ON v.node_id = d.parent_id
JOIN artifact a ON a.id = v.artifact_id WHERE a.name = :name
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, default=1_500_000)
    parser.add_argument("--count", type=int, default=200, help="how many of each kind to ask for")
    parser.add_argument("--keep", type=Path, help="folder of the SQLite registry, to use it again")
    parser.add_argument("--postgresql", help="URL of a server on which to make a database as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        measure(f"sqlite:///{folder}/registry.db", folder, options.edges, options.count)
        if options.postgresql:
            with scratch_database(options.postgresql) as url:
                measure(url, Path(scratch) / "postgresql", options.edges, options.count)


def measure(url: str, home: Path, edges: int, count: int) -> None:
    """Make a registry where there is none, and ask it everything.

    Args:
        url: Of its database.
        home: Where its files lie.
        edges: How many edges.
        count: How many things of each kind.
    """
    engine = connect(url)
    say(f"--- {engine.dialect.name}")
    upgrade(engine)
    with engine.connect() as connection:
        is_new = connection.scalar(text("SELECT count(*) FROM node")) == 0
    if is_new:
        started = time.perf_counter()
        rows = make(engine, edges)
        say(f"{rows['lineage_dep']:,} edges, {rows['node']:,} nodes, {rows['artifact_version']:,} ")
        say(f"versions, {rows['run']:,} runs made in {time.perf_counter() - started:.0f} s")
    with engine.begin() as connection:
        for table in ("user_role", "token", "user_account"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - of those above
    try:
        ask(engine, url, home, count)
    finally:
        engine.dispose()


def ask(engine: Engine, url: str, home: Path, count: int) -> None:
    """Ask the database, and a server over it.

    Args:
        engine: The database.
        url: Of it.
        home: Where the registry's files lie.
        count: How many things of each kind.
    """
    versions, refs = some_of(engine, count)
    for way in ("up", "down"):
        name = f"walk {way} from a version"
        summary(name, [timed(functools.partial(walked, engine, node, way)) for node in versions])
        summary(
            "  its statements alone", [min(statements_ms(engine, node, way)) for node in versions]
        )
    hub = children_of_hub(engine)
    with served(home, url) as (address, server), httpx.Client(base_url=address) as client:
        say(f"{HUB} has {hub:,} children")
        ask_server(client, server, "open", refs)
        token = reader(engine)
        client.headers["Authorization"] = f"Bearer {token}"
        ask_server(client, server, "signed in", refs)


def ask_server(client: httpx.Client, server: int, who: str, refs: dict[str, list[str]]) -> None:
    """Ask a server for the lineage of everything picked.

    Args:
        client: Of the server.
        server: Number of its process.
        who: As whom.
        refs: Kind → references.
    """
    for kind, some in refs.items():
        for direction in ("up", "both"):
            before = processor_ms(server)
            work = [
                functools.partial(got, client, f"/{quote(ref)}?direction={direction}")
                for ref in some
            ]
            summary(f"HTTP {who}: lineage of a {kind}, {direction}", [timed(one) for one in work])
            used = (processor_ms(server) - before) / (2 * len(some))
            say(f"{'':>40} the server's processor, on average: {used:.2f} ms")
    for query in ("?direction=down&depth=1", "/neighbours?direction=down", "?direction=down"):
        work_of_hub = functools.partial(got, client, f"/{HUB}@1{query}")
        summary(f"HTTP {who}: {HUB}@1{query}", [timed(work_of_hub) for _ in range(5)])


def walked(engine: Engine, node: int, way: str) -> None:
    """One walk, in a session of its own, its connection already there."""
    with reading(engine) as session:
        walk(session, [node], "up" if way == "up" else "down", limit=NEIGHBOURS)


def statements_ms(engine: Engine, node: int, way: str) -> list[float]:
    """What the statements of a walk take, twice, without the session around them."""
    begun, took = 0.0, [0.0]

    def before(*_: object) -> None:
        nonlocal begun
        begun = time.perf_counter()

    def after(*_: object) -> None:
        took[-1] += (time.perf_counter() - begun) * 1000

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    walked(engine, node, way)
    took.append(0.0)
    walked(engine, node, way)
    event.remove(engine, "before_cursor_execute", before)
    event.remove(engine, "after_cursor_execute", after)
    return took


def got(client: httpx.Client, query: str) -> None:
    """One answer."""
    client.get(f"/api/v1/lineage{query}").raise_for_status()


def some_of(engine: Engine, count: int) -> tuple[list[int], dict[str, list[str]]]:
    """Nodes of versions, and references to things of the first project by kind."""
    luck = random.Random(0)
    project = {"project": PROJECTS[0]}
    with engine.connect() as connection:
        versions = luck.sample(connection.execute(text(_VERSIONS), project).all(), count)
        numbered = {
            kind: luck.sample(connection.scalars(text(_OF_RUNS.format(kind)), project).all(), count)
            for kind in ("grid", "generation")
        }
    refs = {kind: [f"{kind}:{one}" for one in numbers] for kind, numbers in numbered.items()}
    refs["version"] = [f"{name}@{version}" for _, name, version in versions]
    return [node for node, _, _ in versions], refs


def children_of_hub(engine: Engine) -> int:
    """How many edges lead from the base that most was trained on."""
    with engine.connect() as connection:
        return int(connection.scalar(text(_CHILDREN), {"name": HUB}) or 0)


def reader(engine: Engine) -> str:
    """The secret of a user who reads the first project."""
    with transaction(engine) as session:
        add_user(session, "boss", is_admin=True)
        user = add_user(session, "anna")
        set_role(session, user, PROJECTS[0], Role.READER)
        return issue_token(session, user, "bench").secret


if __name__ == "__main__":
    main()
