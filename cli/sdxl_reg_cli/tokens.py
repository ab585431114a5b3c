"""`sdxl-reg token`: secrets with which programs act for users."""

from datetime import datetime

import click

from sdxl_reg.vocabulary import Role
from sdxl_reg_cli.console import json_option, print_json, print_table, say
from sdxl_reg_cli.installation import opened

_ROLES = [role.value for role in Role]


@click.group()
def token() -> None:
    """Tokens, with which programs act for a user.

    \b
    sdxl-reg token create ben "WebUI in the studio"
    sdxl-reg token create ci "nightly training" --role trainer --project packaging --days 365
    curl -H "Authorization: Bearer sdxlreg_…" http://…/api/v1/artifacts
    """


@token.command("create")
@click.argument("name")
@click.argument("purpose")
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default=Role.READER.value,
    show_default=True,
    help="The most it may do.",
)
@click.option("--project", help="The only project it acts in.  [default: all of the user's]")
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True)
@click.option("--forever", is_flag=True, help="It never expires.")
@json_option
def create(
    name: str,
    purpose: str,
    role: str,
    project: str | None,
    days: int,
    forever: bool,
    as_json: bool,
) -> None:
    """Make a token for a user; it is printed this once."""
    from sdxl_reg.catalog.access.credentials import issue_token
    from sdxl_reg.catalog.access.users import find_user
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        found = find_user(session, name)
        issued = issue_token(
            session,
            found,
            purpose,
            role=Role(role),
            project=project,
            days=None if forever else days,
        )
        number, expires = issued.token.id, issued.token.expires_at
    if as_json:
        print_json({"id": number, "secret": issued.secret, "expires_at": expires})
        return
    say(f"Token {number}; nobody can read it again:")
    click.echo(issued.secret)


@token.command("list")
@json_option
def list_tokens(as_json: bool) -> None:
    """List all tokens, without their secrets."""
    from sdxl_reg.catalog.access.credentials import token_facts, tokens
    from sdxl_reg.store.database import reading

    with opened() as registry, reading(registry.engine) as session:
        documents = [token_facts(found) for found in tokens(session)]
    if as_json:
        print_json({"tokens": documents})
        return
    rows = [
        [
            str(found["id"]),
            str(found["user"]),
            str(found["name"]),
            f"{found['role']} in {found['project'] or 'all of theirs'}",
            "revoked" if found["revoked_at"] else _day(found["expires_at"]),
            _day(found["used_at"]),
        ]
        for found in documents
    ]
    print_table(["Token", "User", "For", "At most", "Expires", "Last used"], rows)


@token.command("revoke")
@click.argument("number", type=int)
@json_option
def revoke(number: int, as_json: bool) -> None:
    """Have a token open nothing from now on."""
    from sdxl_reg.catalog.access.credentials import find_token, revoke_token, token_facts
    from sdxl_reg.store.database import transaction

    with opened() as registry, transaction(registry.engine) as session:
        found = find_token(session, number)
        revoke_token(session, found)
        document = token_facts(found)
    if as_json:
        print_json(document)
    else:
        say(f"Token {number} opens nothing any more.")


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d}"
