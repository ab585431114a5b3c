"""What a grid would come to, before anything of it is recorded: its cells, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from sdxl_reg.catalog.drawing import bases_in, digests_of, versions_in
from sdxl_reg.catalog.estimates import Estimate, estimate
from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grid_cells import drawn_pictures
from sdxl_reg.catalog.grid_requests import resolve
from sdxl_reg.evaluation.layout import described
from sdxl_reg.evaluation.plan import plan_cells, plan_pictures
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading


@dataclass(frozen=True, kw_only=True)
class GridOutline:
    """A grid that is not recorded; as of `PlannedGrid`, what it would come to.

    Attributes:
        artifact: Name of the artifact.
        versions: References of those that would be compared.
        prompts: What would be asked for.
        datasets: The dataset versions that prompts and references come from.
        axes: Rows by columns in words.
        cell_count: All places of the grid.
        missing_count: Pictures that would have to be drawn; the others exist.
        estimate: What these would cost.
    """

    artifact: str
    versions: Sequence[str]
    prompts: Sequence[str]
    datasets: Sequence[str]
    axes: str
    cell_count: int
    missing_count: int
    estimate: Estimate


def outline(engine: Engine, store: BlobStore, request: GridRequest) -> GridOutline:
    """What a request comes to; nothing is recorded. Raises what `grid_requests.resolve` does."""
    with reading(engine) as session:
        resolved = resolve(session, store, request)
        pictures = plan_pictures(resolved.layout)
        digests = digests_of(session, [*bases_in(pictures), *versions_in(pictures)])
        cells = plan_cells(resolved.layout, digests)
        by_key = {cell.key: cell.picture for cell in cells}
        drawn = drawn_pictures(session, store, sorted(by_key))
        missing = [picture for key, picture in by_key.items() if key not in drawn]
        return GridOutline(
            artifact=resolved.artifact.name,
            versions=resolved.document["versions"],
            prompts=list(dict.fromkeys(panel.prompt for panel in resolved.layout.panels)),
            datasets=resolved.document["datasets"],
            axes=described(resolved.layout),
            cell_count=len(cells),
            missing_count=len(missing),
            estimate=estimate(session, missing),
        )
