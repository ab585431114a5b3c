"""A grid as a file to be saved: a page, a plot, a table or a sheet, made when it is asked for."""

import shutil
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Literal

from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from sdxl_reg.errors import NotFound
from sdxl_reg.evaluation.plots import save_plot, score_plot
from sdxl_reg.evaluation.sheet import count_sheets, draw_sheets
from sdxl_reg.evaluation.sheet_files import save_sheet
from sdxl_reg.evaluation.tables import save_table
from sdxl_reg.evaluation.view import GridView
from sdxl_reg.evaluation.viewer.write import write_viewer
from sdxl_reg.web.files import INERT, disposition

Kind = Literal["html", "svg", "csv", "json", "parquet", "png", "webp"]

MEDIA_TYPES: Mapping[Kind, str] = {
    "html": "text/html; charset=utf-8",
    "svg": "image/svg+xml",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "png": "image/png",
    "webp": "image/webp",
}
DOCUMENTED = {
    kind.partition(";")[0]: {"schema": {"title": "A file"}} for kind in MEDIA_TYPES.values()
}
"""The same as an OpenAPI document has it."""


def export_response(view: GridView, kind: Kind, *, metric: str, page: int) -> FileResponse:
    """A grid as a file that a browser saves; it is removed here once it is sent.

    Args:
        view: What is written.
        kind: As what.
        metric: Shown on sheets and plots; empty for the view's first.
        page: Of a sheet with several, or of a plot's third axis; from 1.

    Raises:
        NotFound: It has no such page, or a plot nothing to show.
        UnknownName: The view has no such metric.
        UsageError: Parquet is asked for without pyarrow.
    """
    folder = Path(tempfile.mkdtemp(prefix="sdxl-reg-export-"))
    name = f"{view.artifact}-grid-{view.number}.{kind}"
    try:
        _write(view, folder / f"grid.{kind}", metric, page)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        folder / f"grid.{kind}",
        media_type=MEDIA_TYPES[kind],
        headers={
            "Content-Disposition": disposition(name, is_shown=False),
            "Content-Security-Policy": INERT,
            "Cache-Control": "no-store",
        },
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


def _write(view: GridView, to: Path, metric: str, page: int) -> None:
    if to.suffix == ".html":
        write_viewer(view, to)
    elif to.suffix == ".svg":
        _require_page(view, page, view.shape[2])
        if not score_plot(view, metric=metric, z=page - 1):
            raise NotFound("plot", f"of grid {view.number}", remedy="Nothing is scored there yet")
        save_plot(view, to, metric=metric, z=page - 1)
    elif to.suffix in (".png", ".webp"):
        _require_page(view, page, count_sheets(view, metric=metric))
        (sheet,) = islice(draw_sheets(view, metric=metric), page - 1, page)
        save_sheet(sheet, to)
    else:
        save_table(view, to)


def _require_page(view: GridView, page: int, count: int) -> None:
    if page > count:
        remedy = f"It has {count} page{'' if count == 1 else 's'}"
        raise NotFound("page", f"{page} of grid {view.number}", remedy=remedy)
