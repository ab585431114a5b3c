"""The command `sdxl-reg`: imports only the subcommand that is called, turns errors into exits."""

import importlib
import sys
from collections.abc import Sequence

import click

from sdxl_reg import __version__
from sdxl_reg.errors import NO_ROOM, InvalidValue, OutOfSpace, RegistryError, suggestion
from sdxl_reg.settings import Settings
from sdxl_reg_cli.console import show_error

COMMANDS = {
    "ingest": ("ingest:ingest", "Record folders of pictures as image sets."),
    "images": ("images:images", "List the image sets, or the images of one."),
    "tags": ("tags:tags", "Show the tag tree of an image set, or edit tags."),
    "captions": ("captions:captions", "Show or change captions."),
    "crops": ("crops:crops", "Show or choose which part of each picture is trained."),
    "captioners": ("captioners:captioners", "List the models that caption pictures."),
    "datasets": ("datasets:datasets", "List the frozen datasets."),
    "dataset": ("datasets:dataset", "Freeze, show, compare, export or import a dataset."),
    "balance": ("balance:balance", "Show how many pictures each tag has, and suggest repeats."),
    "duplicates": ("duplicates:duplicates", "Show pictures that are the same or nearly so."),
    "embed": ("search:embed", "Have a CLIP look at the pictures of a set, to search them."),
    "search": ("search:search", "Find pictures by words, or by what they look like."),
    "trainers": ("trainers:trainers", "List the trainers and their settings."),
    "train": ("train:train", "Train an artifact on a dataset."),
    "runs": ("runs:runs", "List the runs."),
    "run": ("runs:run", "Show, end or go on with a run, or read its log."),
    "artifacts": ("artifacts:artifacts", "List the artifacts and their versions."),
    "artifact": (
        "artifacts:artifact",
        "Show, compare, import, export or withdraw versions.",
    ),
    "generate": ("generate:generate", "Draw pictures of prompts."),
    "generations": ("generate:generations", "List what was drawn of prompts."),
    "grid": ("grid:grid", "Compare versions by strengths, score them, pick the best."),
    "grids": ("grid:grids", "List the grids."),
    "metrics": ("metrics:metrics", "List the scores of grid cells."),
    "evaluate": ("evaluate:evaluate", "Test whether synthetic pictures pay, on real ones."),
    "lineage": ("lineage:lineage", "Show what something was made from, and what from it."),
    "serve": ("serve:serve", "Serve the REST API and the pages."),
    "user": ("users:user", "Say who may do what on the server."),
    "token": ("tokens:token", "Make and revoke tokens, with which programs act for users."),
    "project": ("projects:project", "List the projects, or put things into one."),
    "log": ("projects:log", "Show what was done, and by whom."),
    "db": ("db:db", "Create or upgrade the database."),
    "fsck": ("fsck:fsck", "Compare rows with bytes and what is derived; mend it."),
    "gc": ("gc:gc", "Remove bytes that nothing needs."),
    "backup": ("backup:backup", "Write the whole registry into one file."),
    "restore": ("backup:restore", "Fill an empty registry from such a file."),
    "doctor": ("doctor:doctor", "Say what is installed, where things lie and what is missing."),
}


REMOTE = {
    "ingest": "ingest:ingest",
    "images": "browse:images",
    "tags": "tags:tags",
    "captions": "captions:captions",
    "crops": "crops:crops",
    "datasets": "datasets:datasets",
    "dataset": "datasets:dataset",
    "train": "runs:train",
    "runs": "runs:runs",
    "run": "runs:run",
    "artifacts": "artifacts:artifacts",
    "artifact": "artifacts:artifact",
    "generate": "generate:generate",
    "generations": "generate:generations",
    "grid": "grids:grid",
    "grids": "grids:grids",
    "lineage": "browse:lineage",
    "project": "browse:project",
    "log": "browse:log",
}
"""What can be asked of a server, and where it is done then."""


class LazyGroup(click.Group):
    """A group that imports a subcommand only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        place = COMMANDS[cmd_name][0]
        if ctx.params.get("server"):
            place = f"remote.{_remote_place(ctx, cmd_name)}"
        module, attribute = place.split(":")
        command: click.Command = getattr(
            importlib.import_module(f"sdxl_reg_cli.{module}"), attribute
        )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with near names when there is no such command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(
                f"no such command: {args[0]!r}. {suggestion(args[0], COMMANDS)}", ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _remote_place(ctx: click.Context, command: str) -> str:
    if command not in REMOTE:
        raise click.UsageError(
            f"{command!r} is done where the registry lies, and not with --server. A server does: "
            + ", ".join(REMOTE),
            ctx,
        )
    return REMOTE[command]


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command takes --json: one JSON document on stdout, everything else on stderr.",
)
@click.option(
    "--server",
    metavar="URL",
    envvar="SDXL_REG_SERVER",
    help="Ask this server, and not the registry of this machine; its token is SDXL_REG_TOKEN.",
)
@click.version_option(__version__, prog_name="sdxl-reg")
def cli(server: str | None) -> None:
    """Image sets and trained Stable Diffusion XL artifacts, with their lineage.

    \b
    sdxl-reg ingest products/                each first-level folder becomes an image set
    sdxl-reg train lora --dataset weipin     freezes weipin@1, trains, yields weipin-lora@1 …
    sdxl-reg grid weipin-lora                versions × strengths, scored; picks weipin-lora@best
    sdxl-reg lineage weipin-lora@best        what it was made from, down to the pictures
    sdxl-reg serve                           REST API and pages over all of it
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: with 0, the code of the error, or 130 when interrupted."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        result = cli.main(args=arguments, prog_name="sdxl-reg", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = context.command_path if context else "sdxl-reg"
        show_error("usage", error.format_message(), as_json=as_json, hint=f"Try: {hint} --help")
        return 2
    except (click.Abort, KeyboardInterrupt):
        show_error(
            "interrupted",
            "interrupted",
            as_json=as_json,
            hint="What was finished is kept; run the same command again to go on",
        )
        return 130
    except RegistryError as error:
        show_error(error.code, error.message, as_json=as_json, hint=error.remedy)
        return error.exit_code
    except OSError as error:
        known = _known(error)
        show_error(known.code, known.message, as_json=as_json, hint=known.remedy)
        return known.exit_code
    return result if isinstance(result, int) else 0


def _known(error: OSError) -> RegistryError:
    """What the operating system refused, in the words of our own errors."""
    place = error.filename or Settings.from_environment().home
    if error.errno in NO_ROOM:
        return OutOfSpace(place)
    return InvalidValue(
        f"cannot use {place}", error.strerror or error, remedy="Check that it exists and is yours"
    )
