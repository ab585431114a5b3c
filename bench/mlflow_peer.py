"""Listing versions and getting one, over HTTP, beside an MLflow server: 10,000 versions each.

    python -m venv /tmp/mlflow-venv && /tmp/mlflow-venv/bin/pip install mlflow
    python bench/mlflow_peer.py [--mlflow /tmp/mlflow-venv/bin/mlflow] [--rounds 100]

One artifact, or registered model, of 10,000 versions with epoch, step and loss; ours holds 100,000
images besides. Both lie on SQLite and are served by one process each. Asked for in turn, in this
order: pages of 50 versions from all over the list, and single versions by number. MLflow's registry
is made through its own API for one version, the others are copies of its rows. Ours is asked twice:
open to all, and then with a signed-in user who reads the project.
"""

import argparse
import functools
import hashlib
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from sqlalchemy import Engine, text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.lineage import reader
from bench.million import make as make_images
from bench.serving import free_port, running, say, served, summary, timed, wait_for
from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, transaction, upgrade
from sdxl_reg.vocabulary import ArtifactKind

NAME = "long"
VERSIONS = 10_000
IMAGES = 100_000
_PAGE = 50
_API = "/api/2.0/mlflow"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mlflow", type=Path, default=Path("/tmp/mlflow-venv/bin/mlflow"))  # noqa: S108
    parser.add_argument("--rounds", type=int, default=100, help="how often each is asked")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        url = f"sqlite:///{home}/registry.db"
        engine = connect(url)
        make(engine, home)
        with (
            peer(options.mlflow, home) as theirs,
            served(home, url) as (ours, _),
            httpx.Client(base_url=theirs, timeout=60) as other,
            httpx.Client(base_url=ours, timeout=60) as own,
        ):
            for who in ("open", "signed in"):
                if who == "signed in":
                    own.headers["Authorization"] = f"Bearer {reader(engine)}"
                compare(own, other, who, options.rounds)
        engine.dispose()


def compare(own: httpx.Client, other: httpx.Client, who: str, rounds: int) -> None:
    """Ask both servers for the same things in turn, and print the ratios of the medians.

    Args:
        own: Of our server.
        other: Of MLflow's.
        who: As whom ours is asked.
        rounds: How often.
    """
    luck = random.Random(0)
    numbers = [luck.randrange(1, VERSIONS + 1) for _ in range(rounds)]
    pages = list(zip(our_pages(own, rounds), their_pages(other, rounds), strict=True))
    in_turn(
        f"a page of {_PAGE} versions, ours {who}",
        [(functools.partial(ask, own, o), functools.partial(ask, other, t)) for o, t in pages],
    )
    query = f"{_API}/model-versions/get?name={NAME}&version="
    in_turn(
        f"one version, ours {who}",
        [
            (
                functools.partial(ask, own, f"/api/v1/artifacts/{NAME}/versions/{number}"),
                functools.partial(ask, other, f"{query}{number}"),
            )
            for number in numbers
        ],
    )


def in_turn(name: str, pairs: Sequence[tuple[Callable[[], object], Callable[[], object]]]) -> None:
    """Do things in pairs, and print the medians and their ratio."""
    times = [(timed(ours), timed(theirs)) for ours, theirs in pairs]
    ours = summary(name, [one for one, _ in times])
    theirs = summary("  MLflow", [other for _, other in times])
    say(f"  ratio of the medians: {theirs / ours:.1f}")


def ask(client: httpx.Client, address: str) -> dict[str, object]:
    """One answer."""
    answer = client.get(address)
    answer.raise_for_status()
    found: dict[str, object] = answer.json()
    return found


def our_pages(client: httpx.Client, count: int) -> list[str]:
    """The first pages of our list, each found in the one before."""
    first = f"/api/v1/artifacts/{NAME}/versions?limit={_PAGE}"
    pages = [first]
    while len(pages) < count:
        following = ask(client, pages[-1])["next"]
        pages.append(f"{first}&cursor={following}" if following else first)
    return pages


