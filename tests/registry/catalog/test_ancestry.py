"""The lineage graph of things."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.ancestry import LineageGraph, lineage_of
from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact
from sdxl_reg.catalog.datasets import freeze
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.lineage import Way, record_input
from sdxl_reg.catalog.lineage_neighbours import neighbours_of
from sdxl_reg.catalog.paging import Slice
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import new_run
from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import ArtifactKind, RunKind
from tests.registry.catalog.pictures import products


@pytest.fixture
def trained(engine: Engine, store: BlobStore, tmp_path: Path) -> None:
    """weipin@1 of twelve pictures and micro@1, and weipin-lora@1 and @2 that a run made of them."""
    ingest(engine, store, products(tmp_path / "products"))
    with transaction(engine) as session:
        micro = ensure_artifact(session, "micro", ArtifactKind.CHECKPOINT)
        files = {"model.safetensors": store.put_bytes(b"base")}
        base = add_version(session, micro, NewVersion(files=files))
        dataset = freeze(session, store, "weipin")
        run = new_run(session, RunKind.TRAIN, "train lora on weipin@1", {}, project=MAIN)
        record_input(session, run.id, base.node_id, "base")
        record_input(session, run.id, dataset.node_id, "dataset")
        lora = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        for data in (b"one", b"two"):
            files = {"weipin-lora.safetensors": store.put_bytes(data)}
            add_version(session, lora, NewVersion(files=files, run_id=run.id))


def _graph(engine: Engine, reference: str, depth: int | None = None) -> LineageGraph:
    with transaction(engine) as session:
        return lineage_of(session, reference, depth=depth)


def _ids(graph: LineageGraph, kind: str) -> set[str]:
    return {node.id for node in graph.nodes if node.kind == kind}


@pytest.mark.usefixtures("trained")
def test_every_picture_behind_a_file_is_found(engine: Engine) -> None:
    graph = _graph(engine, "weipin-lora@2")
    assert len(_ids(graph, "image")) == 12
    assert _ids(graph, "artifact") == {"artifact:micro@1", "artifact:weipin-lora@2"}
    arrows = {(e.source, e.target, e.slot) for e in graph.edges if e.run is not None}
    assert arrows == {
        ("artifact:micro@1", "artifact:weipin-lora@2", "base"),
        ("dataset:weipin@1", "artifact:weipin-lora@2", "dataset"),
    }


@pytest.mark.usefixtures("trained")
def test_from_a_picture_one_finds_everything_made_of_it(engine: Engine) -> None:
    picture = sorted(_ids(_graph(engine, "weipin-lora"), "image"))[0]
    graph = _graph(engine, picture)
    assert graph.root == picture
    assert _ids(graph, "image") == {picture}
    assert _ids(graph, "artifact") == {"artifact:weipin-lora@1", "artifact:weipin-lora@2"}
    assert _graph(engine, picture[: len("image:") + 12]).root == picture


@pytest.mark.usefixtures("trained")
def test_depth_counts_arrows_from_the_root(engine: Engine) -> None:
    graph = _graph(engine, "weipin-lora@1", depth=1)
    assert _ids(graph, "dataset") == {"dataset:weipin@1"}
    assert _ids(graph, "image") == set()


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("reference", ["dataset:weipin@1", "weipin@1", "weipin"])
def test_a_dataset_can_be_asked_for_with_or_without_its_kind(
    engine: Engine, reference: str
) -> None:
    graph = _graph(engine, reference)
    assert graph.root == "dataset:weipin@1"
    assert _ids(graph, "artifact") == {"artifact:weipin-lora@1", "artifact:weipin-lora@2"}


@pytest.mark.parametrize(
    "reference", ["nothing", "dataset:nothing", "grid:7", "image:0123456789ab", "image_set:nothing"]
)
def test_what_is_not_there_is_refused(engine: Engine, reference: str) -> None:
    with pytest.raises(NotFound):
        _graph(engine, reference)


@pytest.mark.usefixtures("trained")
def test_a_node_with_many_neighbours_says_how_many_and_where_the_rest_begins(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        graph = lineage_of(session, "weipin-lora@2", ways=["up"], limit=5)
        (cut,) = graph.cuts
        assert (cut.node, cut.way, cut.shown, cut.total) == ("dataset:weipin@1", "up", 5, 13)
        part = Slice(cursor=cut.next, limit=500)
        rest = neighbours_of(session, cut.node, "up", part)
    shown = {edge.source for edge in graph.edges if edge.target == cut.node}
    others = {one.node.id for one in rest.page.items}
    assert len(shown) == 5
    assert len(others) == 8
    assert not shown & others
    assert rest.total == 13
    assert rest.page.next is None


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("reference", "way", "count"),
    [
        ("dataset:weipin@1", "up", 13),
        ("dataset:weipin@1", "down", 2),
        ("micro@1", "down", 2),
        ("micro@1", "up", 0),
        ("image_set:weipin", "down", 1),
        ("image_set:weipin", "up", 0),
        ("picture", "down", 1),
        ("picture", "up", 0),
    ],
)
@pytest.mark.parametrize("limit", [1, 4, 100])
def test_pages_of_neighbours_hold_each_once(
    engine: Engine, reference: str, way: Way, count: int, limit: int
) -> None:
    if reference == "picture":
        reference = min(_ids(_graph(engine, "weipin-lora"), "image"))
    found: list[str] = []
    cursor: str | None = None
    with transaction(engine) as session:
        while True:
            part = Slice(limit=limit, cursor=cursor)
            page = neighbours_of(session, reference, way, part)
            assert page.total == count
            assert len(page.page.items) <= limit
            found += [one.node.id for one in page.page.items]
            assert all(one.edges for one in page.page.items)
            cursor = page.page.next
            if cursor is None:
                break
    assert len(found) == len(set(found)) == count


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("cursor", ["x", "NQ", "IjM6NCI", "IjE6eCI"])
def test_a_cursor_of_another_list_is_refused(engine: Engine, cursor: str) -> None:
    with transaction(engine) as session, pytest.raises(InvalidValue, match="cursor"):
        neighbours_of(session, "micro@1", "down", Slice(cursor=cursor))
