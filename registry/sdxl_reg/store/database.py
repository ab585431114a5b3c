"""The database: engine, sessions, and bringing its tables up to date."""

import importlib.resources
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session

from sdxl_reg.errors import Conflict, InvalidValue, NotFound, OutOfSpace

# Named, not imported: the migrations stand above the store and import it.
MIGRATIONS = "sdxl_reg_migrations"
_UPGRADE_LOCK = 0x5D_71_2E_60  # any number, as long as every release locks the same one


def connect(url: str) -> Engine:
    """An engine for the database at a URL; SQLite gets its folder, WAL and foreign keys.

    Args:
        url: A SQLAlchemy URL: `sqlite:///file`, `postgresql://…` (through psycopg 3).

    Returns:
        The engine. No connection is made yet.

    Raises:
        InvalidValue: It is not such a URL, or its driver is not installed.
    """
    try:
        parsed = _with_driver(make_url(url))
        engine = create_engine(parsed, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except (ArgumentError, ModuleNotFoundError) as error:
        raise InvalidValue(
            f"SDXL_REG_DATABASE_URL cannot be used ({error})",
            url,
            remedy="Give sqlite:///FILE, or postgresql://USER@HOST/NAME (pip install "
            "'sdxl-reg[postgresql]')",
        ) from error
    if engine.dialect.name == "sqlite":
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A session whose changes are committed at the end, or not at all.

    On SQLite it is the only writer from its first statement on: one that reads, and writes later,
    would otherwise be refused when another has written in between. Others wait for up to 30 s.

    Raises:
        OutOfSpace: The disk of the database is full; nothing was changed.
    """
    try:
        with (
            Session(_for_writing(engine), expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
    except OperationalError as error:
        if _is_disk_full(error):
            raise OutOfSpace(engine.url.database or "the database") from error
        raise


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that sees one state of the database and holds nobody up; changes are dropped."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database for as long as it is open."""
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, connection.begin():
        yield connection


def folded(text: str) -> str:
    """The form under which texts are searched whatever their case: NFC, casefolded.

    SQLite calls it `casefold`; of its own it knows the case of a to z only.
    """
    return unicodedata.normalize("NFC", text.casefold())


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the tables to a revision of the migration history (the newest by default)."""
    from alembic import command  # takes 0.3 s to import: only when it is needed

    with _for_writing(engine).connect() as connection:
        _lock_out_others(connection)
        command.upgrade(_alembic(connection), revision)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take the tables back to an older revision (to none at all by default)."""
    from alembic import command

    with _for_writing(engine).connect() as connection:
        _lock_out_others(connection)
        command.downgrade(_alembic(connection), revision)


def prepare(engine: Engine) -> None:
    """Create the tables of a new database; refuse one whose tables are of another revision.

    Raises:
        NotFound: The database does not answer.
        Conflict: The database was made by another release of sdxl-reg.
    """
    try:
        found, wanted = _revision(engine), newest_revision()
    except OperationalError as error:
        raise NotFound(
            "database",
            engine.url.render_as_string(),
            remedy=f"Start it, or set SDXL_REG_DATABASE_URL ({str(error.orig).strip()})",
        ) from error
    if found is None:
        upgrade(engine)
    elif found != wanted:
        raise Conflict(
            f"the database is at revision {found}, this release needs {wanted}",
            remedy="Back it up and run: sdxl-reg db upgrade"
            if found < wanted
            else "Install the release of sdxl-reg that made it, or a newer one",
        )


def is_current(engine: Engine) -> bool:
    """Whether the database has the tables of this release; raises where it does not answer."""
    return _revision(engine) == newest_revision()


def _is_disk_full(error: OperationalError) -> bool:
    """SQLite says so in words, PostgreSQL by its code for `disk_full`."""
    return "disk is full" in str(error.orig) or getattr(error.orig, "sqlstate", "") == "53100"


def _with_driver(url: URL) -> URL:
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _for_writing(engine: Engine) -> Engine:
    return engine.execution_options(writes=True)


def _lock_out_others(connection: Connection) -> None:
    """Two that upgrade one database at once do so one after the other, the second to no effect."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})


def _revision(engine: Engine) -> str | None:
    """The revision of the tables; none when there are none."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def newest_revision() -> str:
    """The newest revision, read from the file names so that alembic need not be imported."""
    files = (importlib.resources.files(MIGRATIONS) / "versions").iterdir()
    return max(file.name.split("_")[0] for file in files if file.name[:1].isdigit())


def _alembic(connection: Any) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", f"{MIGRATIONS}:")
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
    connection.create_function("casefold", 1, _folded_or_none, deterministic=True)


def _folded_or_none(text: str | None) -> str | None:
    return None if text is None else folded(text)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
