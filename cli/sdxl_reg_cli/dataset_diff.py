"""`sdxl-reg dataset diff`: what changed between two dataset versions."""

from typing import TYPE_CHECKING, Any

import click

from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sdxl_reg.catalog.dataset_diff import Change, DatasetDiff, Picture

_SHOWN = 20
_STYLES = {"removed": ("red", "[-{}-]"), "added": ("green", "{{+{}+}}")}


@click.command()
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="[AFTER]", required=False)
@json_option
def diff(before: str, after: str | None, as_json: bool) -> None:
    """Show what changed between two dataset versions, of one dataset or of two.

    With one of them, what changed to it from the one before.

    A picture is recognised by its bytes, so that a renamed file is the same picture. What was taken
    out of a caption stands in [-…-], what was put in in {+…+}.

    \b
    Examples:
      sdxl-reg dataset diff weipin
      sdxl-reg dataset diff weipin@1 weipin@2
      sdxl-reg dataset diff weipin@2 weipin-spots@1 --json
    """
    from sdxl_reg.catalog.dataset_diff import diff_references
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = diff_references(session, after or before, before if after else None)
    if as_json:
        print_json(_document(found))
        return
    _show(found)


def _show(found: "DatasetDiff") -> None:
    sections = {
        "added": [picture.path for picture in found.added],
        "removed": [picture.path for picture in found.removed],
    } | {name: [_line(name, change) for change in some] for name, some in found.changes.items()}
    for name, lines in sections.items():
        if lines:
            click.echo(f"{name}: {len(lines)}")
            for line in lines[:_SHOWN]:
                click.echo(f"  {line}")
            if len(lines) > _SHOWN:
                click.echo(f"  and {len(lines) - _SHOWN} more; --json gives all")
    say(f"{found.before} → {found.after}: {found.unchanged} pictures are the same")


def _line(name: str, change: "Change") -> str:
    before, after = change.before, change.after
    match name:
        case "renamed":
            return f"{before.path} → {after.path}"
        case "retagged":
            return f"{after.path}: {', '.join(before.tags)} → {', '.join(after.tags)}"
        case "recaptioned":
            words = (_styled(part.kind, part.text) for part in change.words)
            return f"{after.path}: {''.join(words)}"
        case "moved":
            return f"{after.path}: {before.split} → {after.split}"
        case "recropped":
            return f"{after.path}: {_crop(before)} → {_crop(after)}"
        case "repeated":
            return f"{after.path}: {before.repeats} → {after.repeats}"
    return after.path


def _styled(kind: str, text: str) -> str:
    if kind not in _STYLES:
        return text
    colour, form = _STYLES[kind]
    return click.style(form.format(text), fg=colour)


def _crop(picture: "Picture") -> str:
    return " ".join(f"{side:.3g}" for side in picture.crop) if picture.crop else "all of it"


def _document(found: "DatasetDiff") -> dict[str, Any]:
    return {
        "before": found.before,
        "after": found.after,
        "unchanged": found.unchanged,
        "added": [_picture(picture) for picture in found.added],
        "removed": [_picture(picture) for picture in found.removed],
    } | {name: [_change(name, change) for change in some] for name, some in found.changes.items()}


def _change(name: str, change: "Change") -> dict[str, Any]:
    document: dict[str, Any] = {"before": _picture(change.before), "after": _picture(change.after)}
    if name == "recaptioned":
        document["words"] = [vars(part) for part in change.words]
    return document


def _picture(picture: "Picture") -> dict[str, Any]:
    return {
        "path": picture.path,
        "sha256": picture.sha256,
        "tags": picture.tags,
        "caption": picture.caption,
        "split": picture.split,
        "repeats": picture.repeats,
        "crop": picture.crop,
    }
