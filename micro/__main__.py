"""The commands that make the micro base: `python -m micro vae | unet | decoder | pack | measure`.

Each training saves its state under `--state` and goes on from there when started again; `decoder`
and `unet` need only what `vae` left, so they may run side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline
from PIL import Image

from micro import vae as autoencoder
from micro.dataset import training_set
from micro.measure import asked, draw, prompt_of, report, train_judge
from micro.network import PICTURE_SIZE
from micro.pack import expand
from micro.pack import pack as write_package
from micro.tokenizer import build_tokenizer, fetch_merges, whole_words
from micro.unet import CaptionFeed, load_average, train_unet

STATE = click.option("--state", type=click.Path(path_type=Path), required=True, help="Work folder.")
STEPS = click.option("--steps", default=100_000, show_default=True, help="Steps at most.")
PACKAGE = Path(__file__).resolve().parent.parent / "registry" / "sdxl_reg" / "micro_base"


def minutes(default: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option that limits a training by the clock."""
    return click.option("--minutes", default=default, show_default=True, help="Minutes at most.")


@click.group(help=__doc__)
@click.option("--threads", default=1, show_default=True, help="Cores to train on.")
def main(threads: int) -> None:
    """Train on one core, unless told otherwise: another job on a shared one costs dearly."""
    torch.set_num_threads(threads)


@main.command()
@STATE
@STEPS
@minutes(12)
def vae(state: Path, steps: int, minutes: float) -> None:
    """Train the autoencoder and fold its scale."""
    _, pictures = training_set(state, size=PICTURE_SIZE)
    trained = autoencoder.train_vae(pictures, state, steps=steps, minutes=minutes)
    trained.save_pretrained(state / "vae")
    click.echo(f"PSNR {autoencoder.psnr(trained, pictures[:256]):.1f} dB")


@main.command()
@STATE
@STEPS
@minutes(40)
def decoder(state: Path, steps: int, minutes: float) -> None:
    """Train the decoder on while the encoder stays."""
    _, pictures = training_set(state, size=PICTURE_SIZE)
    trained = AutoencoderKL.from_pretrained(state / "vae")
    autoencoder.train_decoder(trained, pictures, state, steps=steps, minutes=minutes)
    trained.save_pretrained(state / "vae-final")
    click.echo(f"PSNR {autoencoder.psnr(trained, pictures[:256]):.1f} dB")


@main.command()
@STATE
@STEPS
@minutes(46)
@click.option("--earlier", type=click.Path(path_type=Path), help="Start from this base's weights.")
def unet(state: Path, steps: int, minutes: float, earlier: Path | None) -> None:
    """Train the U-Net and both text encoders on encoded pictures."""
    shots, pictures = training_set(state, size=PICTURE_SIZE)
    path = state / "latents.pt"
    if not path.exists():
        encoder = AutoencoderKL.from_pretrained(state / "vae")
        torch.save(autoencoder.encoded(encoder, pictures), path)
    tokenizer = build_tokenizer(fetch_merges(state / "merges.txt"))
    feed = CaptionFeed(shots, tokenizer, whole_words(tokenizer.get_vocab()))
    latents = torch.load(path)
    train_unet(latents, feed, state, steps=steps, minutes=minutes, earlier=earlier)


@main.command()
@STATE
@click.option("--to", type=click.Path(path_type=Path), default=PACKAGE, help="Where to write.")
def pack(state: Path, to: Path) -> None:
    """Write the package data in half precision."""
    final = state / "vae-final"
    trained = AutoencoderKL.from_pretrained(final if final.exists() else state / "vae")
    write_package(load_average(state), trained, fetch_merges(state / "merges.txt"), to)
    size = sum(path.stat().st_size for path in to.rglob("*") if path.is_file())
    click.echo(f"{size / 1e6:.2f} MB in {to}")


@main.command()
@STATE
@click.option("--base", type=click.Path(path_type=Path), default=PACKAGE, help="What to measure.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Write a contact sheet here too.")
def measure(state: Path, base: Path, sheet: Path | None) -> None:
    """Count how often drawn pictures show what was asked for."""
    pipeline = _pipeline(base)
    shots, pictures = training_set(state, size=PICTURE_SIZE)
    judge = train_judge(shots, pictures, pipeline.vae, state)
    if sheet is not None:
        _write_sheet(pipeline, sheet)
    click.echo(report(judge, pipeline.vae, pipeline))


def _pipeline(base: Path) -> StableDiffusionXLPipeline:
    """Return the packed base as a pipeline in single precision."""
    with TemporaryDirectory() as folder:
        expand(base, Path(folder))
        return StableDiffusionXLPipeline.from_pretrained(folder, torch_dtype=torch.float32)


def _write_sheet(pipeline: StableDiffusionXLPipeline, path: Path) -> None:
    """Write two pictures of every held-out combination, one with a print; eight pairs in a row."""
    across = 16
    shots = [shot for number, shot in enumerate(asked(held_out=True)) if number % 4 < 2]
    drawn = draw(pipeline, [prompt_of(shot) for shot in shots], seed=0)
    blank = np.zeros((-len(drawn) % across, *drawn.shape[1:]), dtype=np.uint8)
    tiles = np.concatenate([drawn, blank])
    rows = [
        np.concatenate(list(tiles[i : i + across]), axis=1) for i in range(0, len(tiles), across)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(path, optimize=True)


if __name__ == "__main__":
    main()
