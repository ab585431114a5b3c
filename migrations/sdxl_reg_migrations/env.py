"""Alembic's entry: runs the migrations on the connection it is handed, or on the configured one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from alembic import context
from sqlalchemy import BigInteger, Enum

from sdxl_reg.errors import Corrupt
from sdxl_reg.settings import Settings
from sdxl_reg.store.database import connect
from sdxl_reg.tables import Base
from sdxl_reg.tables.base import Moment


def _rendered(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """How a column type is written in a migration; ours as what the database knows."""
    if kind == "type" and isinstance(item, Moment):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, BigInteger) and item._variant_mapping:
        return "KEY"  # script.py.mako defines it
    if kind == "type" and isinstance(item, Enum):
        return f"sa.String(length={item.length})"
    return False


@contextmanager
def _tables_replaced(connection: Any) -> Iterator[None]:
    """SQLite alters a table by dropping the old one, which rows that point at it would forbid.

    Foreign keys are therefore not looked at meanwhile, and checked before the end.
    """
    if connection.dialect.name != "sqlite":
        yield
        connection.commit()
        return
    own = connection.connection.driver_connection  # the setting counts only before a transaction
    own.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        connection.commit()
    finally:
        connection.rollback()
        own.execute("PRAGMA foreign_keys=ON")


def _require_whole(connection: Any) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        path = connection.engine.url.database
        raise Corrupt(path, f"rows of {tables} point at nothing", remedy="Take a backup")


def _migrate(connection: Any) -> None:
    with _tables_replaced(connection):
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,  # SQLite alters tables by copying them
            compare_type=True,
            render_item=_rendered,
            transactional_ddl=True,  # SQLite's is, where Python's driver does not interfere
        )
        with context.begin_transaction():
            context.run_migrations()
            _require_whole(connection)


_given = context.config.attributes.get("connection")
if _given is not None:
    _migrate(_given)
else:
    with connect(Settings.from_environment().database_url).connect() as _connection:
        _migrate(_connection)
