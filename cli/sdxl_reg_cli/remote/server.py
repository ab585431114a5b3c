"""The server that the commands ask: its address from `--server`, the token from the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg.errors import InvalidValue
from sdxl_reg_cli.console import print_json, print_table

if TYPE_CHECKING:
    from sdxl_reg.client import Client

TOKEN = "SDXL_REG_TOKEN"  # noqa: S105 - a name


@contextmanager
def connected() -> Iterator["Client"]:
    """A client of the server that the command line names.

    Raises:
        InvalidValue: It is no address of a server.
    """
    from sdxl_reg.client import Client

    server = click.get_current_context().find_root().params["server"]
    with Client(server, os.environ.get(TOKEN, "")) as client:
        yield client


def parted(reference: str) -> tuple[str, str]:
    """The name of a reference, and which of its versions, as addresses have them.

    Raises:
        InvalidValue: It does not say which version.
    """
    name, at, which = reference.partition("@")
    if not at or not which:
        raise InvalidValue(
            "which version", reference, remedy=f"Write {name}@NUMBER or {name}@ALIAS"
        )
    return name, which


def show_list(
    client: "Client", *parts: str, columns: dict[str, str], limit: int, as_json: bool, **query: Any
) -> None:
    """Print a list of the server.

    Args:
        client: The server.
        *parts: Of the address.
        columns: Heading → member of each item.
        limit: How many at most.
        as_json: Whether as the API has them.
        **query: What is asked besides.
    """
    found = list(islice(client.items(*parts, **query, limit=min(limit, 500)), limit))
    if as_json:
        print_json({"items": found})
        return
    rows = [[_cell(item.get(member)) for member in columns.values()] for item in found]
    print_table(list(columns), rows)


def show_changes(image_set: str, *, of: str, limit: int, as_json: bool) -> None:
    """Print what was changed of a set of the server, the newest first.

    Args:
        image_set: Its name.
        of: tags, captions or crops.
        limit: How many at most.
        as_json: Whether as the API has them.
    """
    with connected() as client:
        found = client.get("image-sets", image_set, "changes", of=of, limit=limit)
    if as_json:
        print_json({"items": found["items"]})
        return
    rows = [
        [
            one["created_at"][:16].replace("T", " "),
            one["summary"],
            one["author"] or "",
            (one["undone_at"] or "")[:16].replace("T", " "),
        ]
        for one in found["items"]
    ]
    print_table(["when", "what", "who", "undone"], rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
