"""What every table shares: the declarative base, key and time types."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, DateTime, Enum, Integer, MetaData, String
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

_KEY = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only as INTEGER
_WORD = Enum(  # a closed word is kept as its text: a new one needs no migration
    StrEnum,
    native_enum=False,
    length=16,
    validate_strings=True,
    values_callable=lambda words: [word.value for word in words],
)


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


class Moment(TypeDecorator[datetime]):
    """An aware UTC time; SQLite, which has no zones, keeps it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The value in UTC, as every database takes it.

        Raises:
            ValueError: It has no zone.
        """
        if value is not None and value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value}")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The value with its zone, also where the database dropped it."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


Key = Annotated[int, mapped_column(_KEY, primary_key=True, autoincrement=True)]
Name = Annotated[str, mapped_column(String(255))]
Digest = Annotated[str, mapped_column(String(64))]
Document = Annotated[dict[str, Any], mapped_column(JSON)]
Project = Annotated[str, mapped_column(String(64), default="main")]  # whose it is
Created = Annotated[datetime, mapped_column(Moment, default=now)]


class Base(DeclarativeBase):
    """The base of every table; constraints have names so that migrations can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this class attribute
        int: _KEY,
        StrEnum: _WORD,
    }
