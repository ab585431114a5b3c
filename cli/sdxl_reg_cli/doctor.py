"""`sdxl-reg doctor`: what is installed, where things lie, what is missing."""

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version

import click

from sdxl_reg import __version__
from sdxl_reg.settings import Settings
from sdxl_reg_cli.console import json_option, print_json

NEEDED_FOR = {
    "torch": ("training and grids", "train"),
    "diffusers": ("training and grids", "train"),
    "transformers": ("training and grids", "train"),
    "peft": ("training LoRA", "train"),
    "efficientnet-lite-pytorch": ("scoring grids", "train"),
    "psycopg": ("PostgreSQL", "postgresql"),
}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is installed, where things lie and what is missing."""
    from sdxl_reg.trainers.discovery import all_trainers

    settings = Settings.from_environment()
    existing = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    working, broken = all_trainers()
    report = {
        "sdxl-reg": __version__,
        "python": platform.python_version(),
        "home": str(settings.home),
        "database": settings.database_url.rsplit("@", 1)[-1],
        "blobs": str(settings.store_path),
        "free_bytes": free,
        "packages": {name: _installed(name) for name in NEEDED_FOR},
        "trainers": [trainer.name for trainer in working],
        "broken_trainers": {trainer.name: trainer.reason for trainer in broken},
    }
    if as_json:
        print_json(report)
        return
    for name in ("sdxl-reg", "python", "home", "database", "blobs"):
        click.echo(f"{name:<26} {report[name]}")
    click.echo(f"{'free on that disk':<26} {free / 2**30:.1f} GiB")
    for name, (purpose, extra) in NEEDED_FOR.items():
        found = _installed(name) or f"not installed: no {purpose} (pip install 'sdxl-reg[{extra}]')"
        click.echo(f"{name:<26} {found}")
    click.echo(f"{'trainers':<26} {', '.join(trainer.name for trainer in working)}")
    for trainer in broken:
        click.echo(f"{'broken trainer':<26} {trainer.reason}")


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
