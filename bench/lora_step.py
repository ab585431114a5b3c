"""Time and memory of a LoRA training step: ours against a plain training script's, side by side.

    python bench/lora_step.py [--steps 20] [--rounds 3] [--side 128] [--batch 4]

The plain step is what the training scripts of diffusers' examples do without caching: picture
through the VAE and caption through both text encoders at every step, then the same U-Net with the
same peft adapters, AdamW and gradient clipping. The cached step is the same loop with both encoded
beforehand, as sd-scripts can be told to. Each variant runs in processes of its own, turn by
turn; the step times are medians, the ratio is of these medians. Run it alone on the machine.
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

VARIANTS = ("ours", "plain", "cached")
PICTURES = 8
SKIPPED_STEPS = 2
"""The first steps allocate; they are not counted."""


def main() -> None:
    """Run every variant in turn and print the comparison."""
    options = _options()
    if options.variant:
        sys.stdout.write(json.dumps(_measured(options)))
        return
    found: dict[str, list[dict[str, float]]] = {variant: [] for variant in VARIANTS}
    for _ in range(options.rounds):
        for variant in VARIANTS:
            found[variant].append(_in_a_process(variant))
    _show(found, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=20, help="steps a round")
    parser.add_argument("--rounds", type=int, default=3, help="processes a variant")
    parser.add_argument("--side", type=int, default=128, help="of the pictures, in pixels")
    parser.add_argument("--batch", type=int, default=4, help="pictures a step")
    parser.add_argument("--rank", type=int, default=16, help="of the adapters")
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_process(variant: str) -> dict[str, float]:
    command = [sys.executable, *sys.argv, "--variant", variant]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _measured(options: argparse.Namespace) -> dict[str, float]:
    with _job_folder(options) as folder:
        times = {"ours": _ours, "plain": _plain, "cached": _cached}[options.variant](
            folder, options
        )
    return {
        "step_s": statistics.median(times[SKIPPED_STEPS:]),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


@contextmanager
def _job_folder(options: argparse.Namespace) -> Iterator[Path]:
    """A folder with the built-in base and eight pictures."""
    from sdxl_reg.diffusion.micro import micro_base_files, write_files

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(micro_base_files(), folder / "base")
        (folder / "files").mkdir()
        for number in range(PICTURES):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(pixels).resize((options.side, options.side))
            picture.save(folder / f"{number}.png")
        yield folder


def _ours(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds of each step, as the registry's trainer reports them."""
    from sdxl_reg.testing import Heard
    from sdxl_reg.trainers.interface import BaseModel, TrainingImage, TrainingJob
    from sdxl_reg.vocabulary import BaseFormat
    from sdxl_reg_lora import LoraConfig, plugin

    class Clock(Heard):
        def __init__(self) -> None:
            super().__init__()
            self.moments: list[float] = []

        def progress(self, done: int, total: int, what: str) -> None:
            if what == "train":
                self.moments.append(time.perf_counter())

    clock = Clock()
    job = TrainingJob(
        run_key="0" * 64,
        config=LoraConfig(
            max_train_steps=options.steps,
            train_batch_size=options.batch,
            save_every_n_steps=options.steps,
            resolution=(options.side, options.side),
            rank=options.rank,
            alpha=options.rank,
            text_encoder_lr=0,
            lr_scheduler="constant",
            preview=False,
        ),
        base=BaseModel(
            ref="micro@1",
            path=folder / "base",
            format=BaseFormat.DIFFUSERS,
            config_path=None,
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
        workspace_path=folder,
        cache_path=folder / "cache",
    )
    plugin.train(job, clock)
    return np.diff(clock.moments).tolist()


def _plain(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds of each step of a loop that encodes pictures and captions anew at every step."""
    pipeline, pictures = _loaded(folder, options)

    def encoded(rows: list[int]) -> tuple[Any, Any]:
        return _encoded(pipeline, [pictures[row] for row in rows])

    return _looped(pipeline, options, encoded)


def _cached(folder: Path, options: argparse.Namespace) -> list[float]:
    """Seconds of each step of the same loop with everything encoded once, beforehand."""
    pipeline, pictures = _loaded(folder, options)
    latents, text = _encoded(pipeline, pictures)
    return _looped(pipeline, options, lambda rows: (latents[rows], text.rows(rows)))


def _loaded(folder: Path, options: argparse.Namespace) -> tuple[Any, list[Any]]:
    from sdxl_reg.diffusion.buckets import Fit
    from sdxl_reg.diffusion.latents import cut_pixels
    from sdxl_reg.diffusion.pipeline import load_pipeline

    size = (options.side, options.side)
    pictures = [
        cut_pixels(Image.open(path), None, Fit(bucket=size, resized=size)).values
        for path in sorted(folder.glob("*.png"))
    ]
    return load_pipeline(folder / "base"), pictures


def _encoded(pipeline: Any, pictures: list[Any]) -> tuple[Any, Any]:
    import torch

    from sdxl_reg.diffusion.conditioning import encode_prompts

    with torch.no_grad():
        latents = pipeline.vae.encode(torch.stack(pictures)).latent_dist.sample()
        text = encode_prompts(pipeline, ["a red t-shirt"] * len(pictures))
    return latents * pipeline.vae.config.scaling_factor, text


def _looped(
    pipeline: Any, options: argparse.Namespace, encoded: Callable[[list[int]], tuple[Any, Any]]
) -> list[float]:
    import torch
    from diffusers import DDPMScheduler
    from peft import LoraConfig, inject_adapter_in_model
    from torch.nn import functional

    from sdxl_reg_lora.network import target_modules

    adapters = LoraConfig(
        r=options.rank,
        lora_alpha=options.rank,
        target_modules=target_modules("unet", pipeline.unet),
    )
    inject_adapter_in_model(adapters, pipeline.unet)
    parameters = [value for value in pipeline.unet.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    sizes = torch.tensor([[options.side, options.side, 0, 0, options.side, options.side]])
    moments = []
    for step in range(options.steps):
        rows = [(step * options.batch + row) % PICTURES for row in range(options.batch)]
        latents, text = encoded(rows)
        noise = torch.randn_like(latents)
        t = torch.randint(1000, (options.batch,))
        prediction = pipeline.unet(
            scheduler.add_noise(latents, noise, t),
            t,
            encoder_hidden_states=text.context,
            added_cond_kwargs={
                "text_embeds": text.pooled,
                "time_ids": sizes.repeat(options.batch, 1).float(),
            },
        ).sample
        loss = functional.mse_loss(prediction, noise)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
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
    lines = [f"LoRA step, {options.batch} pictures of {options.side} px, micro base"]
    lines += [
        f"  {variant:<6} {1000 * seconds[variant]:7.1f} ms   {memory[variant] / 1e6:7.0f} MB peak"
        for variant in VARIANTS
    ]
    lines += [
        f"  {variant} / ours = {seconds[variant] / seconds['ours']:.2f}" for variant in VARIANTS[1:]
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
