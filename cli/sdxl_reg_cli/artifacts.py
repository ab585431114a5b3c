"""`sdxl-reg artifacts` and `sdxl-reg artifact`: what was trained or imported, and its files."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.artifact_diff import diff
from sdxl_reg_cli.artifact_options import kind_option, target_options
from sdxl_reg_cli.artifact_scan import scan
from sdxl_reg_cli.console import cell, json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened
from sdxl_reg_cli.projects import project_option

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sdxl_reg.tables import Artifact, ArtifactVersion


@click.command()
@json_option
def artifacts(as_json: bool) -> None:
    """List the artifacts with the number of their versions and their aliases."""
    from sdxl_reg.catalog import artifacts as catalog
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        items = [_artifact_document(session, found) for found in catalog.artifacts(session)]
    if as_json:
        print_json({"items": items})
        return
    rows = [
        [
            item["name"],
            item["kind"],
            str(len(item["versions"])),
            ", ".join(_alias_words(alias) for alias in item["aliases"]),
        ]
        for item in items
    ]
    print_table(["artifact", "kind", "versions", "aliases"], rows, right=frozenset({2}))


@click.group()
def artifact() -> None:
    """Show, compare, scan, import, export, alias or withdraw versions of an artifact."""


artifact.add_command(diff)
artifact.add_command(scan)


@artifact.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the versions of an artifact: epoch, step, loss, digest, aliases."""
    from sdxl_reg.catalog.artifacts import find_artifact
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        document = _artifact_document(session, find_artifact(session, name))
    if as_json:
        print_json(document)
        return
    rows = [
        [
            v["ref"] + (" (yanked)" if v["yanked"] is not None else ""),
            *(cell(v[key]) for key in ("epoch", "step", "loss")),
            v["sha256"][:12],
            v["run"],
        ]
        for v in document["versions"]
    ]
    columns = ["version", "epoch", "step", "loss", "sha256", "run"]
    print_table(columns, [[str(c) for c in row] for row in rows], right=frozenset({1, 2, 3}))
    for v in document["versions"]:
        if v["yanked"]:
            click.echo(f"{v['ref']} was yanked: {v['yanked']}")
    for alias in document["aliases"]:
        click.echo(_alias_words(alias) + (f"  {alias['reason']}" if alias["reason"] else ""))


@artifact.command()
@click.argument("reference")
@target_options
@json_option
def export(reference: str, to: Path, program: str | None, as_json: bool) -> None:
    """Copy the files of a version into a folder, or to where another program looks for them.

    With --for a1111 or comfyui a hypernetwork becomes a .pt, a preview goes with the file; with
    --for diffusers a checkpoint becomes a folder.

    \b
    Examples:
      sdxl-reg artifact export weipin-lora@best --for a1111 --to ~/stable-diffusion-webui
      sdxl-reg artifact export weipin-checkpoint --for diffusers --to ~/models
      sdxl-reg artifact export weipin-lora@3 --to ~/loras
    """
    from sdxl_reg.catalog.artifacts import find_version
    from sdxl_reg.catalog.exports import export_for, export_version
    from sdxl_reg.store.database import reading
    from sdxl_reg.vocabulary import Program

    document: dict[str, Any]
    with opened() as registry, reading(registry.engine) as session:
        if program is None:
            found = find_version(session, reference)
            document = {"files": export_version(registry.store, found, to)}
        else:
            given = export_for(session, registry.store, reference, Program(program), to)
            document = asdict(given)
    if as_json:
        print_json(document)
        return
    for path in document["files"]:
        click.echo(path)
    if program is not None:
        _say_how_to_call(document)


def _say_how_to_call(document: dict[str, Any]) -> None:
    """What people need to use an exported file, on stderr."""
    if words := document["trigger_words"]:
        say(f"say in a prompt: {', '.join(words)}")
    for algorithm, value in document["hashes"].items():
        say(f"{algorithm}: {value}")
    if not document["has_preview"]:
        say("no preview goes with it")


