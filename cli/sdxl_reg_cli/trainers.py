"""`sdxl-reg trainers`: which trainers there are, and what they can be told."""

from typing import Any

import click

from sdxl_reg_cli.console import json_option, print_json, print_table


@click.command()
@click.argument("name", required=False)
@json_option
def trainers(name: str | None, as_json: bool) -> None:
    """List the trainers; with a NAME, its settings with units, ranges and defaults."""
    if name:
        _show_settings(name, as_json=as_json)
    else:
        _list(as_json=as_json)


def _list(*, as_json: bool) -> None:
    from sdxl_reg.trainers.discovery import all_trainers

    working, broken = all_trainers()
    items = [{"name": t.name, "kind": str(t.kind), "summary": t.summary} for t in working]
    unusable = [{"name": b.name, "reason": b.reason} for b in broken]
    if as_json:
        print_json({"items": items, "broken": unusable})
        return
    rows = [[i["name"], i["kind"], i["summary"]] for i in items]
    rows += [[b["name"], "broken", b["reason"]] for b in unusable]
    print_table(["trainer", "makes", "what it does"], rows)


def _show_settings(name: str, *, as_json: bool) -> None:
    from sdxl_reg.trainers.discovery import find_trainer

    schema = find_trainer(name).config.model_json_schema()
    if as_json:
        print_json(schema)
        return
    rows = [
        [setting, str(facts.get("default", "")), _range(facts), facts.get("description", "")]
        for setting, facts in schema["properties"].items()
    ]
    print_table(["setting", "default", "range", "meaning"], rows)


def _range(facts: dict[str, Any]) -> str:
    """The bounds of a setting in words."""
    for option in facts.get("anyOf", [facts]):
        if "enum" in option:
            return " | ".join(map(str, option["enum"]))
        low = option.get("minimum", option.get("exclusiveMinimum"))
        high = option.get("maximum", option.get("exclusiveMaximum"))
        if low is not None or high is not None:
            return f"{'' if low is None else low} … {'' if high is None else high}".strip()
    return ""
