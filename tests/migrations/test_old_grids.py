"""Grids of revision 0002, which knew strengths and versions only, read like those of today."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sdxl_reg.catalog.grid_cells import cells_of
from sdxl_reg.catalog.grid_view import view_of
from sdxl_reg.catalog.grids import find_grid, plan
from sdxl_reg.errors import Corrupt
from sdxl_reg.evaluation.layout import described, read_layout
from sdxl_reg.evaluation.view import CellState, GridView
from sdxl_reg.jobs.pictures import PictureSpec
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, downgrade, reading, upgrade
from tests.registry.catalog.hand_drawn import SMALL, finish_by_hand
from tests.registry.catalog.hand_trained import train_by_hand

OLD = {
    "base": "base@1",
    "versions": ["x-lora@1", "x-lora@2"],
    "strengths": [0.0, 0.5, 1.0],
    "prompts": ["blue", "red"],
    "seeds": [1234],
    "sampling": {
        "width": 64,
        "height": 64,
        "num_inference_steps": 2,
        "guidance_scale": 5.0,
        "sampler": "Euler",
        "negative_prompt": "",
    },
    "datasets": ["shop@1"],
    "scorer": "efficientnet-lite0/1:0123456789ab",
    "key": "0" * 64,
    "batch_size": 2,
}
"""What a grid was kept as by the releases of revision 0002."""


def _view(engine: Engine, store: BlobStore, number: int) -> GridView:
    with reading(engine) as session:
        return view_of(session, store, find_grid(session, number), [])


@pytest.mark.parametrize("is_drawn", [True, False])
def test_a_grid_of_the_older_release_is_read_as_it_was(
    empty_database: str,
    store: BlobStore,
    tmp_path: Path,
    tiny_base: Path,
    tiny_loras: list[Path],
    is_drawn: bool,
) -> None:
    engine = connect(empty_database)
    upgrade(engine)
    train_by_hand(engine, store, tmp_path, tiny_base, tiny_loras)
    settings = Settings.from_environment({"SDXL_REG_HOME": str(tmp_path / "home")})
    planned = plan(engine, store, settings, SMALL)
    if is_drawn:
        finish_by_hand(engine, store, planned, tmp_path)
    before = _view(engine, store, planned.grid_id)

    downgrade(engine, "0002")
    with engine.begin() as connection:
        names = {row[0] for row in connection.execute(text(_COLUMNS[connection.dialect.name]))}
        assert not names & {"x", "y", "z", "panel", "picture", "reason"}
        connection.execute(text("UPDATE grid SET spec = :spec"), {"spec": json.dumps(OLD)})
    upgrade(engine)

    after = _view(engine, store, planned.grid_id)
    with reading(engine) as session:
        grid = find_grid(session, planned.grid_id)
        layout = read_layout(grid.spec)
        assert described(layout) == "2 versions x 3 strengths"
        assert [(panel.prompt, panel.seed) for panel in layout.panels] == [
            ("blue", 1234),
            ("red", 1234),
        ]
        assert (layout.common.base, layout.common.num_inference_steps) == ("base@1", 2)
        for cell in cells_of(session, grid):
            picture = PictureSpec.model_validate(cell.picture)
            assert (picture.prompt, picture.seed) == (cell.prompt, cell.seed)
            (use,) = picture.adapters
            assert (use.ref, use.strength) == (f"x-lora@{cell.version.version}", cell.strength)
    assert _places(after) == _places(before)
    assert after.x.values == before.x.values
    assert after.y.values == before.y.values
    assert after.verdict == before.verdict
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1  # on again
    state = CellState.DRAWN if is_drawn else CellState.MISSING
    assert {cell.state for cell in after.cells} == {state}
    engine.dispose()


_COLUMNS = {
    "sqlite": "SELECT name FROM pragma_table_info('grid_cell')",
    "postgresql": "SELECT column_name FROM information_schema.columns "
    "WHERE table_name = 'grid_cell'",
}


def _places(view: GridView) -> list[Any]:
    return [
        (cell.x, cell.y, cell.z, cell.panel, cell.position, cell.picture, cell.scores)
        for cell in view.cells
    ]


def test_rows_that_point_at_nothing_are_told_and_nothing_is_changed(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/registry.db")
    upgrade(engine, "0002")
    with closing(sqlite3.connect(tmp_path / "registry.db")) as database:
        database.execute("INSERT INTO run_metric (run_id, step, name, value) VALUES (9, 1, 'x', 1)")
        database.commit()
    with pytest.raises(Corrupt, match="run_metric"):
        upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "0002"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()
