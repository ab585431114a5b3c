"""What a drawn grid leaves in a registry, put there by hand; and jobs done in this process."""

from collections.abc import Generator
from pathlib import Path

from PIL import Image
from sqlalchemy import Engine

from sdxl_reg import worker
from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grid_cells import record_cell, record_score
from sdxl_reg.catalog.grid_results import complete_grid
from sdxl_reg.catalog.grids import PlannedGrid, find_grid
from sdxl_reg.catalog.picture_requests import PictureRequest
from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import EVENTS
from sdxl_reg.jobs.spec import DrawSpec, read_job
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction

FAST = PictureRequest(settings={"num_inference_steps": 2})
SMALL = GridRequest(artifact="x-lora", strengths=(0.0, 0.5, 1.0), picture=FAST, batch_size=2)


def run_here(folder: Path, **_: object) -> Generator[events.Event]:
    """What a job says; it is done in this process, since one of its own takes seconds to start."""
    (folder / EVENTS).unlink(missing_ok=True)
    worker.main([str(folder / "job.json")])
    yield from events.read_events(folder / EVENTS)


def finish_by_hand(engine: Engine, store: BlobStore, planned: PlannedGrid, folder: Path) -> None:
    """What a job would report, with pictures of one colour and scores that favour @2 at 0.5."""
    assert planned.job is not None
    spec = read_job(planned.job)
    assert isinstance(spec, DrawSpec)
    for cell in spec.cells:
        path = folder / f"{cell.key}.png"
        (use,) = cell.picture.adapters
        colour = (len(cell.picture.prompt), int(use.ref[-1]), int(99 * use.strength))
        Image.new("RGB", (64, 64), colour).save(path)
        record_cell(engine, store, planned.grid_id, cell.key, path)
        value = 0.9 if (use.ref, use.strength) == ("x-lora@2", 0.5) else 0.3
        for metric in ("fidelity", "nearest"):
            record_score(
                engine,
                planned.grid_id,
                cell.key,
                metric=metric,
                scorer=_scorer(engine, planned),
                value=value,
            )
    with transaction(engine) as session:
        grid = find_grid(session, planned.grid_id)
        complete_grid(session, store, grid, references=spec.references)


def _scorer(engine: Engine, planned: PlannedGrid) -> str:
    with reading(engine) as session:
        scorer: str = find_grid(session, planned.grid_id).spec["scorer"]
        return scorer
