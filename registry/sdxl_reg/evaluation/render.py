"""Drawing the cells of a grid: strengths of a version in one batch, each cell a file of its own."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

import torch
from PIL import Image

from sdxl_reg.diffusion.conditioning import encode_prompts
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.sampling import (
    decode,
    denoise,
    encode_negative,
    initial_noise,
    make_generators,
    make_scheduler,
    to_images,
)
from sdxl_reg.evaluation.parameters import details_of, parameters_of
from sdxl_reg.evaluation.scoring import Networks, Picture, check_networks, score_pictures
from sdxl_reg.formats.png_parameters import write_png
from sdxl_reg.jobs.spec import CellSpec, GridSpec
from sdxl_reg.trainers.discovery import find_trainer


class GridReport(Protocol):
    """What the drawing of a grid says while it works; each call is durable at once."""

    def progress(self, done: int, total: int, what: str) -> None:
        """How far the present stage is; `what` names it in a word or two."""

    def message(self, text: str) -> None:
        """A sentence for the user."""

    def cell(self, key: str, path: Path) -> None:
        """A picture that is complete."""

    def score(self, key: str, metric: str, scorer: str, value: float) -> None:
        """A number for a picture."""


def render_grid(spec: GridSpec, folder: Path, report: GridReport) -> None:
    """Draw the missing cells of a grid, then score all of them.

    Args:
        spec: The grid; cells that have a path already are only scored.
        folder: Receives `<key>.png` for every cell that is drawn.
        report: Is told of every cell as soon as its file is complete.

    Raises:
        UnknownName: A version's trainer or the sampler does not exist.
        RegistryError: The base, a version or a network cannot be loaded.
    """
    networks = Networks(
        image=spec.image_network, text=spec.text_network, cache_path=spec.cache_path
    )
    check_networks(networks)  # refused now, not after the last picture
    missing = [cell for cell in spec.cells if cell.path is None]
    paths = {cell.key: cell.path for cell in spec.cells if cell.path is not None}
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        paths |= _draw_all(spec, missing, folder, report)
    score_pictures(pictures_of(spec.cells, paths), spec.references, report, networks=networks)


def draw_cells(pipeline: Any, spec: GridSpec, cells: Sequence[CellSpec]) -> list[Image.Image]:
    """Pictures of cells of one version, in one batch.

    Args:
        pipeline: The base; is left as it was found.
        spec: The grid they belong to.
        cells: Of one version; each has its own prompt, seed and strength.

    Returns:
        One picture a cell, in the same order.
    """
    return to_images(decode(pipeline, draw_latents(pipeline, spec, cells)))


def draw_latents(pipeline: Any, spec: GridSpec, cells: Sequence[CellSpec]) -> torch.Tensor:
    """Latents of cells of one version, in one batch; arguments as for `draw_cells`.

    Every row starts from the noise of its own seed, wherever in a batch it stands. Text is encoded
    with the version applied, since it may change the text encoders too.
    """
    sampling = spec.sampling
    version = spec.versions[cells[0].version]
    generators = make_generators([cell.seed for cell in cells])
    noise = initial_noise(pipeline, generators, width=sampling.width, height=sampling.height)
    trainer = find_trainer(version.trainer)
    with trainer.applied(pipeline, version.path, [cell.strength for cell in cells]):
        with torch.no_grad():
            prompts = encode_prompts(pipeline, [cell.prompt for cell in cells])
        guided = sampling.guidance_scale > 1
        negative = encode_negative(pipeline, sampling.negative_prompt, prompts) if guided else None
        return denoise(
            pipeline,
            make_scheduler(sampling.sampler, pipeline.scheduler.config),
            noise,
            prompts=prompts,
            negative=negative,
            guidance_scale=sampling.guidance_scale,
            num_inference_steps=sampling.num_inference_steps,
            generators=generators,
        )


def pictures_of(cells: Sequence[CellSpec], paths: Mapping[str, Path]) -> list[Picture]:
    """Drawn cells as metrics know them, each with the base's picture from the same noise.

    Args:
        cells: Of one grid: its sampling is common to all of them.
        paths: Key of a cell → its file.
    """
    base_of = {(cell.prompt, cell.seed): cell.key for cell in cells if cell.strength == 0}
    return [
        Picture(
            key=cell.key,
            path=paths[cell.key],
            prompt=cell.prompt,
            seed=cell.seed,
            place=(cell.version, cell.strength),
            baseline=base_of.get((cell.prompt, cell.seed)),
        )
        for cell in cells
    ]


def _draw_all(
    spec: GridSpec, cells: Sequence[CellSpec], folder: Path, report: GridReport
) -> dict[str, Path]:
    report.progress(0, len(cells), "drawing")
    pipeline = _pipeline(spec)
    paths: dict[str, Path] = {}
    for batch in _batches(cells, spec.batch_size):
        for cell, picture in zip(batch, draw_cells(pipeline, spec, batch), strict=True):
            path = folder / f"{cell.key}.png"
            write_png(
                picture,
                path,
                parameters=parameters_of(spec, cell),
                details=details_of(spec, cell),
            )
            paths[cell.key] = path
            report.cell(cell.key, path)
        report.progress(len(paths), len(cells), "drawing")
    return paths


def _batches(cells: Sequence[CellSpec], size: int) -> Iterator[list[CellSpec]]:
    """Cells of one version at a time, at most so many."""
    by_version = attrgetter("version")
    for _, group in groupby(sorted(cells, key=by_version), by_version):
        rows = list(group)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _pipeline(spec: GridSpec) -> Any:
    """The base, on a GPU in half precision where there is one."""
    if torch.cuda.is_available():
        pipeline = load_pipeline(
            spec.base.path, config_path=spec.base.config_path, dtype=torch.float16
        )
        return pipeline.to("cuda")
    return load_pipeline(spec.base.path, config_path=spec.base.config_path)
