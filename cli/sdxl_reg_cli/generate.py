"""`sdxl-reg generate` and `sdxl-reg generations`: pictures by prompt, with all that made them."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg.errors import UsageError
from sdxl_reg_cli.console import json_option, print_json, print_table, progress_bar, say
from sdxl_reg_cli.installation import Installation, opened
from sdxl_reg_cli.picture_options import picture_options, picture_request
from sdxl_reg_cli.projects import project_option

if TYPE_CHECKING:
    from sdxl_reg.catalog.generations import GenerationRequest, PlannedGeneration
    from sdxl_reg.jobs.events import Event
    from sdxl_reg.tables import Generation

SEED_BITS = 32


@click.command(
    epilog="""\b
Examples:
  sdxl-reg generate "a red mug on a white background"
  sdxl-reg generate "qzy, flawed, (spot:1.2) <lora:weipin-lora@best:0.8>" -n 4 --out pictures/
  sdxl-reg generate "a shoe" --sampler "DPM++ 2M Karras" --steps 30 --seed 7
  sdxl-reg generate "qzy, spot <lora:weipin-lora:1>" --init-image shirt.png --denoising-strength 0.5
  sdxl-reg generate --from picture.png

Emphasis is written as in A1111: (word), (word:1.3), [word]. <lora:NAME:STRENGTH>,
<lora:NAME:TEXT:UNET> and <hypernet:NAME:STRENGTH> take names, NAME@VERSION and NAME@best; an
embedding is called up by its name or NAME@VERSION among the words.
"""
)
@click.argument("prompts", nargs=-1, metavar="PROMPT...")
@click.option("--from", "source", type=click.Path(path_type=Path), help="Repeat this PNG exactly.")
@click.option("--resume", "number", type=int, help="Draw what this generation still lacks.")
@click.option("-n", "--count", default=1, show_default=True, help="Pictures of each prompt.")
@click.option("--seed", type=int, help="Of the first one; the next ones count on. [default: any]")
@picture_options
@click.option("--batch-size", type=int, help="Pictures drawn at once. [default: what fits]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that receives the PNGs. [default: generated/ in the home]",
)
@project_option
@json_option
def generate(
    prompts: tuple[str, ...],
    source: Path | None,
    number: int | None,
    count: int,
    seed: int | None,
    batch_size: int | None,
    out: Path | None,
    project: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Draw pictures of prompts.

    Every picture says how it was made, as A1111 and Civitai read it, and is recorded with its run,
    base and adapters; ingested again it is known to be synthetic.
    """
    from sdxl_reg.catalog.generations import (
        GenerationRequest,
        plan_generation,
        resume_generation,
    )

    picture = picture_request(options)
    if sum((bool(prompts), source is not None, number is not None)) != 1:
        raise UsageError(
            "it takes one of a prompt, --from and --resume",
            remedy='Write: sdxl-reg generate "a red mug"',
        )
    if not prompts:
        _require_bare(picture.settings)
    with opened() as registry:
        places = (registry.engine, registry.store, registry.settings)
        if number is not None:
            planned = resume_generation(*places, number)
        elif source is not None:
            planned = plan_generation(*places, _repeated(registry, source))
        else:
            first = secrets.randbits(SEED_BITS) if seed is None else seed
            request = GenerationRequest(
                prompts=prompts,
                seeds=range(first, first + count),
                picture=picture,
                batch_size=batch_size,
                project=project,
            )
            planned = plan_generation(*places, request)
        verb = "begins" if number is None else "goes on"
        say(f"generation {planned.generation_id} {verb}: {_described(planned.pictures)}")
        work_on(registry, planned, out=out, as_json=as_json)


def work_on(
    registry: Installation, planned: "PlannedGeneration", *, out: Path | None, as_json: bool
) -> None:
    """Draw what a generation lacks, show how that goes, and write its pictures."""
    from sdxl_reg.catalog.generations import carry_out_generation

    with progress_bar() as advance:
        carry_out_generation(
            registry.engine, registry.store, planned, lambda event: _tell(event, advance)
        )
    _show(registry, planned.generation_id, out=out, as_json=as_json)


@click.command()
@json_option
def generations(as_json: bool) -> None:
    """List the generations, newest first."""
    from sdxl_reg.catalog.generations import generations as all_generations
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        rows = [
            {
                "generation": found.id,
                "run": found.run_id,
                "pictures": len(found.pictures),
                "drawn": sum(row.image_id is not None for row in found.pictures),
                "prompt": found.pictures[0].picture.get("prompt", ""),
                "created_at": found.created_at,
            }
            for found in all_generations(session)
        ]
    if as_json:
        print_json({"generations": rows})
        return
    columns = ["generation", "run", "drawn", "prompt"]
    cells = [
        [
            str(row["generation"]),
            str(row["run"]),
            f"{row['drawn']} of {row['pictures']}",
            str(row["prompt"]),
        ]
        for row in rows
    ]
    print_table(columns, cells, right=frozenset({0, 1}))


def _require_bare(settings: Mapping[str, Any]) -> None:
    if settings:
        raise UsageError(
            f"--from and --resume draw what was asked for before, so {', '.join(settings)} cannot "
            "be said",
            remedy="Leave it out, or ask anew with a prompt",
        )


def _repeated(registry: Installation, source: Path) -> "GenerationRequest":
    from sdxl_reg.catalog.repetition import repeated
    from sdxl_reg.store.database import reading

    with reading(registry.engine) as session:
        request, notes = repeated(session, source)
    for note in notes:
        say(note)
    return request


def _described(pictures: Sequence[Any]) -> str:
    first = pictures[0]
    several = f"{len(pictures)} pictures" if len(pictures) > 1 else "one picture"
    uses = ", ".join(f"{use.ref} at {use.strength:g}" for use in first.adapters)
    adapters = f" with {uses}" if uses else ""
    return f"{several} of {first.width} x {first.height} on {first.base}{adapters}"


def _tell(event: "Event", advance: Any) -> None:
    from sdxl_reg.jobs import events

    if isinstance(event, events.Progress):
        advance(event.done, event.total, event.what)
    elif isinstance(event, events.Message):
        say(event.text)
    elif isinstance(event, events.CellFailed):
        say(f"not drawn: {event.reason}")


def _show(registry: Installation, number: int, *, out: Path | None, as_json: bool) -> None:
    from sdxl_reg.catalog.generations import find_generation
    from sdxl_reg.store.database import reading

    with reading(registry.engine) as session:
        found = find_generation(session, number)
        folder = out or registry.settings.home / "generated"
        pictures = [
            {
                "position": row.position,
                "path": path,
                "sha256": row.image.blob.sha256 if row.image else None,
                "reason": row.reason,
                "request": row.picture,
            }
            for row, path in zip(found.pictures, _written(registry, found, folder), strict=True)
        ]
        document = {"generation": found.id, "run": found.run_id, "pictures": pictures}
    if as_json:
        print_json(document)
        return
    for picture in pictures:
        click.echo(str(picture["path"]) if picture["path"] else f"failed: {picture['reason']}")


def _written(registry: Installation, found: "Generation", folder: Path) -> list[Path | None]:
    """The pictures as files of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path | None] = []
    for row in found.pictures:
        if row.image is None:
            paths.append(None)
            continue
        path = folder / f"{found.id:05d}-{row.position:04d}-{row.picture.get('seed', 0)}.png"
        partial = path.with_name(path.name + ".part")
        partial.write_bytes(registry.store.read(row.image.blob.sha256))
        partial.replace(path)
        paths.append(path)
    return paths