def their_pages(client: httpx.Client, count: int) -> list[str]:
    """The first pages of MLflow's list, each found in the one before."""
    first = f"{_API}/model-versions/search?filter=name%3D%27{NAME}%27&max_results={_PAGE}"
    pages = [first]
    while len(pages) < count:
        following = ask(client, pages[-1]).get("next_page_token")
        pages.append(f"{first}&page_token={following}" if following else first)
    return pages


def make(engine: Engine, home: Path) -> None:
    """Our registry: 100,000 images, and an artifact of one file a version.

    Args:
        engine: Its database, without tables.
        home: Where its files lie.
    """
    upgrade(engine)
    make_images(engine, IMAGES)
    store = BlobStore(home / "store")
    with transaction(engine) as session:
        artifact = ensure_artifact(session, NAME, ArtifactKind.LORA)
        stored = store.put_bytes(b"one")
        facts = NewVersion(files={"x.safetensors": stored}, epoch=1, step=100, loss=0.1)
        add_version(session, artifact, facts)
    digests = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(VERSIONS)]
    with engine.begin() as connection:
        first = connection.execute(text("SELECT id, node_id FROM artifact_version")).one()
        blob = int(connection.scalar(text("SELECT max(id) FROM blob")) or 0)
        rows = [
            {
                "n": n,
                "v": first.id + n,
                "o": first.node_id + n,
                "b": blob + n,
                "d": digests[n][::-1],
            }
            for n in range(1, VERSIONS)
        ]
        for statement in _COPIES:
            connection.execute(text(statement), rows)
        connection.execute(text(f"UPDATE artifact SET next_version = {VERSIONS + 1}"))  # noqa: S608
        connection.execute(text("ANALYZE"))


_COPIES = (
    "INSERT INTO blob (id, sha256, size_bytes, created_at) "
    "SELECT :b, :d, 40000000, created_at FROM artifact_version ORDER BY id LIMIT 1",
    "INSERT INTO node (id, kind, project, created_at) "
    "SELECT :o, kind, project, created_at FROM node ORDER BY id LIMIT 1",
    "INSERT INTO artifact_version (id, node_id, artifact_id, version, state, digest, family, "
    "epoch, step, loss, details, created_at) "
    "SELECT :v, :o, artifact_id, 1 + :n, state, :d, family, :n, 100 * :n, loss, details, "
    "created_at FROM artifact_version ORDER BY id LIMIT 1",
    "INSERT INTO artifact_file (version_id, path, blob_id) VALUES (:v, 'x.safetensors', :b)",
)


@contextmanager
def peer(program: Path, home: Path) -> Iterator[str]:
    """MLflow's server over a registry with as many versions.

    Args:
        program: The command `mlflow`.
        home: A folder for its files.

    Yields:
        Its address.
    """
    database = home / "mlflow.db"
    with mlflow(program, database, home) as address:
        register(address)
    copy_versions(database)
    with mlflow(program, database, home) as address:
        yield address


@contextmanager
def mlflow(program: Path, database: Path, home: Path) -> Iterator[str]:
    """MLflow's server, with one worker.

    Args:
        program: The command `mlflow`.
        database: Its SQLite file.
        home: Where its artifacts would lie.

    Yields:
        Its address.
    """
    port = free_port()
    command = [str(program), "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{database}", "--workers", "1"]
    command += ["--default-artifact-root", str(home / "mlflow")]
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    with running(command, environment):
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health")
        yield address


def register(address: str) -> None:
    """A registered model with one version that says its epoch, step and loss."""
    with httpx.Client(base_url=address, timeout=60) as client:
        client.post(f"{_API}/registered-models/create", json={"name": NAME}).raise_for_status()
        tags = [{"key": key, "value": "1"} for key in ("epoch", "step", "loss")]
        facts = {"name": NAME, "source": "s3://bucket/x.safetensors", "tags": tags}
        client.post(f"{_API}/model-versions/create", json=facts).raise_for_status()


def copy_versions(database: Path) -> None:
    """Give the model 9,999 more versions like its first."""
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        for table in ("model_versions", "model_version_tags"):
            rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608
            names = list(rows[0])
            places = ", ".join(f":{name}" for name in names)
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608
            copies = [row | {"version": n} for n in range(2, VERSIONS + 1) for row in rows]
            connection.executemany(statement, copies)
        connection.execute("ANALYZE")


if __name__ == "__main__":
    main()
