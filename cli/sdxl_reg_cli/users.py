"""`sdxl-reg user`: who may do what on the server."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from sdxl_reg.vocabulary import Role
from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from sdxl_reg.tables import User

_ROLES = [role.value for role in Role]
_NOBODY = "none"


@click.group()
def user() -> None:
    """Users of the server, and what they may do.

    Without users, everybody on this machine may do everything, and the server listens nowhere else.
    From the first one on, an admin, everybody has to sign in. A reader looks and downloads; a
    writer edits tags, captions and crops, votes and chooses; a trainer starts work and withdraws
    versions; an admin does everything.

    \b
    sdxl-reg user add anna --admin
    sdxl-reg user add ben --role main=writer
    sdxl-reg user role ben packaging trainer
    """


@user.command("add")
@click.argument("name")
@click.option("--admin", is_flag=True, help="Of the whole registry.")
@click.option(
    "--role", "roles", multiple=True, metavar="PROJECT=ROLE", help="May be given several times."
)
@click.option("--no-password", is_flag=True, help="A program, which signs in with tokens only.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@json_option
def add(
    name: str,
    admin: bool,
    roles: tuple[str, ...],
    no_password: bool,
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Add a user. The first one has to be an admin."""
    from sdxl_reg.catalog.access.users import add_user, set_role, user_facts
    from sdxl_reg.store.database import transaction

    wanted = [_role_in(text) for text in roles]
    password = None if no_password else _password(name, from_stdin=password_stdin)
    with opened() as registry, transaction(registry.engine) as session:
        made = add_user(session, name, password=password, is_admin=admin)
        for project, role in wanted:
            set_role(session, made, project, role)
        document = user_facts(made)
    if as_json:
        print_json(document)
    else:
        say(f"Added {name}. A running server asks everybody to sign in from now on.")


@user.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List the users and their roles."""
    from sdxl_reg.catalog.access.users import user_facts, users
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        documents = [user_facts(found) for found in users(session)]
    if as_json:
        print_json({"users": documents})
        return
    rows = [[str(found["name"]), _may(found), _how(found)] for found in documents]
    print_table(["User", "May", "Signs in"], rows)
    if not documents:
        say("There are none: whoever is on this machine may do everything. See: sdxl-reg user -h")


@user.command("role")
@click.argument("name")
@click.argument("project")
@click.argument("role", type=click.Choice([*_ROLES, _NOBODY]))
@json_option
def give_role(name: str, project: str, role: str, as_json: bool) -> None:
    """Give a user a role in a project, or `none`."""
    from sdxl_reg.catalog.access.users import set_role

    wanted = None if role == _NOBODY else Role(role)
    _change(name, lambda session, found: set_role(session, found, project, wanted), as_json=as_json)


@user.command("admin")
@click.argument("name")
@click.option("--not", "is_taken", is_flag=True, help="No longer one.")
@json_option
def make_admin(name: str, is_taken: bool, as_json: bool) -> None:
    """Make a user an admin of the whole registry, or no longer one."""
    from sdxl_reg.catalog.access.users import set_admin

    _change(name, lambda session, found: set_admin(session, found, not is_taken), as_json=as_json)


@user.command("password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@json_option
def change_password(name: str, password_stdin: bool, as_json: bool) -> None:
    """Give a user another password; signs out their browsers."""
    from sdxl_reg.catalog.access.users import set_password

    password = _password(name, from_stdin=password_stdin)
    _change(name, lambda session, found: set_password(session, found, password), as_json=as_json)


@user.command("disable")
@click.argument("name")
@json_option
def disable(name: str, as_json: bool) -> None:
    """Shut a user out at once: browsers and tokens too. Nothing they did is lost."""
    from sdxl_reg.catalog.access.users import set_disabled

    _change(name, lambda session, found: set_disabled(session, found, True), as_json=as_json)


@user.command("enable")
@click.argument("name")
@json_option
def enable(name: str, as_json: bool) -> None:
    """Let a user in again."""
    from sdxl_reg.catalog.access.users import set_disabled

    _change(name, lambda session, found: set_disabled(session, found, False), as_json=as_json)


def _change(name: str, work: "Callable[[Session, User], None]", *, as_json: bool) -> None:
    """Change a user, and say what they may do then."""
    from sdxl_reg.catalog.access.users import find_user, user_facts
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        found = find_user(session, name)
        work(session, found)
        document = user_facts(found)
    if as_json:
        print_json(document)
    else:
        say(f"{name}: {_may(document)}; signs in {_how(document)}")


def _password(name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError(
            "there is nobody to ask for a password: give --password-stdin, or --no-password"
        )
    asked: str = click.prompt(
        f"Password for {name}", hide_input=True, confirmation_prompt=True, err=True
    )
    return asked


def _role_in(text: str) -> tuple[str, Role]:
    project, equals, role = text.partition("=")
    if not equals or role not in _ROLES:
        raise click.BadParameter(
            f"{text!r} is not PROJECT=ROLE; roles are {', '.join(_ROLES)}", param_hint="--role"
        )
    return project, Role(role)


def _may(document: Mapping[str, Any]) -> str:
    told = [f"{role} in {name}" for name, role in document["roles"].items()]
    return ", ".join((["everything"] if document["is_admin"] else []) + told) or "nothing yet"


def _how(document: Mapping[str, Any]) -> str:
    if document["is_disabled"]:
        return "not at all: shut out"
    return "with a password" if document["has_password"] else "with tokens only"
