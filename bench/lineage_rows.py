"""A registry with a lineage of millions of edges made of rows alone, for measurements.

Its shape is that of a shop that has trained for years: two projects, a base that half of all
versions were trained on, datasets frozen from one set, trainings of a dozen epochs, grids over the
epochs, generations with one or two adapters, and now and then a dataset of generated pictures that
is trained on again. No run has a file. The same number of edges gives the same registry.
"""

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text

from sdxl_reg.tables import Base

PROJECTS = ("main", "lab")
HUB = "base-00"
_BASES = 20
_EPOCHS = 12
_PICTURES = 20_000
_IN_DATASET = 60
_IN_SYNTHETIC = 400
_PORTION = 50_000
_MOMENT = "2026-01-02 03:04:05.000000"
_SPEC = {"trainer": "lora", "config": {"rank": 16, "max_train_epochs": _EPOCHS, "seed": 42}}


@dataclass
class _History:
    """What has happened so far, as rows by table."""

    edges: int = 0
    nodes: int = 0
    runs: int = 0
    rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    datasets: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    versions: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    generations: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    bases: list[tuple[int, int]] = field(default_factory=list)


_COLUMNS = {
    "blob": ("id", "sha256", "size_bytes", "created_at"),
    "image": ("id", "blob_id", "width", "height", "format", "created_at"),
    "image_set": (
        *("id", "name", "name_key", "project", "source", "layout", "caption_template"),
        *("background", "is_linked", "created_at"),
    ),
    "node": ("id", "kind", "project", "created_at"),
    "run": ("id", "kind", "project", "trainer", "state", "title", "spec", "packages", "created_at"),
    "dataset": (
        *("id", "name", "name_key", "image_set_id", "selector", "validation_share"),
        *("validation_selector", "balance_level", "next_version", "created_at"),
    ),
    "dataset_version": (
        *("id", "node_id", "dataset_id", "version", "digest", "manifest_id"),
        *("image_count", "layout", "created_at"),
    ),
    "dataset_entry": (
        *("dataset_version_id", "position", "image_id", "source_path", "tag_path", "caption"),
        *("repeats", "split"),
    ),
    "artifact": ("id", "kind", "name", "name_key", "project", "next_version", "created_at"),
    "artifact_version": (
        *("id", "node_id", "artifact_id", "version", "state", "digest", "family", "trainer"),
        *("base_version_id", "run_id", "epoch", "step", "loss", "details", "created_at"),
    ),
    "artifact_file": ("version_id", "path", "blob_id"),
    "grid": ("id", "node_id", "artifact_id", "run_id", "spec", "reason", "created_at"),
    "generation": ("id", "node_id", "run_id", "batch_size", "created_at"),
    "generated_picture": ("id", "generation_id", "position", "picture_key", "picture", "reason"),
    "lineage_event": ("id", "run_id", "node_id", "direction", "slot", "created_at"),
    "lineage_dep": ("child_id", "parent_id", "run_id", "slot"),
}


def make(engine: Engine, edges: int) -> dict[str, int]:
    """Fill an empty registry, and have its database look at what it holds.

    Args:
        engine: Its database, with tables.
        edges: About how many edges.

    Returns:
        Table → rows.
    """
    luck = random.Random(edges)
    done: dict[str, int] = defaultdict(int)
    past = _History()
    _pictures(past)
    for number in range(_BASES):
        _base(past, number)
    trained = 0
    while past.edges < edges:
        trained += 1
        _season(past, luck, trained)
        if sum(map(len, past.rows.values())) > _PORTION:
            _write(engine, past, done)
    _write(engine, past, done)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return dict(done)


def _season(past: _History, luck: random.Random, number: int) -> None:
    """One training with what came of it; now and then a new dataset before."""
    project = PROJECTS[number % 2]
    if number % 25 == 1 or not past.datasets[project]:
        _dataset(past, luck, project, number)
    versions = _training(past, luck, project, number)
    _grid(past, project, number, versions)
    for _ in range(30):
        _generation(past, luck, project, versions)


def _node(
    past: _History, kind: str, project: str, run: int, inputs: Sequence[tuple[int, str]]
) -> int:
    """A node, and an edge to each of what its run took."""
    past.nodes += 1
    past.rows["node"].append((past.nodes, kind, project, _MOMENT))
    for parent, slot in dict.fromkeys(inputs):
        past.edges += 1
        past.rows["lineage_dep"].append((past.nodes, parent, run, slot))
    return past.nodes


def _run(past: _History, kind: str, project: str, inputs: Sequence[tuple[int, str]]) -> int:
    past.runs += 1
    title, spec = f"{kind} {past.runs}", json.dumps(_SPEC)
    row = (past.runs, kind, project, "lora", "succeeded", title, spec, "{}", _MOMENT)
    past.rows["run"].append(row)
    for node, slot in dict.fromkeys(inputs):
        past.rows["lineage_event"].append((None, past.runs, node, "in", slot, _MOMENT))
    return past.runs


def _pictures(past: _History) -> None:
    for number in range(1, _PICTURES + 1):
        past.rows["blob"].append((number, _digest(f"picture {number}"), 300_000, _MOMENT))
        past.rows["image"].append((number, number, 1024, 1024, "JPEG", _MOMENT))
    for number, project in enumerate(PROJECTS, 1):
        name = f"shop-{project}"
        past.rows["image_set"].append(
            (number, name, name, project, "/nowhere", "brand/state", "", "#ffffff", False, _MOMENT)
        )


