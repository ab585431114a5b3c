"""Time of a grid: strengths in batches, against one cell at a time with diffusers' own adapters.

    python bench/grid.py [--versions 5] [--strengths 10] [--steps 20] [--side 128] [--batch 10]

The peer is what people write today: `load_lora_weights` for each version, then for each strength
`set_adapters` and one call of `StableDiffusionXLPipeline`, from the same noise. The adapters are
random (rank 16, U-Net only): what they draw does not matter to the time. Both run in this process
on the same pipeline, one after the other, after a warm-up, and all they draw is compared. Run it
alone on the machine.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from sdxl_reg.diffusion.micro import micro_base_files, write_files
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.sampling import decode
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.evaluation.render import draw_latents
from sdxl_reg.formats.lora.kohya_names import kohya_name
from sdxl_reg.jobs.spec import BaseSpec, CellSpec, GridSpec, SamplingSpec, VersionSpec
from sdxl_reg.vocabulary import BaseFormat
from sdxl_reg_lora.network import target_modules, unet_shape

PROMPT, SEED, RANK = "a white t-shirt on a black background", 1234, 16


class Times(NamedTuple):
    """Seconds by the clock and of the processor; the latter bears a busy machine better."""

    wall: float
    cpu: float


def main() -> None:
    """Draw the grid both ways, and print times, their ratio and the largest difference."""
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        base = write_files(micro_base_files(), Path(name) / "base")
        pipeline = load_pipeline(base)
        loras = [_lora(pipeline, Path(name), number) for number in range(options.versions)]
        spec = _grid(base, loras, options)
        batches = [
            [cell for cell in spec.cells if cell.version == number][start : start + options.batch]
            for number in range(options.versions)
            for start in range(0, options.strengths, options.batch)
        ]
        few = batches[0][:1]
        draw_latents(pipeline, spec, few)
        _one_by_one(pipeline, spec, few)
        ours, ours_times = _timed(
            lambda: torch.cat([draw_latents(pipeline, spec, b) for b in batches])
        )
        theirs, theirs_times = _timed(lambda: _one_by_one(pipeline, spec, spec.cells))
        pixels = (_decoded(pipeline, ours) - _decoded(pipeline, theirs)).abs().max().item()
    latents = (ours - theirs).abs().max().item()
    lines = [
        f"{options.versions} x {options.strengths} grid, {options.side} px, {options.steps} steps, "
        f"guidance 5, {torch.get_num_threads()} thread(s)",
        _line("batched, a strength a row", ours_times, len(spec.cells)),
        _line("one by one, set_adapters", theirs_times, len(spec.cells)),
        f"  ratio {theirs_times.wall / ours_times.wall:.2f} by the clock, "
        f"{theirs_times.cpu / ours_times.cpu:.2f} in processor time",
        f"  largest difference: latents {latents:.1e}, pixels {pixels:.1e} of 0 to 1",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _line(name: str, times: Times, cells: int) -> str:
    each = 1000 * times.wall / cells
    return f"  {name:<26} {times.wall:8.2f} s (processor {times.cpu:.2f} s) {each:7.1f} ms a cell"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--versions", type=int, default=5)
    parser.add_argument("--strengths", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--side", type=int, default=128, help="of the pictures, in pixels")
    parser.add_argument("--batch", type=int, default=10, help="cells drawn at once")
    return parser.parse_args()


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


def _grid(base: Path, loras: Sequence[Path], options: argparse.Namespace) -> GridSpec:
    return GridSpec(
        run=1,
        base=BaseSpec(ref="micro@1", path=base, format=BaseFormat.DIFFUSERS, sha256="0" * 64),
        versions=[
            VersionSpec(
                ref=f"bench@{number}", name=path.stem, trainer="lora", path=path, sha256="0" * 64
            )
            for number, path in enumerate(loras, start=1)
        ],
        sampling=SamplingSpec(
            width=options.side, height=options.side, num_inference_steps=options.steps
        ),
        cells=[
            CellSpec(
                key=f"{version} {step}",
                version=version,
                strength=(step + 1) / options.strengths,
                prompt=PROMPT,
                seed=SEED,
            )
            for version in range(options.versions)
            for step in range(options.strengths)
        ],
    )


def _one_by_one(pipeline: Any, spec: GridSpec, cells: Sequence[CellSpec]) -> torch.Tensor:
    """Latents of cells, each by a call of the plain pipeline."""
    rows = []
    loaded: int | None = None
    for cell in cells:
        if cell.version != loaded:
            pipeline.unload_lora_weights()
            path = spec.versions[cell.version].path
            pipeline.load_lora_weights(
                str(path.parent), weight_name=path.name, adapter_name="bench"
            )
            loaded = cell.version
        pipeline.set_adapters("bench", cell.strength)
        rows.append(_called(pipeline, spec, cell))
    pipeline.unload_lora_weights()
    return torch.cat(rows)


def _called(pipeline: Any, spec: GridSpec, cell: CellSpec) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        latents: torch.Tensor = pipeline(
            cell.prompt,
            width=spec.sampling.width,
            height=spec.sampling.height,
            num_inference_steps=spec.sampling.num_inference_steps,
            guidance_scale=spec.sampling.guidance_scale,
            generator=torch.Generator().manual_seed(cell.seed),
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
