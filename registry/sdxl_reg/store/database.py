"""The database: engine, sessions, and bringing its tables up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from sdxl_reg.errors import Conflict


def connect(url: str) -> Engine:
    """An engine for the database at a URL; SQLite gets its folder, WAL and foreign keys.

    Args:
        url: A SQLAlchemy URL: `sqlite:///file`, `postgresql://…` (through psycopg 3).

    Returns:
        The engine. No connection is made yet.
    """
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose changes are committed at the end, or not at all."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to a revision of the migration history (the newest by default)."""
    from alembic import command  # takes 0.3 s to import: only when it is needed

    with engine.connect() as connection:
        command.upgrade(_alembic(connection), revision)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take the tables back to an older revision (to none at all by default)."""
    from alembic import command

    with engine.connect() as connection:
        command.downgrade(_alembic(connection), revision)


def prepare(engine: Engine) -> None:
    """Create the tables of a new database; refuse one whose tables are of another revision.

    Raises:
        Conflict: The database was made by another release of sdxl-reg.
    """
    if not inspect(engine).has_table("alembic_version"):
        upgrade(engine)
        return
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    wanted = _newest_revision()
    if found != wanted:
        raise Conflict(
            f"the database is at revision {found}, this release needs {wanted}",
            remedy="Back it up and run: sdxl-reg db upgrade",
        )


def _newest_revision() -> str:
    """The newest revision, read from the file names so that alembic need not be imported."""
    import sdxl_reg_migrations

    folder = Path(sdxl_reg_migrations.__file__).parent / "versions"
    return max(path.name.split("_")[0] for path in folder.glob("[0-9]*.py"))


def _alembic(connection: Any) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "sdxl_reg_migrations:")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves, see below
    for pragma in (
        "foreign_keys=ON",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "busy_timeout=30000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
