"""Recording lineage and walking it."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from sdxl_reg.catalog.lineage import new_node, record_input, record_output
from sdxl_reg.catalog.lineage_walk import reachable
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import new_run
from sdxl_reg.tables import Base
from sdxl_reg.vocabulary import NodeKind, RunKind

Steps = list[tuple[set[int], int]]


@st.composite
def histories(draw: st.DrawFn) -> Steps:
    """Runs in order: which of the nodes so far each takes, and how many it gives."""
    steps: Steps = []
    count = 1
    for _ in range(draw(st.integers(1, 6))):
        inputs = draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=3))
        outputs = draw(st.integers(1, 3))
        steps.append((inputs, outputs))
        count += outputs
    return steps


@given(histories())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_walk_finds_what_a_plain_search_of_the_history_finds(history: Steps) -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    parents: dict[int, set[int]] = {}
    with Session(engine) as session:
        nodes = [new_node(session, NodeKind.DATASET, MAIN).id]
        for inputs, outputs in history:
            run = new_run(session, RunKind.TRAIN, "train", {}, project=MAIN)
            for index in inputs:
                record_input(session, run.id, nodes[index], "dataset")
            for _ in range(outputs):
                node = new_node(session, NodeKind.ARTIFACT, MAIN).id
                record_output(session, run.id, node, "version")
                parents[node] = {nodes[index] for index in inputs}
                nodes.append(node)
        for node in nodes:
            assert reachable(session, [node], "up") == _ancestors(parents, node)
            descendants = {other for other in nodes if node in _ancestors(parents, other)}
            assert reachable(session, [node], "down") == descendants
    engine.dispose()


def test_what_is_recorded_twice_stands_once() -> None:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        base = new_node(session, NodeKind.ARTIFACT, MAIN).id
        run = new_run(session, RunKind.TRAIN, "train", {}, project=MAIN)
        made = new_node(session, NodeKind.ARTIFACT, MAIN).id
        for _ in range(2):
            record_input(session, run.id, base, "base")
            record_output(session, run.id, made, "version")
        assert reachable(session, [made], "up") == {base, made}
    engine.dispose()


def _ancestors(parents: dict[int, set[int]], node: int) -> set[int]:
    found = {node}
    for parent in parents.get(node, set()):
        found |= _ancestors(parents, parent)
    return found
