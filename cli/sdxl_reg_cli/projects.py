"""`sdxl-reg project` and `sdxl-reg log`: what belongs together, and who did what with it."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from sdxl_reg.catalog.references import MAIN
from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened

_Function = TypeVar("_Function", bound=Callable[..., Any])


def project_option(function: _Function) -> _Function:
    """Give a command that makes new things the option `--project`."""
    option = click.option(
        "--project",
        default=MAIN,
        show_default=True,
        envvar="SDXL_REG_PROJECT",
        help="Whose new things are.",
    )
    return option(function)


@click.group()
def project() -> None:
    """Projects: what belongs together, and is seen by those who have a role in it.

    A new thing belongs to `main`, or to the project of what it is made from. Everyone who has
    signed in reads `shared`: bases, above all.

    \b
    sdxl-reg project list
    sdxl-reg project move packaging image_set:weipin artifact:weipin-lora
    """


@project.command("list")
@json_option
def list_projects(as_json: bool) -> None:
    """List the projects, with how much each holds."""
    from sdxl_reg.catalog.access.projects import projects
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        found = projects(session)
    if as_json:
        print_json({"projects": found})
        return
    columns = ["Project", "Image sets", "Artifacts", "Runs", "Users"]
    rows = [[name, *map(str, counts.values())] for name, counts in found.items()]
    print_table(columns, rows, right=frozenset({1, 2, 3, 4}))


@project.command("move")
@click.argument("name")
@click.argument("references", nargs=-1, required=True, metavar="image_set:NAME|artifact:NAME ...")
@json_option
def move_things(name: str, references: tuple[str, ...], as_json: bool) -> None:
    """Put image sets and artifacts, with the runs that made them, into a project."""
    from sdxl_reg.catalog.access.projects import move
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        move(session, references, name)
    if as_json:
        print_json({"project": name, "moved": list(references)})
    else:
        say(f"{', '.join(references)}: now in {name}")


@click.command()
@click.option("--limit", type=click.IntRange(1, 500), default=30, show_default=True)
@json_option
def log(limit: int, as_json: bool) -> None:
    """Show what was done, and by whom, the newest last.

    \b
    sdxl-reg log
    sdxl-reg log --limit 500 --json
    """
    from sdxl_reg.catalog.audit import event_facts, events_page
    from sdxl_reg.catalog.paging import Slice
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        events = [event_facts(found) for found in events_page(session, Slice(limit=limit)).items]
    if as_json:
        print_json({"events": events})
        return
    rows = [
        [f"{line['at']:%Y-%m-%d %H:%M}", line["actor"] or "", line["verb"], line["subject"]]
        for line in reversed(events)
    ]
    print_table(["When (UTC)", "Who", "What", "Of what"], rows)
