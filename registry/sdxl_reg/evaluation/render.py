"""Drawing the pictures of a job to files, batch by batch; what fails is told and the rest goes on.

Pictures are written by a second thread while the next batch is drawn.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from sdxl_reg.diffusion.sampling import to_images
from sdxl_reg.errors import RegistryError
from sdxl_reg.evaluation.batches import active, batches
from sdxl_reg.evaluation.drawing import draw_pictures
from sdxl_reg.evaluation.parameters import details_of, parameters_of
from sdxl_reg.evaluation.scoring import Networks, Picture, check_networks, score_pictures
from sdxl_reg.evaluation.studio import Studio
from sdxl_reg.evaluation.work import RATE, work_of
from sdxl_reg.formats.png_parameters import write_png
from sdxl_reg.jobs.pictures import PictureSpec, picture_key
from sdxl_reg.jobs.spec import CellSpec, DrawSpec


class DrawReport(Protocol):
    """What a drawing says while it works; each call is durable at once."""

    def progress(self, done: int, total: int, what: str) -> None:
        """How far the present stage is; `what` names it in a word or two."""

    def metric(self, step: int, **values: float) -> None:
        """Numbers worth keeping, by name."""

    def message(self, text: str) -> None:
        """A sentence for the user."""

    def cell(self, key: str, path: Path) -> None:
        """A picture that is complete."""

    def cell_failed(self, key: str, reason: str) -> None:
        """A picture that could not be drawn."""

    def score(self, key: str, metric: str, scorer: str, value: float) -> None:
        """A number for a picture."""


def draw_and_score(spec: DrawSpec, folder: Path, report: DrawReport) -> None:
    """Draw the missing pictures of a job, then score all of them where that is asked for.

    Args:
        spec: The job; pictures that have a file already are only scored.
        folder: Receives `<key>.png` for every picture that is drawn.
        report: Is told of every picture as soon as its file is complete.

    Raises:
        RegistryError: A network that shall score is not there.
        OSError: A file cannot be written; what was written before is complete.
    """
    networks = Networks(
        image=spec.image_network, text=spec.text_network, cache_path=spec.cache_path
    )
    if spec.is_scored:
        check_networks(networks)  # refused now, not after the last picture
    paths = draw_missing(spec, folder, report)
    if spec.is_scored:
        score_pictures(seen_by_metrics(spec, paths), spec.references, report, networks=networks)


def seen_by_metrics(spec: DrawSpec, paths: Mapping[str, Path]) -> list[Picture]:
    """Drawn pictures as metrics know them, each with the base's picture from the same noise.

    Args:
        spec: The job; what is compared is the last adapter of each picture.
        paths: Key of a picture → its file.
    """
    digests = {ref: base.sha256 for ref, base in spec.bases.items()}
    digests |= {ref: version.sha256 for ref, version in spec.versions.items()}
    return [
        Picture(
            key=cell.key,
            path=paths[cell.key],
            prompt=cell.picture.prompt,
            seed=cell.picture.seed,
            place=(cell.picture.model_dump_json(exclude={"prompt", "seed"}),),
            baseline=picture_key(without_compared(cell.picture), digests),
        )
        for cell in spec.cells
        if cell.key in paths
    ]


def without_compared(picture: PictureSpec) -> PictureSpec:
    """The same picture without its last adapter."""
    return picture.model_copy(update={"adapters": picture.adapters[:-1]})


def draw_missing(spec: DrawSpec, folder: Path, report: DrawReport) -> dict[str, Path]:
    """Draw the pictures of a job that have no file yet.

    Args:
        spec: The job.
        folder: Receives `<key>.png` for every picture that is drawn.
        report: Is told of every picture as soon as its file is complete.

    Returns:
        Key → file, of all pictures that exist now.

    Raises:
        OSError: A file cannot be written; what was written before is complete.
    """
    paths = {cell.key: cell.path for cell in spec.cells if cell.path is not None}
    missing = [cell for cell in spec.cells if cell.path is None]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with _Desk(spec, folder, report, total=len(missing)) as desk:
            studio = Studio(spec)
            for number, batch in enumerate(batches(missing, spec.batch_size, studio.kind_of)):
                _draw(studio, batch, desk, number=number)
        paths |= desk.paths
    return paths


class _Desk:
    """Where finished pictures are written, one after the other, and told of."""

    def __init__(self, spec: DrawSpec, folder: Path, report: DrawReport, *, total: int) -> None:
        self.spec, self.report, self.total = spec, report, total
        self.paths: dict[str, Path] = {}
        self._folder, self._done = folder, 0
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._under_way: list[tuple[CellSpec, Future[Path]]] = []

    def __enter__(self) -> "_Desk":
        self.report.progress(0, self.total, "drawing")
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.tell()
        finally:
            self._thread.shutdown()

    def take(self, cells: Sequence[CellSpec], pictures: Sequence[Tensor]) -> None:
        """Write pictures, after those of the batch before are told of: two batches are held."""
        self.tell()
        for cell, picture in zip(cells, pictures, strict=True):
            if torch.isfinite(picture).all():
                self._under_way.append((cell, self._thread.submit(self._write, cell, picture)))
            else:
                self.fail(cell, "its numbers are not finite: the adapters are too strong")

    def fail(self, cell: CellSpec, reason: str) -> None:
        """Tell of a picture that could not be drawn."""
        self.report.cell_failed(cell.key, reason)
        self._count()

    def tell(self) -> None:
        """Wait for the pictures that are being written, and tell of them."""
        while self._under_way:
            cell, written = self._under_way.pop(0)
            self.paths[cell.key] = written.result()
            self.report.cell(cell.key, self.paths[cell.key])
            self._count()

    def _count(self) -> None:
        self._done += 1
        self.report.progress(self._done, self.total, "drawing")

    def _write(self, cell: CellSpec, picture: Tensor) -> Path:
        path = self._folder / f"{cell.key}.png"
        write_png(
            to_images(picture[None])[0],
            path,
            parameters=parameters_of(self.spec, cell),
            details=details_of(self.spec, cell),
        )
        return path


def _draw(studio: Studio, batch: Sequence[CellSpec], desk: _Desk, *, number: int) -> None:
    """Draw a batch; one that fails is drawn again in parts, to know what is at fault."""
    began = time.perf_counter()
    try:
        pictures = draw_pictures(
            studio,
            [cell.picture for cell in batch],
            desk.spec.batch_size,
            on_step=lambda done, total: desk.report.progress(done, total, "steps"),
        )
    except (RegistryError, RuntimeError, ValueError) as error:
        _draw_apart(studio, batch, desk, number=number, error=error)
        return
    work = sum(work_of(cell.picture) for cell in batch)
    desk.report.metric(number, **{RATE: (time.perf_counter() - began) / work})
    desk.take(batch, pictures)


def _draw_apart(
    studio: Studio, batch: Sequence[CellSpec], desk: _Desk, *, number: int, error: Exception
) -> None:
    for told_apart in (_adapters_of, _texts_of):
        groups: dict[tuple[str, ...], list[CellSpec]] = {}
        for cell in batch:
            groups.setdefault(told_apart(cell.picture), []).append(cell)
        is_hopeless = told_apart is _texts_of and isinstance(error, torch.OutOfMemoryError)
        if len(groups) > 1 and not is_hopeless:
            for group in groups.values():
                _draw(studio, group, desk, number=number)
            return
    for cell in batch:
        desk.fail(cell, _in_words(error))


def _adapters_of(picture: PictureSpec) -> tuple[str, ...]:
    return tuple(use.ref for use in active(picture))


def _texts_of(picture: PictureSpec) -> tuple[str, ...]:
    return (
        picture.prompt,
        picture.prompt_2,
        picture.negative_prompt,
        picture.negative_prompt_2,
    )


def _in_words(error: Exception) -> str:
    if isinstance(error, torch.OutOfMemoryError):
        return "not enough memory on the GPU: give a smaller --batch-size"
    return str(error) if isinstance(error, RegistryError) else f"{type(error).__name__}: {error}"
