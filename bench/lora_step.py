"""Time and memory of a LoRA training step: ours against a plain training script's, side by side.

    python bench/lora_step.py [--steps 20] [--rounds 3] [--side 128] [--batch 4]
    python bench/random_sdxl.py sdxl.safetensors
    SDXL_REG_SD_SCRIPTS=~/sd-scripts python bench/lora_step.py --base sdxl.safetensors \\
        --mixed-precision bf16 --side 256 --batch 1 --steps 6 --variants ours cached sd-scripts

The plain step is what the training scripts of diffusers' examples do without caching: picture
through the VAE and caption through both text encoders at every step, then the same U-Net with the
same peft adapters, AdamW and gradient clipping. The cached step is the same loop with both encoded
beforehand, as sd-scripts can be told to. `sd-scripts` is kohya's own program, driven by our plugin.
Each variant runs in processes of its own, turn by turn; the step times are medians, the ratio is of
these medians. Run it alone on the machine.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

VARIANTS = ("ours", "plain", "cached", "sd-scripts")
PICTURES = 8
SKIPPED_STEPS = 2
"""The first steps allocate; they are not counted."""


def main() -> None:
    """Run every variant in turn and print the comparison."""
    options = _options()
    if options.variant:
        sys.stdout.write(json.dumps(_measured(options)))
        return
    found: dict[str, list[dict[str, float]]] = {variant: [] for variant in options.variants}
    for _ in range(options.rounds):
        for variant in options.variants:
            found[variant].append(_in_a_process(variant))
    _show(found, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=20, help="steps a round")
    parser.add_argument("--rounds", type=int, default=3, help="processes a variant")
    parser.add_argument("--side", type=int, default=128, help="of the pictures, in pixels")
    parser.add_argument("--batch", type=int, default=4, help="pictures a step")
    parser.add_argument("--rank", type=int, default=16, help="of the adapters")
    parser.add_argument("--base", type=Path, help="a single SDXL file; by default the micro base")
    parser.add_argument("--mixed-precision", choices=("no", "bf16", "fp16"), default="no")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS[:3])
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_process(variant: str) -> dict[str, float]:
    command = [sys.executable, *sys.argv, "--variant", variant]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _measured(options: argparse.Namespace) -> dict[str, float]:
    with _job_folder(options) as folder:
        measured = {
            "ours": _ours,
            "plain": _plain,
            "cached": _cached,
            "sd-scripts": _sd_scripts,
        }[options.variant]
        times = measured(folder, options)
    whose = resource.RUSAGE_SELF if options.variant != "sd-scripts" else resource.RUSAGE_CHILDREN
    return {
        "step_s": statistics.median(times[SKIPPED_STEPS:]),
        "peak_bytes": _peak_of_gpu() or resource.getrusage(whose).ru_maxrss * 1024,
    }


def _peak_of_gpu() -> int:
    """Bytes of GPU memory at this process's peak; 0 without a GPU."""
    import torch

    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0


@contextmanager
def _job_folder(options: argparse.Namespace) -> Iterator[Path]:
    """A folder with eight pictures, and the built-in base or the configuration of another."""
    from sdxl_reg.diffusion.full_size import full_size_config_files
    from sdxl_reg.diffusion.micro import micro_base_files, write_files

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(
            full_size_config_files() if options.base else micro_base_files(), folder / "base"
        )
        (folder / "files").mkdir()
        for number in range(PICTURES):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(pixels).resize((options.side, options.side))
            picture.save(folder / f"{number}.png")
        yield folder


