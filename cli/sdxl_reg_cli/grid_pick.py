"""`sdxl-reg grid pick` and `grid vote`: what people say of a grid."""

from pathlib import Path
from typing import Any

import click

from sdxl_reg_cli.console import json_option, print_json, say
from sdxl_reg_cli.installation import opened
from sdxl_reg_cli.voting import EXAMPLES, Pair, ask, show_ranking


@click.command(
    epilog="""\b
Examples:
  sdxl-reg grid pick 3 --cell 17 --reason "the print is sharpest"
  sdxl-reg grid pick 3 --by-scores
"""
)
@click.argument("number", type=int)
@click.option("--cell", type=int, help="Position of a cell, as pages and tables show it.")
@click.option("--reason", default="", help="Why; it is recorded.")
@click.option("--by-scores", is_flag=True, help="Let the scores decide again.")
@json_option
def pick(number: int, cell: int | None, reason: str, by_scores: bool, as_json: bool) -> None:
    """Choose a cell's version and strength as @best yourself; scores do not overrule it later."""
    from sdxl_reg.catalog.grid_results import pick_again_by_scores, pick_by_person
    from sdxl_reg.catalog.grids import find_grid
    from sdxl_reg.errors import UsageError
    from sdxl_reg.store.database import transaction

    if by_scores == (cell is not None):
        raise UsageError("nothing to choose", remedy="Give --cell POSITION, or --by-scores")
    with opened() as registry, transaction(registry.engine) as session:
        found = find_grid(session, number)
        if cell is None:
            pick_again_by_scores(session, found)
        else:
            pick_by_person(session, found, cell, reason)
        best = found.best_version
        document = {
            "grid": number,
            "ref": f"{found.artifact.name}@{best.version}" if best else None,
            "strength": found.best_strength,
            "reason": found.reason,
        }
    if as_json:
        print_json(document)
    elif document["ref"]:
        say(f"{document['ref']} at strength {document['strength']:g}: {document['reason']}")
    else:
        say(f"No pick: {document['reason']}")


@click.command(epilog=EXAMPLES)
@click.argument("number", type=int)
@click.option("--ranking", is_flag=True, help="Ask nothing; show the ranking.")
@click.option(
    "--pair",
    type=click.Path(path_type=Path),
    help="File that the pairs are written to. [default: vote.png in the home]",
)
@json_option
def vote(number: int, ranking: bool, pair: Path | None, as_json: bool) -> None:
    """Compare pictures of a grid two at a time, without seeing which is which.

    Each pair has the same prompt and seed. The ranking is by Bradley and Terry (1952).
    """
    from sdxl_reg.catalog.votes import next_vote, ranking_of, record_vote
    from sdxl_reg.store.database import reading, transaction

    with opened() as registry:

        def upcoming() -> Pair:
            with reading(registry.engine) as session:
                left, right = next_vote(session, number)
                digests = [side.blob.sha256 for side in (left, right) if side.blob]
                one, other = (registry.store.path(digest) for digest in digests)
                return Pair(
                    positions=(left.position, right.position),
                    pictures=(one, other),
                    said=f"{left.prompt}, seed {left.seed}",
                )

        def keep(said: dict[str, Any]) -> None:
            with transaction(registry.engine) as session:
                record_vote(session, number, **said)

        if not ranking and not as_json:
            ask(upcoming, keep, pair or registry.settings.home / "vote.png")
        with reading(registry.engine) as session:
            found = ranking_of(session, number)
    show_ranking(found, as_json=as_json)
