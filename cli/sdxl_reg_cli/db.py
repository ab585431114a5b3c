"""`sdxl-reg db`: the tables of the database."""

import click

from sdxl_reg.settings import Settings
from sdxl_reg_cli.console import say


@click.group()
def db() -> None:
    """Bring the tables of the database up to date."""


@db.command()
def upgrade() -> None:
    """Bring the tables to this release; nothing happens when they are."""
    from sdxl_reg.store.database import connect, upgrade

    url = Settings.from_environment().database_url
    engine = connect(url)
    upgrade(engine)
    say(f"{engine.url.render_as_string(hide_password=True)} is up to date")
    engine.dispose()
