"""`sdxl-reg captions`: show, change and look back at the captions of an image set."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.caption_preview import document, styled_diff
from sdxl_reg_cli.captioners import caption_by_model
from sdxl_reg_cli.captions_bulk import replace, tags, template
from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened
from sdxl_reg_cli.item_results import show_results

if TYPE_CHECKING:
    from sdxl_reg.catalog.caption_statistics import CaptionStatistics
    from sdxl_reg.catalog.captions import CaptionEntry


@click.group()
def captions() -> None:
    """Show or change captions; every earlier text is kept."""


@captions.command("list")
@click.argument("image_set")
@click.option(
    "--tag", "--select", "selector", default="", metavar="SELECTOR", help="Only these: 'qzy/**'."
)
@click.option("--tokens", "with_tokens", is_flag=True, help="Count the tokens of each.")
@json_option
def list_captions(image_set: str, selector: str, with_tokens: bool, as_json: bool) -> None:
    """List the captions of IMAGE_SET as training would see them.

    \b
    Example:
      sdxl-reg captions list weipin --tag '**/spot' --tokens
    """
    from sdxl_reg.catalog.images import find_image_set, members_of
    from sdxl_reg.formats.clip_tokens import token_count
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        members = members_of(session, find_image_set(session, image_set), selector)
    items: list[dict[str, Any]] = [
        {"path": m.source_path, "caption": m.caption, "source": m.caption_source} for m in members
    ]
    if with_tokens:
        items = [item | {"tokens": token_count(item["caption"])} for item in items]
    if as_json:
        print_json({"items": items})
        return
    rows = [[i["path"], i["caption"], i["source"] or "", str(i.get("tokens", ""))] for i in items]
    columns = ["path", "caption", "source", "tokens"]
    shown = len(columns) if with_tokens else len(columns) - 1
    print_table(columns[:shown], [row[:shown] for row in rows], right=frozenset({3}))


@captions.command("set")
@click.argument("image_set")
@click.argument("path")
@click.argument("text")
@click.option("--author", help="Who wrote it.")
@json_option
def set_caption(image_set: str, path: str, text: str, author: str | None, as_json: bool) -> None:
    """Make TEXT the caption of the picture at PATH of IMAGE_SET; an ingest never replaces it.

    \b
    Example:
      sdxl-reg captions set weipin qzy/flawed/spot/1.jpg "a white spot on the rim"
    """
    from sdxl_reg.catalog import caption_edits
    from sdxl_reg.catalog.images import find_image_set, find_member
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        member = find_member(session, find_image_set(session, image_set), path)
        report = caption_edits.set_caption(session, member.id, text, author=author)
    if as_json:
        print_json(document(report))
        return
    say("Recorded" if report.changed else "It is the caption already")


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

    Each row names its picture by path, file_name, sha256 or member, and says its text or caption.
    It is one change, which `captions undo` takes back.

    \b
    Examples:
      sdxl-reg captions import weipin captions.jsonl
      sdxl-reg captions import weipin captions.csv --author mei --atomic
    """
    from sdxl_reg.catalog.caption_items import CaptionItem, write_captions
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.catalog.items import MemberName
    from sdxl_reg.formats.caption_tables import read_captions
    from sdxl_reg.store.database import transaction

    items = [
        CaptionItem(
            which=MemberName(member=row.member, path=row.path, sha256=row.sha256),
            text=row.text,
            author=row.author,
        )
        for row in read_captions(file)
    ]
    with opened() as registry, transaction(registry.engine) as session:
        found = find_image_set(session, image_set)
        report = write_captions(session, found, items, author=author, atomic=atomic)
        if dry_run:
            session.rollback()
    results = [
        {
            "item": place,
            "member": one.row,
            "status": one.status,
            "problem": {
                "code": one.problem.code,
                "message": one.problem.message,
                "remedy": one.problem.remedy,
            }
            if one.problem
            else None,
        }
        for place, one in enumerate(report.results)
    ]
    show_results(results, as_json=as_json, dry_run=dry_run)


