"""A run of a server, shown until it has ended; and how a command ends then."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from sdxl_reg_cli.console import end_with, progress_bar, say

if TYPE_CHECKING:
    from sdxl_reg.client import Client

INTERRUPTED = 130

detach_option = click.option(
    "--detach", is_flag=True, help="Do not wait until it has ended; an interrupt leaves it running."
)


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A run that has ended.

    Attributes:
        run_id: Its number.
        state: How it has ended.
        error: Why, where it did not succeed.
        given: What it gave: `artifact:weipin-lora@3`, `grid:3`, `generation:7`.
    """

    run_id: int
    state: str
    error: str
    given: list[str] = field(default_factory=list)

    def given_of(self, kind: str) -> list[str]:
        """What it gave of a kind, without the word for it."""
        return [ref.removeprefix(f"{kind}:") for ref in self.given if ref.startswith(f"{kind}:")]


def followed(client: "Client", run_id: int) -> Followed:
    """Show how a run goes, until it has ended.

    Args:
        client: The server.
        run_id: Its number.

    Raises:
        RegistryError: What the server refuses.
        NotReady: It does not answer any more.
    """
    from sdxl_reg.client.events import run_events

    given: list[str] = []
    state, error = "", ""
    with progress_bar() as advance:
        for event in run_events(client, run_id):
            if event.name == "progress":
                loss = event.data["loss"]
                note = "" if loss is None else f"loss {loss:.4f}"
                advance(event.data["done"], event.data["total"], event.data["what"], note)
            elif event.name == "message":
                say(event.data["text"])
            elif event.name in ("version", "grid", "generation"):
                given.append(event.data["ref"])
            elif event.name == "state":
                state, error = event.data["state"], event.data["error"] or ""
    return Followed(run_id=run_id, state=state, error=error, given=list(dict.fromkeys(given)))


def end_as(run: Followed, *, as_json: bool) -> None:
    """End a command as the same work on this machine would have ended it.

    Args:
        run: What was followed.
        as_json: Whether its document was printed, which tells of the end itself.

    Raises:
        RunFailed: It failed, or its server was lost.
        Exit: It was ended by somebody.
    """
    from sdxl_reg.errors import RunFailed

    if run.state in ("failed", "lost"):
        remedy = f"Its log: sdxl-reg run logs {run.run_id}"
        fault = run.error or "it did not say why"
        end_with(RunFailed(run.run_id, fault, remedy=remedy), as_json=as_json)
    if run.state == "cancelled":
        say(f"run {run.run_id} was ended; go on with it: sdxl-reg run resume {run.run_id}")
        raise click.exceptions.Exit(INTERRUPTED)
