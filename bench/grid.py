"""Time and memory of a grid: rows of a batch, against one cell at a time with diffusers' adapters.

    python bench/grid.py [--versions 5] [--strengths 10] [--steps 20] [--side 128] [--batch 10]
                         [--rounds 3] [--peer adapters|fuse] [--memory]

The peer is what people write today, from the same noise: `load_lora_weights` for each version and
for each strength `set_adapters`, or with `--peer fuse` for each cell `load_lora_weights` and
`fuse_lora`; then one call of `StableDiffusionXLPipeline`. The adapters are random (rank 16, U-Net
only): what they draw does not matter to the time. Both run in this process, each on a pipeline of
its own, in turns after a warm-up, and all they draw is compared; the medians count. Run it alone
on the machine. `--memory` instead draws 50 and 1,000 cells to files, and 50 in larger batches, each
in a process of its own, and prints the most memory that each had.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch

from sdxl_reg.diffusion.micro import micro_base_files, write_files
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.sampling import decode
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.evaluation.batches import batches
from sdxl_reg.evaluation.drawing import draw_latents
from sdxl_reg.evaluation.render import draw_missing
from sdxl_reg.evaluation.studio import Studio
from sdxl_reg.formats.lora.kohya_names import kohya_name
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec, picture_key
from sdxl_reg.jobs.spec import BaseSpec, CellSpec, DrawSpec, VersionSpec
from sdxl_reg.vocabulary import BaseFormat
from sdxl_reg_lora.network import target_modules, unet_shape

PROMPT, SEED, RANK, BASE = "a white t-shirt on a black background", 1234, 16, "micro@1"
FEW, MANY = 50, 1000
"""Cells whose memory is compared."""


class Times(NamedTuple):
    """Seconds by the clock and of the processor; the latter bears a busy machine better."""

    wall: float
    cpu: float


class Silent:
    """A report that nobody reads."""

    def progress(self, done: int, total: int, what: str) -> None:
        """Nothing."""

    def metric(self, step: int, **values: float) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""

    def cell(self, key: str, path: Path) -> None:
        """Nothing."""

    def cell_failed(self, key: str, reason: str) -> None:
        """End: what is measured must be drawn."""
        sys.exit(reason)

    def score(self, key: str, metric: str, scorer: str, value: float) -> None:
        """Nothing."""


def main() -> None:
    """Draw the grid both ways, or by itself, and print what it took."""
    options = _options()
    if options.cells:
        _draw_to_files(options)
    elif options.memory:
        _compare_memory(options)
    else:
        with tempfile.TemporaryDirectory() as name:
            _compare_times(options, Path(name))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--versions", type=int, default=5)
    parser.add_argument("--strengths", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--side", type=int, default=128, help="of the pictures, in pixels")
    parser.add_argument("--batch", type=int, default=10, help="cells drawn at once")
    parser.add_argument("--rounds", type=int, default=3, help="of both, in turns")
    parser.add_argument("--peer", choices=("adapters", "fuse"), default="adapters")
    parser.add_argument("--memory", action="store_true", help=f"of {FEW} and of {MANY} cells")
    parser.add_argument("--cells", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare_times(options: argparse.Namespace, folder: Path) -> None:
    spec = _grid(folder, options, options.versions * options.strengths)
    studio, theirs = Studio(spec), load_pipeline(spec.bases[BASE].path)
    one_by_one = _one_by_one if options.peer == "adapters" else _fused
    batch_count = len(_batched(studio, spec))
    _in_batches(studio, spec.model_copy(update={"cells": spec.cells[:1]}))
    one_by_one(theirs, spec, spec.cells[:1])
    ours_times, theirs_times = [], []
    for _ in range(options.rounds):
        ours, times = _timed(lambda: _in_batches(studio, spec))
        ours_times.append(times)
        wanted, times = _timed(lambda: one_by_one(theirs, spec, spec.cells))
        theirs_times.append(times)
    pixels = (_decoded(theirs, ours) - _decoded(theirs, wanted)).abs().max().item()
    own, peer = _median(ours_times), _median(theirs_times)
    name = {"adapters": "one by one, set_adapters", "fuse": "one by one, load and fuse"}
    ratios = [other.wall / mine.wall for mine, other in zip(ours_times, theirs_times, strict=True)]
    lines = [
        f"{options.versions} x {options.strengths} grid, {options.side} px, {options.steps} steps, "
        f"guidance 5, {torch.get_num_threads()} thread(s), median of {options.rounds}",
        _line(f"{batch_count} batches of up to {options.batch}", own, len(spec.cells)),
        _line(name[options.peer], peer, len(spec.cells)),
        f"  ratio {peer.wall / own.wall:.2f} by the clock "
        f"(rounds {min(ratios):.2f} to {max(ratios):.2f}), "
        f"{peer.cpu / own.cpu:.2f} in processor time",
        f"  largest difference: latents {(ours - wanted).abs().max().item():.1e} of "
        f"{wanted.abs().max().item():.1f}, pixels {pixels:.1e} of 0 to 1",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _compare_memory(options: argparse.Namespace) -> None:
    few, many, wide = (
        _peak_mib(options, cells, batch)
        for cells, batch in ((FEW, options.batch), (MANY, options.batch), (FEW, 4 * options.batch))
    )
    sys.stdout.write(
        f"  {many - few:+.0f} MiB for {MANY - FEW} more cells, "
        f"{wide - few:+.0f} MiB for a batch four times as large\n"
    )


def _peak_mib(options: argparse.Namespace, cells: int, batch: int) -> float:
    own = ["--versions", str(options.versions), "--steps", str(options.steps)]
    own += ["--side", str(options.side), "--batch", str(batch), "--cells", str(cells)]
    words = [sys.executable, __file__, *own]
    done = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 this file
    peak = float(done.stdout.split()[-1])
    sys.stdout.write(f"{cells:5} cells, {batch:2} at once: {peak:.0f} MiB at most\n")
    sys.stdout.flush()
    return peak


def _draw_to_files(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        spec = _grid(Path(name), options, options.cells)
        draw_missing(spec, Path(name) / "files", Silent())
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(f"{peak_kib / 1024:.1f}\n")


def _line(name: str, times: Times, cells: int) -> str:
    each = 1000 * times.wall / cells
    return f"  {name:<26} {times.wall:8.2f} s (processor {times.cpu:.2f} s) {each:7.1f} ms a cell"


def _median(times: Sequence[Times]) -> Times:
    return Times(median(one.wall for one in times), median(one.cpu for one in times))


def _grid(folder: Path, options: argparse.Namespace, count: int) -> DrawSpec:
    """A job of so many cells, versions by strengths; a prompt of its own for each ten rows."""
    base = write_files(micro_base_files(), folder / "base")
    pipeline = load_pipeline(base)
    versions = {
        f"bench@{number}": _version(_lora(pipeline, folder, number), f"bench@{number}")
        for number in range(1, options.versions + 1)
    }
    digests = {BASE: "0" * 64} | {ref: version.sha256 for ref, version in versions.items()}
    pictures = [_picture(number, list(versions), options) for number in range(count)]
    return DrawSpec(
        run=1,
        bases={
            BASE: BaseSpec(ref=BASE, path=base, format=BaseFormat.DIFFUSERS, sha256=digests[BASE])
        },
        versions=versions,
        cells=[CellSpec(key=picture_key(one, digests), picture=one) for one in pictures],
        batch_size=options.batch,
    )


def _picture(number: int, refs: Sequence[str], options: argparse.Namespace) -> PictureSpec:
    grid, place = divmod(number, len(refs) * options.strengths)
    version, step = divmod(place, options.strengths)
    strength = (step + 1) / options.strengths
    return PictureSpec(
        base=BASE,
        prompt=PROMPT if not grid else f"{PROMPT}, {grid}",
        adapters=(AdapterUse(ref=refs[version], strength=strength),),
        seed=SEED,
        width=options.side,
        height=options.side,
        num_inference_steps=options.steps,
    )


def _version(path: Path, ref: str) -> VersionSpec:
    digest = f"{int(path.stem):064x}"
    return VersionSpec(ref=ref, name=path.stem, trainer="lora", path=path, sha256=digest)


def _lora(pipeline: Any, folder: Path, number: int) -> Path:
    """A random adapter of the U-Net, weak enough to leave a picture."""
    generator = torch.Generator().manual_seed(number)
    shape = unet_shape(pipeline.unet)
    tensors: dict[str, torch.Tensor] = {}
    for path in target_modules("unet", pipeline.unet):
        rows, columns = pipeline.unet.get_submodule(path).weight.shape
        stem = kohya_name("unet", path, shape)
        tensors[f"{stem}.lora_down.weight"] = torch.randn(RANK, columns, generator=generator) * 0.05
        tensors[f"{stem}.lora_up.weight"] = torch.randn(rows, RANK, generator=generator) * 0.05
        tensors[f"{stem}.alpha"] = torch.tensor(float(RANK))
    save_weights(folder / f"{number}.safetensors", tensors, {})
    return folder / f"{number}.safetensors"


def _batched(studio: Studio, spec: DrawSpec) -> list[list[CellSpec]]:
    return list(batches(spec.cells, spec.batch_size, studio.kind_of))


def _in_batches(studio: Studio, spec: DrawSpec) -> torch.Tensor:
    """Latents of all cells in their order; texts are encoded anew."""
    studio.known_texts.clear()
    rows: dict[str, torch.Tensor] = {}
    for batch in _batched(studio, spec):
        size = min(spec.batch_size, len(spec.cells))
        latents = draw_latents(studio, [cell.picture for cell in batch], size)
        rows |= {cell.key: row for cell, row in zip(batch, latents, strict=True)}
    return torch.stack([rows[cell.key] for cell in spec.cells])


def _one_by_one(pipeline: Any, spec: DrawSpec, cells: Sequence[CellSpec]) -> torch.Tensor:
    """Latents of cells, each by a call of the plain pipeline; each version is loaded once."""
    rows = []
    loaded = ""
    for cell in cells:
        (use,) = cell.picture.adapters
        if use.ref != loaded:
            pipeline.unload_lora_weights()
            _load(pipeline, spec.versions[use.ref].path)
            loaded = use.ref
        pipeline.set_adapters("bench", use.strength)
        rows.append(_called(pipeline, cell.picture))
    pipeline.unload_lora_weights()
    return torch.cat(rows)


def _fused(pipeline: Any, spec: DrawSpec, cells: Sequence[CellSpec]) -> torch.Tensor:
    """The same with each cell's weights merged into the base for its call."""
    rows = []
    for cell in cells:
        (use,) = cell.picture.adapters
        _load(pipeline, spec.versions[use.ref].path)
        pipeline.fuse_lora(lora_scale=use.strength)
        rows.append(_called(pipeline, cell.picture))
        pipeline.unfuse_lora()
        pipeline.unload_lora_weights()
    return torch.cat(rows)


def _load(pipeline: Any, path: Path) -> None:
    pipeline.load_lora_weights(str(path.parent), weight_name=path.name, adapter_name="bench")


def _called(pipeline: Any, picture: PictureSpec) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        latents: torch.Tensor = pipeline(
            picture.prompt,
            width=picture.width,
            height=picture.height,
            num_inference_steps=picture.num_inference_steps,
            guidance_scale=picture.guidance_scale,
            generator=torch.Generator().manual_seed(picture.seed),
            output_type="latent",
        ).images
    return latents


def _decoded(pipeline: Any, latents: torch.Tensor) -> torch.Tensor:
    return torch.cat([decode(pipeline, some) for some in torch.split(latents, 10)])


def _timed(work: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, Times]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, Times(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


if __name__ == "__main__":
    main()
