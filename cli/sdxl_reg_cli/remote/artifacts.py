"""Artifacts of a server: looked at, compared, fetched, sent, pointed at and withdrawn."""

import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.artifact_options import kind_option, target_options
from sdxl_reg_cli.console import (
    Advance,
    cell,
    json_option,
    print_json,
    print_table,
    progress_bar,
    say,
)
from sdxl_reg_cli.remote.browse import filter_option, limit_option
from sdxl_reg_cli.remote.server import connected, parted

if TYPE_CHECKING:
    from collections.abc import Callable

    from sdxl_reg.client import Client


@click.command()
@filter_option
@limit_option
@json_option
def artifacts(wanted: str, limit: int, as_json: bool) -> None:
    """List the artifacts of the server with their versions and aliases."""
    from itertools import islice

    with connected() as client:
        found = list(islice(client.items("artifacts", filter=wanted), limit))
    if as_json:
        print_json({"items": found})
        return
    rows = [
        [
            item["name"],
            item["kind"],
            str(item["versions"]),
            ", ".join(f"@{alias['name']} → @{alias['version']}" for alias in item["aliases"]),
        ]
        for item in found
    ]
    print_table(["artifact", "kind", "versions", "aliases"], rows, right=frozenset({2}))


@click.group()
def artifact() -> None:
    """Show, compare, fetch, send, alias or withdraw versions on the server."""


@artifact.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the versions of an artifact: epoch, step, loss, digest, aliases."""
    with connected() as client:
        document = client.get("artifacts", name)
    if as_json:
        print_json(document)
        return
    rows = [
        [
            found["ref"] + (" (yanked)" if found["yanked"] is not None else ""),
            *(cell(found[key]) for key in ("epoch", "step", "loss")),
            found["sha256"][:12],
            ", ".join(f"@{alias}" for alias in found["aliases"]),
        ]
        for found in document["versions"]
    ]
    columns = ["version", "epoch", "step", "loss", "sha256", "aliases"]
    print_table(columns, rows, right=frozenset({1, 2, 3}))


@artifact.command()
@click.argument("after", metavar="VERSION")
@click.argument("before", metavar="[BEFORE]", required=False)
@json_option
def diff(after: str, before: str | None, as_json: bool) -> None:
    """Show what differs between two versions; with one, from the version before it."""
    with connected() as client:
        name, which = parted(after)
        found = client.get("artifacts", name, "versions", which, "diff", before=before)
    if as_json:
        print_json(found)
        return
    for part in ("facts", "settings", "packages"):
        if found[part]:
            rows = [[one["name"], cell(one["before"]), cell(one["after"])] for one in found[part]]
            print_table([part, found["before"], found["after"]], rows)


@artifact.command()
@click.argument("reference")
@target_options
@json_option
def export(reference: str, to: Path, program: str | None, as_json: bool) -> None:
    """Fetch a version into a folder, or to where another program looks for it.

    What was fetched before a connection broke is not fetched again, and every byte is compared with
    its digest. Nothing that is there is overwritten.

    \b
    Examples:
      sdxl-reg --server http://registry:8000 artifact export weipin-lora@best \\
        --for a1111 --to ~/stable-diffusion-webui
      sdxl-reg --server http://registry:8000 artifact export weipin-lora@3 --to ~/loras
    """
    name, which = parted(reference)
    with connected() as client:
        version = client.get("artifacts", name, "versions", which)
        if program is None:
            files = _fetched(client, version, to)
        else:
            files = _fetched_for(client, f"{version['url']}/for/{program}", to)
    words = version["details"].get("trigger_words", [])
    if as_json:
        print_json({"ref": version["ref"], "files": files, "trigger_words": words})
        return
    for path in files:
        click.echo(path)
    if words:
        say(f"say in a prompt: {', '.join(words)}")


@artifact.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Of the artifact. [default: the file's]")
@kind_option
@click.option("--base", default="", help="What it was trained on, when its header does not say.")
@click.option("--project", help="To which a new artifact belongs.")
@json_option
def import_(
    path: Path, name: str, kind: str | None, base: str, project: str | None, as_json: bool
) -> None:
    """Send a LoRA, embedding, hypernetwork or checkpoint, and record it as a version.

    The server hashes and scans it. A connection that breaks loses nothing; after an interrupt the
    same command goes on.

    \b
    Example:
      sdxl-reg --server http://registry:8000 artifact import old-lora.safetensors --name old-lora
    """
    from sdxl_reg.client.files import send_file

    with connected() as client:
        with progress_bar() as advance:
            key = send_file(
                client, path, project=project, advance=_bytes_of(advance, f"sending {path.name}")
            )
        body = {"upload": key, "kind": kind, "base": base or None}
        version = client.post("artifacts", name or path.stem, "versions", body=body)
    if as_json:
        print_json(version)
        return
    click.echo(f"{version['ref']}  {version['sha256']}")


@artifact.command()
@click.argument("reference")
@click.argument("name")
@click.option("--strength", type=float, help="Recommended strength.")
@click.option("--reason", default="", help="Why this version.")
def alias(reference: str, name: str, strength: float | None, reason: str) -> None:
    """Point an alias at a version."""
    artifact_name, which = parted(reference)
    with connected() as client:
        version = client.get("artifacts", artifact_name, "versions", which)["version"]
        body = {"version": version, "strength": strength, "reason": reason}
        client.put("artifacts", artifact_name, "aliases", name, body=body)
    say(f"{artifact_name}@{name} is now {artifact_name}@{version}")


@artifact.command()
@click.argument("reference")
@click.option("--reason", default="", help="Why, for who meets it.")
def yank(reference: str, reason: str) -> None:
    """Withdraw a version: it is no more taken for the newest, and nothing is removed."""
    name, which = parted(reference)
    with connected() as client:
        client.post("artifacts", name, "versions", which, "yank", body={"reason": reason})
    say(f"{reference} is withdrawn; by its number it can still be used")


@artifact.command()
@click.argument("reference")
def unyank(reference: str) -> None:
    """Offer a withdrawn version again."""
    name, which = parted(reference)
    with connected() as client:
        client.post("artifacts", name, "versions", which, "unyank")
    say(f"{reference} is offered again")


def _fetched(client: "Client", version: dict[str, Any], to: Path) -> list[Path]:
    from sdxl_reg.client.files import fetch_file

    files = []
    with progress_bar() as advance:
        for file in version["files"]:
            path = _inside(to, file["path"])
            fetch_file(
                client,
                file["url"],
                path,
                sha256=file["sha256"],
                size_bytes=file["size_bytes"],
                advance=_bytes_of(advance, f"fetching {file['path']}"),
            )
            files.append(path)
    return files


def _fetched_for(client: "Client", url: str, to: Path) -> list[Path]:
    """Fetch what a program takes, and lay it out in its folder; nothing is overwritten."""
    from sdxl_reg.catalog.published import published

    with TemporaryDirectory() as folder:
        archive = Path(folder) / "made.zip"
        with client.stream("GET", url, params={"zip": True}) as answer, archive.open("wb") as sink:
            for data in answer.iter_bytes():
                sink.write(data)
        with zipfile.ZipFile(archive) as made, published(to) as aside:
            made.extractall(aside)
            return [to / name for name in made.namelist()]


def _inside(folder: Path, name: str) -> Path:
    from sdxl_reg.errors import Corrupt

    if name.startswith("/") or ".." in Path(name).parts:
        raise Corrupt(name, "the server names a file that leads out of its folder")
    return folder / name


def _bytes_of(advance: Advance, what: str) -> "Callable[[int, int], None]":
    return lambda done, total: advance(done, total, what)
