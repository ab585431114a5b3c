"""`sdxl-reg runs` and `sdxl-reg run`: what was run, how it stands, what it said."""

import click

from sdxl_reg.errors import NotFound
from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened


@click.command()
@json_option
def runs(as_json: bool) -> None:
    """List the runs, newest first; one whose process is gone shows as lost."""
    from sdxl_reg.catalog.runs import runs as all_runs
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        items = [
            {
                "id": run.id,
                "kind": str(run.kind),
                "state": str(run.state),
                "title": run.title,
                "created_at": run.created_at,
                "started_at": run.started_at,
                "finished_at": run.finished_at,
                "error": run.error,
            }
            for run in all_runs(session)
        ]
    if as_json:
        print_json({"items": items})
        return
    rows = [[str(i["id"]), str(i["state"]), str(i["title"]), str(i["error"] or "")] for i in items]
    print_table(["run", "state", "what", "error"], rows, right=frozenset({0}))


@click.group()
def run() -> None:
    """Show a run, end it, go on with one that was stopped, or read its log."""


@run.command()
@click.argument("run_id", type=int)
@json_option
def show(run_id: int, as_json: bool) -> None:
    """Show a run: its settings, what it took and gave, its last numbers."""
    from sdxl_reg.catalog.run_details import run_document
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        document = run_document(session, run_id)
    if as_json:
        print_json(document)
        return
    for name, value in document.items():
        if name not in ("metrics", "samples"):
            click.echo(f"{name:<12} {value}")
    for name, points in document["metrics"].items():
        step, value = points[-1]
        click.echo(f"{name:<12} {value:.6g} at step {step} ({len(points)} points)")


@run.command()
@click.argument("run_id", type=int)
@json_option
def resume(run_id: int, as_json: bool) -> None:
    """Go on with a training, a grid or a generation that was stopped; what it made stays.

    A training goes on from its last saved state, and ends with the same files, byte for byte, as if
    it had not been stopped. Drawing draws what is missing.

    \b
    Example:
      sdxl-reg run resume 3
    """
    from sdxl_reg.catalog.generations import PlannedGeneration
    from sdxl_reg.catalog.grids import PlannedGrid
    from sdxl_reg.catalog.work import planned_again
    from sdxl_reg_cli import generate, grid, train

    with opened() as registry:
        planned = planned_again(registry.engine, registry.store, registry.settings, run_id)
        if isinstance(planned, PlannedGrid):
            grid.work_on(registry, planned, out=None, as_json=as_json)
        elif isinstance(planned, PlannedGeneration):
            say(f"generation {planned.generation_id} goes on")
            generate.work_on(registry, planned, out=None, as_json=as_json)
        else:
            train.work_on(registry, planned, as_json=as_json)


@run.command()
@click.argument("run_id", type=int)
@json_option
def cancel(run_id: int, as_json: bool) -> None:
    """End a run, whoever works on it; what it made stays, and it can be resumed.

    One that waits ends at once, one at work when its process next says something.
    """
    from sdxl_reg.catalog.runs import cancel as cancel_run
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        found = cancel_run(session, run_id)
        document = {"id": found.id, "state": str(found.state)}
    if as_json:
        print_json(document)
        return
    say(f"run {run_id} is {document['state']}")


@run.command()
@click.argument("run_id", type=int)
def logs(run_id: int) -> None:
    """Print what the process of a run wrote."""
    from sdxl_reg.catalog.runs import find_run
    from sdxl_reg.store.database import reading

    with opened() as registry:
        with reading(registry.engine) as session:
            find_run(session, run_id)
        path = registry.settings.runs_path / str(run_id) / "log.txt"
        if not path.is_file():
            raise NotFound("log", path, remedy="The run has not started on this machine")
        click.echo(path.read_text(encoding="utf-8", errors="replace"), nl=False)
