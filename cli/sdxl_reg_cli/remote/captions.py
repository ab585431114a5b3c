"""Captions of a server: listed, written, changed many at once, looked back at."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.caption_options import (
    bulk_options,
    pair_of,
    replace_options,
    sources_of,
    template_options,
)
from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.item_results import show_results
from sdxl_reg_cli.remote.browse import show_document
from sdxl_reg_cli.remote.server import connected, show_changes

if TYPE_CHECKING:
    from sdxl_reg.client import Client

_AT_ONCE = 10_000


@click.group()
def captions() -> None:
    """Show or change captions of the server; every earlier text is kept."""


@captions.command("list")
@click.argument("image_set")
@click.option(
    "--tag", "--select", "selector", default="", metavar="SELECTOR", help="Only these: 'qzy/**'."
)
@json_option
def list_captions(image_set: str, selector: str, as_json: bool) -> None:
    """List the captions of IMAGE_SET."""
    with connected() as client:
        found = client.items("image-sets", image_set, "images", select=selector, limit=500)
        items = [
            {"path": one["path"], "caption": one["caption"], "source": one["caption_source"]}
            for one in found
        ]
    if as_json:
        print_json({"items": items})
        return
    rows = [[one["path"], one["caption"], one["source"] or ""] for one in items]
    print_table(["path", "caption", "source"], rows)


@captions.command("set")
@click.argument("image_set")
@click.argument("path")
@click.argument("text")
@click.option("--author", help="Who wrote it.")
@json_option
def set_caption(image_set: str, path: str, text: str, author: str | None, as_json: bool) -> None:
    """Make TEXT the caption of the picture at PATH of IMAGE_SET; an ingest never replaces it."""
    with connected() as client:
        member = _member(client, image_set, path)["member"]
        body = {"text": text, "author": author}
        said = client.post("members", member, "caption", body=body)
    if as_json:
        print_json(said)
    else:
        say("Recorded" if said["changed"] else "It is the caption already")


@captions.command("import")
@click.argument("image_set")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--author", help="Who wrote them.")
@click.option("--atomic", is_flag=True, help="Write none where one cannot be written.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of each.")
@json_option
def import_captions(
    image_set: str, file: Path, author: str | None, atomic: bool, dry_run: bool, as_json: bool
) -> None:
    """Write the captions of IMAGE_SET that a FILE has: JSON lines, a JSON list or CSV.

    Ten thousand at a time are one change, which `captions undo` takes back.
    """
    from sdxl_reg.errors import InvalidValue
    from sdxl_reg.formats.caption_tables import read_captions

    rows = [
        {name: value for name, value in vars(row).items() if value is not None}
        for row in read_captions(file)
    ]
    if atomic and len(rows) > _AT_ONCE:
        raise InvalidValue(
            "--atomic with so many captions", len(rows), remedy=f"Give {_AT_ONCE:,} at most"
        )
    reports = []
    with connected() as client:
        for start in range(0, len(rows), _AT_ONCE):
            items = rows[start : start + _AT_ONCE]
            body = {"items": items, "author": author, "atomic": atomic, "dry_run": dry_run}
            reports.append(client.post("image-sets", image_set, "captions", body=body))
    results = [one for report in reports for one in report["results"]]
    for place, one in enumerate(results):
        one["item"] = place
    show_results(results, as_json=as_json, dry_run=dry_run)


@captions.command()
@click.argument("image_set")
@click.argument("path")
@json_option
def history(image_set: str, path: str, as_json: bool) -> None:
    """Show every caption the picture at PATH of IMAGE_SET has had, the newest first."""
    entries = _entries(image_set, path)
    if as_json:
        print_json({"items": entries})
        return
    rows = [
        [
            str(entry["id"]),
            entry["created_at"][:16].replace("T", " "),
            entry["text"],
            entry["source"],
            entry["author"] or "",
            _standing(entry),
        ]
        for entry in entries
    ]
    print_table(["number", "when", "caption", "source", "author", ""], rows)


@captions.command()
@click.argument("image_set")
@click.argument("path")
@json_option
def show(image_set: str, path: str, as_json: bool) -> None:
    """Show how the caption of the picture at PATH came to be, the oldest first."""
    entries = _entries(image_set, path)[::-1]
    if as_json:
        print_json({"items": entries})
        return
    for entry in entries:
        when = entry["created_at"][:16].replace("T", " ")
        facts = [f"{entry['id']}  {when}  {entry['source']}", entry["author"] or ""]
        facts += [f"{entry['tokens']} tokens", _standing(entry)]
        click.echo("  ".join(fact for fact in facts if fact))
        click.echo("  " + entry["text"])


@captions.command()
@click.argument("number", type=int)
@click.option("--author", help="Who does it.")
@json_option
def revert(number: int, author: str | None, as_json: bool) -> None:
    """Take up an earlier caption again, by its NUMBER in the history."""
    with connected() as client:
        said = client.post("captions", number, "revert", body={"author": author})
    if as_json:
        print_json(said)
    else:
        say("Recorded" if said["changed"] else "It is the caption already")


@captions.command()
@click.argument("image_set")
@json_option
def undo(image_set: str, as_json: bool) -> None:
    """Take back the last change of the captions of IMAGE_SET; again for the one before."""
    with connected() as client:
        said = client.post("image-sets", image_set, "undo", body={"of": "captions"})
    if as_json:
        print_json(said)
    else:
        say(said["summary"])


@captions.command()
@click.argument("image_set")
@click.option("--limit", type=click.IntRange(min=1, max=500), default=50, show_default=True)
@json_option
def changes(image_set: str, limit: int, as_json: bool) -> None:
    """List the changes of the captions of IMAGE_SET, the newest first."""
    show_changes(image_set, of="captions", limit=limit, as_json=as_json)


@captions.command("stats")
@click.argument("image_set")
@json_option
def stats(image_set: str, as_json: bool) -> None:
    """Count the tokens of the captions of IMAGE_SET, and of each of their words."""
    with connected() as client:
        found = client.get("image-sets", image_set, "report", "captions")
    words = found["words"]
    if as_json:
        print_json(found)
        return
    show_document({k: v for k, v in found.items() if k not in ("words", "lengths")}, as_json=False)
    rows = [[one["text"], " ".join(one["tokens"]), f"{one['captions']:,}"] for one in words[:30]]
    print_table(["word", "as CLIP reads it", "captions"], rows, right=frozenset({2}))


@captions.command()
@template_options
@bulk_options
def template(
    image_set: str,
    template: str,
    prefix: str,
    suffix: str,
    trigger: str,
    words: tuple[str, ...],
    separator: str,
    over: tuple[str, ...],
    **options: Any,
) -> None:
    """Caption IMAGE_SET by a TEMPLATE; see `captions template --help` without --server."""
    body: dict[str, Any] = {
        "template": template,
        "prefix": prefix,
        "suffix": suffix,
        "trigger": trigger,
        "words": dict(pair_of(word) for word in words),
        "separator": separator,
        "over": sorted(sources_of(over)) if over else None,
    }
    _carry_out(image_set, "template", body, **options)


@captions.command()
@replace_options
@bulk_options
def replace(
    image_set: str, search: str, replacement: str, how: str, ignore_case: bool, **options: Any
) -> None:
    """Replace SEARCH in the captions of IMAGE_SET; an empty REPLACEMENT takes it out."""
    body = {
        "search": search,
        "replacement": replacement,
        "how": how,
        "ignore_case": ignore_case,
    }
    _carry_out(image_set, "replace", body, **options)


@captions.group()
def tags() -> None:
    """Change captions as lists of tags between commas."""


@tags.command("add")
@click.argument("image_set")
@click.argument("words", nargs=-1, required=True)
@click.option("--at", type=click.Choice(["start", "end"]), default="end", show_default=True)
@bulk_options
def add_tags(image_set: str, words: tuple[str, ...], at: str, **options: Any) -> None:
    """Add WORDS to the captions of IMAGE_SET that do not have them."""
    _carry_out(image_set, "words", {"add": words, "at": at}, **options)


@tags.command("remove")
@click.argument("image_set")
@click.argument("words", nargs=-1, required=True)
@bulk_options
def remove_tags(image_set: str, words: tuple[str, ...], **options: Any) -> None:
    """Take WORDS out of the captions of IMAGE_SET."""
    _carry_out(image_set, "words", {"remove": words}, **options)


@tags.command("sort")
@click.argument("image_set")
@bulk_options
def sort_tags(image_set: str, **options: Any) -> None:
    """Put the tags of every caption in the order of the alphabet, each once."""
    _carry_out(image_set, "words", {"order": "sorted"}, **options)


@tags.command("deduplicate")
@click.argument("image_set")
@bulk_options
def deduplicate_tags(image_set: str, **options: Any) -> None:
    """Leave each tag of a caption once, where it stood first."""
    _carry_out(image_set, "words", {}, **options)


def _carry_out(
    image_set: str,
    what: str,
    body: dict[str, Any],
    *,
    selector: str,
    author: str | None,
    dry_run: bool,
    yes: bool,
    show: int,
    as_json: bool,
) -> None:
    """Show what a change comes to, ask in a terminal, do it and say so."""
    asked = body | {"which": {"select": selector}, "author": author}
    where = ("image-sets", image_set, "captions", what)
    is_asked = sys.stdin.isatty() and not (yes or as_json)
    with connected() as client:
        if dry_run or is_asked:
            said = client.post(*where, body=asked | {"dry_run": True})
            if not as_json:
                _preview(said, show)
            if not dry_run and said["changed"]:
                click.confirm(f"Change {said['changed']:,} captions?", abort=True, err=True)
        if not dry_run:
            said = client.post(*where, body=asked)
    if as_json:
        print_json(said)
    elif not dry_run:
        say(f"{said['changed']:,} of {said['selected']:,} captions changed")
        _tell_kept(said)


def _preview(said: dict[str, Any], show: int) -> None:
    for example in said["examples"][:show]:
        click.echo(example["path"])
        click.echo(f"  {example['before']}\n  → {example['after']}")
    click.echo(f"{said['changed']:,} of {said['selected']:,} captions change")
    _tell_kept(said)


def _tell_kept(said: dict[str, Any]) -> None:
    for source, count in sorted(said["kept"].items()):
        say(f"{count:,} of {source} stay; --over {source} replaces them too")


def _member(client: "Client", image_set: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get("image-sets", image_set, "images", path=path)["items"][0]
    return found


def _entries(image_set: str, path: str) -> list[dict[str, Any]]:
    with connected() as client:
        member = _member(client, image_set, path)["member"]
        found: list[dict[str, Any]] = client.get("members", member)["captions"]
    return found


def _standing(entry: dict[str, Any]) -> str:
    if entry["is_present"]:
        return "present"
    return "undone" if entry["is_undone"] else ""