def _ours(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds of each step of the registry's trainer."""
    from sdxl_reg_lora import LoraConfig, plugin

    config = LoraConfig(**_settings(options), preview=False)
    return _timed(plugin, _job(folder, config, options))


def _sd_scripts(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds of each step of `sdxl_train_network.py`; its weights wholly in half precision."""
    from sdxl_reg_kohya import lora
    from sdxl_reg_kohya.config import KohyaLoraConfig

    half = f"full_{options.mixed_precision}"
    extra = {} if options.mixed_precision == "no" else {half: True, "lowram": True}
    config = KohyaLoraConfig(**_settings(options), sd_scripts_options=extra)
    return _timed(lora, _job(folder, config, options))


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "max_train_steps": options.steps,
        "train_batch_size": options.batch,
        "save_every_n_steps": options.steps,
        "resolution": (options.side, options.side),
        "rank": options.rank,
        "alpha": options.rank,
        "text_encoder_lr": 0,
        "mixed_precision": options.mixed_precision,
    }


def _timed(trainer: Any, job: Any) -> list[float]:
    from sdxl_reg.testing import Heard

    class Clock(Heard):
        def __init__(self) -> None:
            super().__init__()
            self.moments: list[float] = []

        def progress(self, done: int, total: int, what: str) -> None:
            if what == "train" and done:
                self.moments.append(time.perf_counter())

    clock = Clock()
    trainer.train(job, clock)
    return np.diff(clock.moments).tolist()


def _job(folder: Path, config: Any, options: argparse.Namespace) -> Any:
    from sdxl_reg.trainers.interface import BaseModel, TrainingImage, TrainingJob
    from sdxl_reg.vocabulary import BaseFormat

    (folder / "work").mkdir(exist_ok=True)
    (folder / "cache").mkdir(exist_ok=True)
    return TrainingJob(
        run_key="0" * 64,
        config=config,
        base=BaseModel(
            ref="bench@1",
            path=options.base.resolve() if options.base else folder / "base",
            format=BaseFormat.SINGLE_FILE if options.base else BaseFormat.DIFFUSERS,
            config_path=folder / "base" if options.base else None,
            sha256="0" * 64,
        ),
        images=[
            TrainingImage(path=path, sha256=f"{n:064x}", caption="a red t-shirt", tags="")
            for n, path in enumerate(sorted(folder.glob("*.png")))
        ],
        dataset_ref="bench@1",
        dataset_sha256="0" * 64,
        output_name="bench",
        output_path=folder / "files",
        workspace_path=folder / "work",
        cache_path=folder / "cache",
    )


def _plain(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds of each step of a loop that encodes pictures and captions anew at every step."""
    base, pictures = _loaded(folder, options)

    def encoded(rows: list[int]) -> tuple[Any, Any]:
        return _encoded(base, [pictures[row] for row in rows], options.batch)

    return _looped(base, options, encoded)


def _cached(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds of each step of the same loop with everything encoded once, beforehand."""
    base, pictures = _loaded(folder, options)
    latents, text = _encoded(base, pictures, options.batch)
    return _looped(base, options, lambda rows: (latents[rows], text.rows(rows)))


def _loaded(folder: Path, options: argparse.Namespace) -> tuple[Any, list[Any]]:
    from sdxl_reg.diffusion.latents import cut_pixels
    from sdxl_reg.formats.kohya.buckets import Fit
    from sdxl_reg.training.base import loaded_base
    from sdxl_reg_lora import LoraConfig

    size = (options.side, options.side)
    pictures = [
        cut_pixels(Image.open(path), None, Fit(bucket=size, resized=size)).values
        for path in sorted(folder.glob("*.png"))
    ]
    config = LoraConfig(**_settings(options))
    return loaded_base(_job(folder, config, options), config), pictures


def _encoded(base: Any, pictures: list[Any], batch: int) -> tuple[Any, Any]:
    import torch

    from sdxl_reg.diffusion.conditioning import encode_prompts

    pipeline = base.pipeline
    with torch.no_grad():
        rows = torch.stack(pictures).to(base.device)
        batches = torch.split(rows, batch)  # as many at once as a step shows
        latents = torch.cat([pipeline.vae.encode(some).latent_dist.sample() for some in batches])
        text = encode_prompts(pipeline, ["a red t-shirt"] * len(pictures))
    return latents * pipeline.vae.config.scaling_factor, text


def _looped(
    base: Any, options: argparse.Namespace, encoded: Callable[[list[int]], tuple[Any, Any]]
) -> list[float]:
    import torch
    from diffusers import DDPMScheduler
    from peft import LoraConfig, inject_adapter_in_model
    from torch.nn import functional

    from sdxl_reg_lora.network import target_modules

    pipeline = base.pipeline
    adapters = LoraConfig(
        r=options.rank,
        lora_alpha=options.rank,
        target_modules=target_modules("unet", pipeline.unet),
    )
    inject_adapter_in_model(adapters, pipeline.unet)
    parameters = [value for value in pipeline.unet.parameters() if value.requires_grad]
    for parameter in parameters:  # as diffusers' example does: `cast_training_params`
        parameter.data = parameter.data.float()
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    sizes = torch.tensor([[options.side, options.side, 0, 0, options.side, options.side]]).float()
    moments = []
    for step in range(options.steps):
        rows = [(step * options.batch + row) % PICTURES for row in range(options.batch)]
        latents, text = encoded(rows)
        noise = torch.randn_like(latents)
        t = torch.randint(1000, (options.batch,), device=base.device)
        with base.autocast():
            prediction = pipeline.unet(
                scheduler.add_noise(latents, noise, t),
                t,
                encoder_hidden_states=text.context,
                added_cond_kwargs={
                    "text_embeds": text.pooled,
                    "time_ids": sizes.repeat(options.batch, 1).to(base.device),
                },
            ).sample
        loss = functional.mse_loss(prediction.float(), noise.float())
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for a GPU
        moments.append(time.perf_counter())
    return np.diff(moments).tolist()


def _show(found: dict[str, list[dict[str, float]]], options: argparse.Namespace) -> None:
    seconds, memory = (
        {
            variant: statistics.median(figures[name] for figures in rounds)
            for variant, rounds in found.items()
        }
        for name in ("step_s", "peak_bytes")
    )
    name = options.base.name if options.base else "micro base"
    lines = [
        f"LoRA step, {options.batch} pictures of {options.side} px, {name}, "
        f"precision {options.mixed_precision}"
    ]
    lines += [
        f"  {variant:<10} {1000 * seconds[variant]:8.1f} ms"
        f" {options.batch / seconds[variant]:7.2f} pictures/s"
        f" {memory[variant] / 1e6:7.0f} MB peak"
        for variant in found
    ]
    lines += [
        f"  {variant} / ours = {seconds[variant] / seconds['ours']:.2f}"
        for variant in found
        if variant != "ours" and "ours" in found
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
