"""Grids: what is decided, what is kept, what a kill loses, what a completed one leaves."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine, select

from sdxl_reg.catalog.artifacts import (
    NewVersion,
    add_version,
    aliases_of,
    ensure_artifact,
    find_artifact,
    find_version,
)
from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grid_cells import cells_of, job_cells, record_cell
from sdxl_reg.catalog.grid_results import mean_scores, write_sheet
from sdxl_reg.catalog.grid_view import view_of
from sdxl_reg.catalog.grids import PlannedGrid, carry_out, find_grid, grids, plan, resume
from sdxl_reg.catalog.lineage_walk import reachable
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.errors import Conflict, RunFailed
from sdxl_reg.evaluation.view import CellState, GridView
from sdxl_reg.jobs import events
from sdxl_reg.jobs.spec import DrawSpec, read_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import GridCell, LineageDep
from sdxl_reg.vocabulary import ArtifactKind, RunKind, RunState
from tests.registry.catalog.hand_drawn import SMALL, finish_by_hand
from tests.registry.catalog.hand_trained import run_of


def test_what_is_left_open_is_decided_and_recorded(
    trained: Engine, store: BlobStore, settings: Settings
) -> None:
    planned = plan(trained, store, settings, SMALL)
    assert planned.versions == ["x-lora@1", "x-lora@2"]
    assert planned.prompts == ["blue", "red"]
    assert planned.datasets == ["shop@1"]
    assert (planned.cell_count, planned.missing_count) == (2 * 2 * 3, 2 * (1 + 2 * 2))
    assert planned.job is not None
    spec = read_job(planned.job)
    assert isinstance(spec, DrawSpec)
    assert {(cell.picture.width, cell.picture.height) for cell in spec.cells} == {(64, 64)}
    names = {ref: version.name for ref, version in spec.versions.items()}
    assert names == {"x-lora@1": "x-lora-000001", "x-lora@2": "x-lora-000002"}
    assert all(version.path.is_file() for version in spec.versions.values())
    assert {image.caption for image in spec.references} == {"blue", "red"}
    with reading(trained) as session:
        assert find_run(session, planned.run_id).kind == RunKind.GRID
        assert find_run(session, planned.run_id).state == RunState.QUEUED
        assert find_grid(session, planned.grid_id).sheet is None


@pytest.mark.parametrize(
    ("details", "prompts"),
    [
        ({"prompt_template": "a photo of y, [filewords]"}, ["a photo of y, blue"]),
        ({"trigger_words": ["y"]}, ["y, blue"]),
    ],
)
def test_the_prompts_of_an_embeddings_grid_say_its_word(
    sqlite: Engine,
    store: BlobStore,
    settings: Settings,
    details: dict[str, object],
    prompts: list[str],
) -> None:
    with transaction(sqlite) as session:
        trained = find_version(session, "x-lora@1")
        new = NewVersion(
            files={"y.safetensors": store.put_bytes(b"y")},
            run_id=trained.run_id,
            base_version_id=trained.base_version_id,
            trainer="embedding",
            details=details,
        )
        add_version(session, ensure_artifact(session, "y", ArtifactKind.EMBEDDING), new)
    planned = plan(sqlite, store, settings, replace(SMALL, artifact="y"))
    assert planned.prompts[:1] == prompts


def test_the_versions_of_the_newest_run_are_compared_unless_others_are_asked_for(
    sqlite: Engine,
    store: BlobStore,
    settings: Settings,
    tiny_base: Path,
    tiny_loras: list[Path],
    tmp_path: Path,
) -> None:
    other = tmp_path / "other.safetensors"
    data = tiny_loras[0].read_bytes()
    other.write_bytes(data[:-2] + bytes(2))  # another alpha: other bytes, still a LoRA
    with transaction(sqlite) as session:
        run_of(session, store, tiny_base, [other], None)

    def rows(**changes: object) -> list[str]:
        facts: dict[str, object] = {"artifact": "x-lora", "prompts": ("a mug",)}
        request = GridRequest(**(facts | changes))  # type: ignore[arg-type]
        return list(plan(sqlite, store, settings, request).versions)

    assert rows() == ["x-lora@3"]
    assert rows(versions="1,3") == ["x-lora@1", "x-lora@3"]
    assert rows(artifact="X-LoRA@2") == ["x-lora@2"]
    with pytest.raises(Conflict, match=r"captions.*--prompt"):
        rows(prompts=())


def test_cells_that_exist_are_not_drawn_again(
    trained: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    first = plan(trained, store, settings, SMALL)
    finish_by_hand(trained, store, first, tmp_path)
    wider = replace(SMALL, strengths=(0.0, 0.25, 0.5), batch_size=7)
    second = plan(trained, store, settings, wider)
    assert second.grid_id != first.grid_id
    assert (second.cell_count, second.missing_count) == (12, 2 * 2)
    with reading(trained) as session:
        scores = mean_scores(session, find_grid(session, second.grid_id))
    assert scores == {
        (0, 0, 0): pytest.approx(0.3),
        (0, 1, 0): pytest.approx(0.3),
        (2, 0, 0): pytest.approx(0.3),
        (2, 1, 0): pytest.approx(0.9),
    }


def test_a_completed_grid_has_a_pick_a_sheet_an_alias_and_a_lineage(
    trained: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    planned = plan(trained, store, settings, SMALL)
    finish_by_hand(trained, store, planned, tmp_path)
    with reading(trained) as session:
        grid = find_grid(session, planned.grid_id)
        assert grid.best_version is not None
        assert (grid.best_version.version, grid.best_strength) == (2, 0.5)
        assert grid.reason == (
            "highest mean fidelity, 0.900 over 2 pictures; the base alone reaches 0.300"
        )
        (alias,) = aliases_of(session, find_artifact(session, "x-lora"))
        assert (alias.name, alias.version.version, alias.strength) == ("best", 2, 0.5)
        assert alias.reason == f"grid {grid.id}: {grid.reason}"
        behind = reachable(session, [grid.node_id], "up") - {grid.node_id}
        slots = select(LineageDep.slot).where(LineageDep.child_id == grid.node_id)
        assert sorted(session.scalars(slots)) == ["base", "dataset", "version", "version"]
        assert len(behind) == 4
        assert grid.sheet is not None
        sheet = write_sheet(store, grid.sheet.sha256, tmp_path / "deep" / "sheet.png")
    with Image.open(sheet) as picture:
        assert picture.width > 3 * 192


def test_a_grid_is_looked_at_with_strengths_as_columns_and_versions_as_rows(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    planned = plan(sqlite, store, settings, SMALL)
    assert planned.job is not None
    spec = read_job(planned.job)
    assert isinstance(spec, DrawSpec)

    def view() -> GridView:
        with reading(sqlite) as session:
            grid = find_grid(session, planned.grid_id)
            return view_of(session, store, grid, spec.references)

    before = view()
    assert {cell.state for cell in before.cells} == {CellState.MISSING}
    assert (before.pick, before.verdict) == (None, "")
    finish_by_hand(sqlite, store, planned, tmp_path)
    after = view()
    assert after.x.numbers == (0.0, 0.5, 1.0)
    assert after.y.values == ["@1", "@2"]
    assert [panel.prompt for panel in after.panels] == ["blue", "red"]
    assert all(panel.references for panel in after.panels)
    assert after.pick is not None
    assert (after.pick.x, after.pick.y, after.pick.ref) == (1, 1, "x-lora@2")
    picked = after.cell((1, 1, 0, 0))
    assert picked is not None
    assert picked.picture is not None
    assert picked.picture.is_file()
    assert picked.scores == {"fidelity": pytest.approx(0.9), "nearest": pytest.approx(0.9)}
    assert picked.facts["version"] == "x-lora@2"
    assert picked.facts["num inference steps"] == "2"


def test_a_picture_that_the_store_lost_is_drawn_again(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    planned = plan(sqlite, store, settings, SMALL)
    finish_by_hand(sqlite, store, planned, tmp_path)
    with reading(sqlite) as session:
        grid = find_grid(session, planned.grid_id)
        lost = grid.cells[1]
        assert lost.blob is not None
        store.path(lost.blob.sha256).unlink()
        (left,) = [cell for cell in job_cells(session, store, grid) if cell.path is None]
    assert left.key == lost.cell_key
    assert resume(sqlite, store, settings, planned.grid_id).missing_count == 1
    assert plan(sqlite, store, settings, SMALL).missing_count == 1


def test_a_picture_without_a_score_is_scored_and_not_drawn(
    sqlite: Engine, store: BlobStore, settings: Settings, tmp_path: Path
) -> None:
    planned = plan(sqlite, store, settings, SMALL)
    assert planned.job is not None
    spec = read_job(planned.job)
    assert isinstance(spec, DrawSpec)
    path = tmp_path / "cell.png"
    Image.new("RGB", (64, 64)).save(path)
    for cell in spec.cells:
        record_cell(sqlite, store, planned.grid_id, cell.key, path)
    again = plan(sqlite, store, settings, SMALL)
    assert again.grid_id == planned.grid_id
    assert (again.is_resumed, again.missing_count) == (True, 0)
    assert again.job is not None


@pytest.mark.slow
def test_an_interrupted_and_then_killed_grid_goes_on_where_it_stopped(
    sqlite: Engine, store: BlobStore, settings: Settings
) -> None:
    planned = plan(sqlite, store, settings, SMALL)

    def interrupt(event: events.Event) -> None:
        if isinstance(event, events.Cell):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(sqlite, store, planned, interrupt)
    drawn = _drawn(sqlite, store, planned)
    assert drawn >= 1
    with reading(sqlite) as session:
        assert find_run(session, planned.run_id).state == RunState.CANCELLED
        assert aliases_of(session, find_artifact(session, "x-lora")) == []

    again = plan(sqlite, store, settings, SMALL)
    assert (again.grid_id, again.run_id) == (planned.grid_id, planned.run_id)
    assert again.missing_count < planned.missing_count
    worker = [0]

    def kill(event: events.Event) -> None:
        if isinstance(event, events.Started):
            worker[0] = event.pid
        elif isinstance(event, events.Cell) and worker[0]:
            os.kill(worker[0], signal.SIGKILL)
            worker[0] = 0

    with pytest.raises(RunFailed, match="SIGKILL"):
        carry_out(sqlite, store, again, kill)
    assert _drawn(sqlite, store, planned) > drawn

    rest = resume(sqlite, store, settings, planned.grid_id)
    heard: list[events.Event] = []
    carry_out(sqlite, store, rest, heard.append)
    assert sum(isinstance(event, events.Cell) for event in heard) == rest.missing_count
    assert _drawn(sqlite, store, planned) == planned.cell_count
    with reading(sqlite) as session:
        assert find_run(session, planned.run_id).state == RunState.SUCCEEDED
        assert [grid.id for grid in grids(session)] == [planned.grid_id]
        grid = find_grid(session, planned.grid_id)
        assert grid.sheet is not None
        scored = [{score.metric for score in cell.scores} for cell in cells_of(session, grid)]
        assert all({"fidelity", "nearest"} <= metrics for metrics in scored)
        (alias,) = aliases_of(session, find_artifact(session, "x-lora"))
        assert alias.version_id == grid.best_version_id
    assert planned.job is not None
    assert not (planned.job.parent / "files").exists()

    same = plan(sqlite, store, settings, SMALL)
    assert (same.missing_count, same.job) == (0, None)
    carry_out(sqlite, store, same, heard.append)  # no process: there is nothing left to do
    with reading(sqlite) as session:
        assert find_grid(session, same.grid_id).sheet is not None


def _drawn(engine: Engine, store: BlobStore, planned: PlannedGrid) -> int:
    """Places of a grid that have a picture; every row that says so has its bytes."""
    with reading(engine) as session:
        cells = cells_of(session, find_grid(session, planned.grid_id))
        done: list[GridCell] = [cell for cell in cells if cell.blob]
        assert all(cell.blob and store.has(cell.blob.sha256) for cell in done)
        return len(done)