@artifact.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Of the artifact. [default: the file's, without epoch]")
@kind_option
@click.option("--base", default="", help="What it was trained on, when its header does not say.")
@project_option
@json_option
def import_(
    path: Path, name: str, kind: str | None, base: str, project: str, as_json: bool
) -> None:
    """Record a LoRA, embedding, hypernetwork or checkpoint that was made elsewhere.

    Its kind is told by its header; a file that was exported from here finds its run again. A
    hypernetwork's .pt is looked through first and opened in a process of its own; other pickles
    are not opened.

    \b
    Examples:
      sdxl-reg artifact import ~/Downloads/old-lora.safetensors --name old-lora
      sdxl-reg artifact import ~/stable-diffusion-webui/models/hypernetworks/old.pt
    """
    from sdxl_reg.catalog.artifacts import version_ref
    from sdxl_reg.catalog.imports import import_file
    from sdxl_reg.store.database import transaction
    from sdxl_reg.vocabulary import ArtifactKind

    with opened() as registry, transaction(registry.engine) as session:
        version = import_file(
            session,
            registry.store,
            path,
            name=name,
            kind=ArtifactKind(kind) if kind else None,
            base=base,
            project=project,
        )
        document = {
            "ref": version_ref(version),
            "kind": str(version.artifact.kind),
            "sha256": version.digest,
            "run": version.run_id,
            "trigger_words": version.details.get("trigger_words", []),
        }
    if as_json:
        print_json(document)
        return
    made = f", made by run {document['run']}" if document["run"] else ""
    click.echo(f"{document['ref']}  {document['kind']}{made}")


@artifact.command()
@click.argument("reference")
@click.argument("name")
@click.option("--strength", type=click.FloatRange(0, 2), help="Recommended strength.")
@click.option("--reason", default="", help="Why this version.")
def alias(reference: str, name: str, strength: float | None, reason: str) -> None:
    """Point an alias at a version: sdxl-reg artifact alias weipin-lora@3 released."""
    from sdxl_reg.catalog.artifacts import find_version, set_alias, version_ref
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        version = find_version(session, reference)
        set_alias(session, version, name, strength=strength, reason=reason)
        say(f"{version.artifact.name}@{name} is now {version_ref(version)}")


@artifact.command("yank")
@click.argument("reference")
@click.option("--reason", default="", help="Why, for who meets it.")
def yank_(reference: str, reason: str) -> None:
    """Withdraw a version: it is no more taken for the newest, and nothing is removed.

    By its number it can still be used, so that what was made with it can be made again. Grids,
    lineage and files stay.

    \b
    sdxl-reg artifact yank weipin-lora@3 --reason "trained on mislabelled pictures"
    sdxl-reg artifact unyank weipin-lora@3
    """
    from sdxl_reg.catalog.artifacts import find_version, version_ref
    from sdxl_reg.catalog.yanking import yank
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        version = find_version(session, reference)
        yank(session, version, reason)
        say(f"{version_ref(version)} is withdrawn; by this number it can still be used")


@artifact.command("unyank")
@click.argument("reference")
def unyank_(reference: str) -> None:
    """Offer a withdrawn version again: sdxl-reg artifact unyank weipin-lora@3."""
    from sdxl_reg.catalog.artifacts import find_version, version_ref
    from sdxl_reg.catalog.yanking import unyank
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        version = find_version(session, reference)
        unyank(session, version)
        say(f"{version_ref(version)} is offered again")


def _artifact_document(session: "Session", found: "Artifact") -> dict[str, Any]:
    from sdxl_reg.catalog.artifacts import aliases_of, versions_of

    return {
        "name": found.name,
        "kind": str(found.kind),
        "versions": [
            _version_document(version) for version in versions_of(session, found, yanked=True)
        ],
        "aliases": [
            {
                "name": alias.name,
                "version": alias.version.version,
                "strength": alias.strength,
                "reason": alias.reason,
            }
            for alias in aliases_of(session, found)
        ],
    }


def _version_document(version: "ArtifactVersion") -> dict[str, Any]:
    from sdxl_reg.catalog.artifacts import version_ref
    from sdxl_reg.catalog.yanking import yanked_because

    return {
        "ref": version_ref(version),
        "version": version.version,
        "yanked": yanked_because(version),
        "epoch": version.epoch,
        "step": version.step,
        "loss": version.loss,
        "sha256": version.digest,
        "run": version.run_id,
        "created_at": version.created_at,
        "files": [
            {"path": file.path, "sha256": file.blob.sha256, "size_bytes": file.blob.size_bytes}
            for file in version.files
        ],
    }


def _alias_words(alias: dict[str, Any]) -> str:
    strength = "" if alias["strength"] is None else f" at {alias['strength']:g}"
    return f"@{alias['name']} → @{alias['version']}{strength}"