@captions.command()
@click.argument("image_set")
@click.argument("path")
@json_option
def history(image_set: str, path: str, as_json: bool) -> None:
    """Show every caption the picture at PATH of IMAGE_SET has had, the newest first."""
    entries = _entries(image_set, path)
    if as_json:
        print_json({"items": [vars(entry) for entry in entries]})
        return
    rows = [
        [
            str(entry.caption_id),
            f"{entry.created_at:%Y-%m-%d %H:%M}",
            entry.text,
            str(entry.source),
            entry.author or "",
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
    """Show how the caption of the picture at PATH came to be, word by word, the oldest first."""
    entries = _entries(image_set, path)[::-1]
    if as_json:
        print_json({"items": [vars(entry) for entry in entries]})
        return
    before = ""
    for entry in entries:
        what = f"{entry.caption_id}  {entry.created_at:%Y-%m-%d %H:%M}  {entry.source}"
        facts = [what, entry.author or "", f"{entry.tokens} tokens", _standing(entry)]
        click.echo("  ".join(fact for fact in facts if fact))
        click.echo("  " + (styled_diff(before, entry.text) if before else entry.text))
        before = entry.text


@captions.command()
@click.argument("number", type=int)
@click.option("--author", help="Who does it.")
@json_option
def revert(number: int, author: str | None, as_json: bool) -> None:
    """Take up an earlier caption again, by its NUMBER in the history.

    \b
    Example:
      sdxl-reg captions history weipin qzy/flawed/spot/1.jpg
      sdxl-reg captions revert 17
    """
    from sdxl_reg.catalog import caption_edits
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        report = caption_edits.revert(session, number, author=author)
    if as_json:
        print_json(document(report))
        return
    say("Recorded" if report.changed else "It is the caption already")


@captions.command()
@click.argument("image_set")
@json_option
def undo(image_set: str, as_json: bool) -> None:
    """Take back the last change of the captions of IMAGE_SET; again for the one before."""
    from sdxl_reg.catalog.caption_edits import undo_captions
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        change = undo_captions(session, find_image_set(session, image_set))
        said = {"change": change.id, "verb": change.verb, "summary": change.summary}
    if as_json:
        print_json({"undone": said})
        return
    say(f"Undone: {said['summary']}")


@captions.command("stats")
@click.argument("image_set")
@click.option("--select", "selector", default="", metavar="SELECTOR", help="Only these.")
@click.option("--top", default=30, show_default=True, help="How many words to show.")
@json_option
def stats(image_set: str, selector: str, top: int, as_json: bool) -> None:
    """Count the tokens of the captions of IMAGE_SET, and of each of their words.

    SDXL's text encoders read 75 tokens at once; kohya's trainers cut at 75, 150 or 225.
    """
    from sdxl_reg.catalog.caption_statistics import caption_statistics
    from sdxl_reg.catalog.images import find_image_set
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = caption_statistics(session, find_image_set(session, image_set), selector)
    if as_json:
        print_json(vars(found) | {"words": [vars(word) for word in found.words]})
        return
    _print_statistics(found, top)


captions.add_command(stats, "tokens")
for command in (template, replace, tags, caption_by_model):
    captions.add_command(command)


def _entries(image_set: str, path: str) -> "list[CaptionEntry]":
    from sdxl_reg.catalog.captions import caption_entries
    from sdxl_reg.catalog.images import find_image_set, find_member
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        member = find_member(session, find_image_set(session, image_set), path)
        return caption_entries(session, member.id)


def _standing(entry: "CaptionEntry") -> str:
    if entry.is_present:
        return "present"
    return "undone" if entry.is_undone else ""


def _print_statistics(found: "CaptionStatistics", top: int) -> None:
    say(f"{found.members:,} pictures, {found.without:,} without a caption")
    if found.lengths:
        print_table(
            ["tokens", "captions"],
            [[span, f"{count:,}"] for span, count in _spans(found.lengths).items()],
            right=frozenset({0, 1}),
        )
        say(f"The longest is that of {found.longest}, {max(found.lengths)} tokens")
    for limit, count in found.longer.items():
        if count:
            say(f"{count:,} are longer than {limit} tokens")
    rows = [
        [word.text, str(len(word.tokens)), " ".join(word.tokens), f"{word.captions:,}"]
        for word in found.words[:top]
    ]
    print_table(["word", "tokens", "as CLIP reads it", "captions"], rows, right=frozenset({1, 3}))
    if len(found.words) > top:
        say(f"… and {len(found.words) - top:,} more words; --top shows more")


def _spans(lengths: dict[int, int]) -> dict[str, int]:
    """Numbers of tokens in spans of the same width, at most ten of them."""
    low, high = min(lengths), max(lengths)
    width = max(1, -(-(high - low + 1) // 10))
    spans: dict[str, int] = {}
    for length, count in lengths.items():
        first = low + (length - low) // width * width
        name = str(first) if width == 1 else f"{first}–{first + width - 1}"
        spans[name] = spans.get(name, 0) + count
    return spans