def _base(past: _History, number: int) -> None:
    name = f"base-{number:02}"
    artifact = number + 1
    past.rows["artifact"].append((artifact, "checkpoint", name, name, "shared", 2, _MOMENT))
    node = _node(past, "artifact", "shared", 0, [])
    version = _version(past, node, artifact, 1, run=None, base=None, epoch=None)
    past.bases.append((version, node))


def _version(
    past: _History,
    node: int,
    artifact: int,
    number: int,
    *,
    run: int | None,
    base: int | None,
    epoch: int | None,
) -> int:
    version = node  # every node but these has another table: its number will do
    digest = _digest(f"version {version}")
    steps = None if epoch is None else epoch * 100
    loss = None if epoch is None else 0.1 + 0.01 / epoch
    past.rows["artifact_version"].append(
        (
            *(version, node, artifact, number, "ready", digest, "sdxl", "lora", base, run),
            *(epoch, steps, loss, '{"trigger_words": ["qzy"]}', _MOMENT),
        )
    )
    blob = _PICTURES + version
    past.rows["blob"].append((blob, digest, 40_000_000, _MOMENT))
    past.rows["artifact_file"].append((version, "x.safetensors", blob))
    return version


def _dataset(past: _History, luck: random.Random, project: str, number: int) -> None:
    """A version of 60 pictures; one in four holds drawn pictures of hundreds of generations too."""
    made = past.generations[project]
    origins: list[tuple[int, int]] = []
    if number % 100 == 1 and len(made) > _IN_SYNTHETIC:
        origins = luck.sample(made[-20 * _IN_SYNTHETIC :], _IN_SYNTHETIC)
    node = _node(past, "dataset", project, 0, [])
    for parent, run in sorted(origins):
        past.edges += 1
        past.rows["lineage_dep"].append((node, parent, run, "synthetic"))
    name = f"set-{number:06}"
    dataset = len(past.datasets[project]) * len(PROJECTS) + PROJECTS.index(project) + 1
    set_id = PROJECTS.index(project) + 1
    past.rows["dataset"].append((dataset, name, name, set_id, "", 0.0, "", "", 2, _MOMENT))
    past.rows["dataset_version"].append(
        (node, node, dataset, 1, _digest(name), 1, _IN_DATASET, "brand/state", _MOMENT)
    )
    half = _PICTURES // len(PROJECTS)
    for position in range(_IN_DATASET):
        picture = 1 + (set_id - 1) * half + (number * 17 + position) % half
        entry = (node, position, picture, f"qzy/new/{picture}.jpg", "qzy/new", "qzy", 1, "train")
        past.rows["dataset_entry"].append(entry)
    past.datasets[project].append(node)


def _training(
    past: _History, luck: random.Random, project: str, number: int
) -> list[tuple[int, int]]:
    base, base_node = past.bases[0] if luck.random() < 0.5 else luck.choice(past.bases)
    inputs = [(base_node, "base"), (luck.choice(past.datasets[project][-20:]), "dataset")]
    run = _run(past, "train", project, inputs)
    artifact, name = _BASES + number, f"lora-{number:06}"
    past.rows["artifact"].append((artifact, "lora", name, name, project, _EPOCHS + 1, _MOMENT))
    made = []
    for epoch in range(1, _EPOCHS + 1):
        node = _node(past, "artifact", project, run, inputs)
        _version(past, node, artifact, epoch, run=run, base=base, epoch=epoch)
        past.rows["lineage_event"].append((None, run, node, "out", "version", _MOMENT))
        made.append((artifact, node))
    past.versions[project] += made
    return made


def _grid(past: _History, project: str, number: int, versions: Sequence[tuple[int, int]]) -> None:
    inputs = [(node, "version") for _, node in versions] + [(past.bases[0][1], "base")]
    run = _run(past, "grid", project, inputs)
    node = _node(past, "grid", project, run, inputs)
    past.rows["grid"].append((number, node, versions[0][0], run, "{}", "", _MOMENT))


def _generation(
    past: _History, luck: random.Random, project: str, versions: Sequence[tuple[int, int]]
) -> None:
    inputs = [
        (past.bases[luck.randrange(_BASES)][1], "base"),
        (luck.choice(versions)[1], "adapter"),
    ]
    if luck.random() < 0.5:
        inputs.append((luck.choice(past.versions[project])[1], "adapter"))
    run = _run(past, "generate", project, inputs)
    node = _node(past, "generation", project, run, inputs)
    past.rows["generation"].append((node, node, run, 1, _MOMENT))
    picture = json.dumps({"prompt": "qzy on a table", "seed": node})
    past.rows["generated_picture"].append((node, node, 0, _digest(str(node)), picture, ""))
    past.generations[project].append((node, run))


def _digest(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()


def _write(engine: Engine, past: _History, done: dict[str, int]) -> None:
    """Write the rows so far, parents before children, and forget them."""
    order = [table.name for table in Base.metadata.sorted_tables]
    for table in sorted(past.rows, key=order.index):
        _insert(engine, table, past.rows[table])
        done[table] += len(past.rows[table])
    past.rows.clear()


def _insert(engine: Engine, table: str, rows: list[tuple[Any, ...]]) -> None:
    columns = _COLUMNS[table]
    if columns[0] == "id" and rows[0][0] is None:
        columns, rows = columns[1:], [row[1:] for row in rows]
    names = ", ".join(f'"{column}"' for column in columns)
    connection = engine.raw_connection()
    try:
        cursor: Any = connection.cursor()
        if engine.dialect.name == "postgresql":
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join("?" * len(columns))
            cursor.execute("BEGIN")
            statement = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - ours
            cursor.executemany(statement, rows)
        connection.commit()
    finally:
        connection.close()
