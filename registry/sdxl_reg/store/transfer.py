"""All rows of a registry from one database into another, SQLite and PostgreSQL alike.

So a backup of either is one SQLite file, and a registry moves from one to the other with it.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import JSON, Connection, MetaData, Table, func, insert, select, text

from sdxl_reg.tables import Base

_PORTION = 1000


def is_empty(connection: Connection) -> bool:
    """Whether no table has a row."""
    return not any(
        connection.execute(select(1).select_from(table).limit(1)).first()
        for table in Base.metadata.sorted_tables
    )


def copy_rows(source: Connection, target: Connection) -> dict[str, int]:
    """Copy every row, in an order in which each row comes after those it points at.

    Args:
        source: Sees one state for as long as this takes.
        target: With the same tables, all empty, in a transaction.

    Returns:
        Table → rows.
    """
    counts: dict[str, int] = {}
    if target.dialect.name == "sqlite":
        target.execute(text("PRAGMA defer_foreign_keys=ON"))  # rows of one table among themselves
    for table in _plain_tables():
        counts[table.name] = 0
        for rows in _rows(source, table):
            target.execute(insert(table), rows)
            counts[table.name] += len(rows)
        if target.dialect.name == "postgresql" and "id" in table.columns:
            _go_on_counting(target, table)
    return counts


def _plain_tables() -> list[Table]:
    """The tables, with documents that are not there read and written as what they are: NULL."""
    apart = MetaData()
    tables = [table.to_metadata(apart) for table in Base.metadata.sorted_tables]
    for table in tables:
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type = JSON(none_as_null=True)
    return tables


def _rows(source: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    """The rows, parents first: a tag may have been moved below a younger one, nothing else."""
    order = [table.c.depth] if "parent_id" in table.c and "depth" in table.c else []
    query = select(table).order_by(*order, *table.primary_key.columns)
    streamed = source.execution_options(yield_per=_PORTION).execute(query)
    for rows in streamed.mappings().partitions():
        yield [dict(row) for row in rows]


def _go_on_counting(target: Connection, table: Table) -> None:
    """Have PostgreSQL number the next row after those that came with their numbers."""
    sequence = func.pg_get_serial_sequence(table.name, "id")
    last = target.scalar(select(func.max(table.c.id)))
    if last is not None:
        target.execute(select(func.setval(sequence, last)))
