"""Alembic's entry: runs the migrations on the connection it is handed, or on the configured one."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import BigInteger, Enum

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


def _migrate(connection: Any) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,  # SQLite alters tables by copying them
        compare_type=True,
        render_item=_rendered,
    )
    with context.begin_transaction():
        context.run_migrations()


_given = context.config.attributes.get("connection")
if _given is not None:
    _migrate(_given)
    _given.commit()
else:
    with connect(Settings.from_environment().database_url).connect() as _connection:
        _migrate(_connection)
        _connection.commit()
