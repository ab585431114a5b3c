"""Opening the registry of this installation: settings, database and store at once."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from sdxl_reg.catalog.audit import acting_as
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, prepare


@dataclass(frozen=True, kw_only=True)
class Installation:
    """An opened registry.

    Attributes:
        settings: Where it lies.
        engine: Its database, with its tables in place.
        store: Its blobs.
    """

    settings: Settings
    engine: Engine
    store: BlobStore


@contextmanager
def opened() -> Iterator[Installation]:
    """The registry the environment names; made on first use, cleared of what a crash left.

    Raises:
        InvalidValue: The environment names no database or store that we know.
        NotFound: Its database does not answer.
        Conflict: Its database is of another release.
    """
    settings = Settings.from_environment()
    settings.home.mkdir(parents=True, exist_ok=True)
    engine = connect(settings.database_url)
    store = BlobStore(settings.store_path)
    try:
        prepare(engine)
        store.sweep()
        with acting_as(_who()):
            yield Installation(settings=settings, engine=engine, store=store)
    finally:
        engine.dispose()


def _who() -> str:
    """The user of this machine, as the log has it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return f"user {os.getuid()}"
