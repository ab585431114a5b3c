import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from sdxl_reg.store.database import connect, reading, transaction
from sdxl_reg.tables import Blob, Member


def blob(number: int) -> Blob:
    return Blob(sha256=f"{number:064x}", size_bytes=number)


def count(engine: Engine) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(Blob)) or 0


def test_a_transaction_is_kept_whole(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add_all([blob(1), blob(2)])
    assert count(engine) == 2


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(blob(1))
    with pytest.raises(IntegrityError), transaction(engine) as session:
        session.add_all([blob(2), blob(1)])
    assert count(engine) == 1


def test_what_is_changed_while_reading_is_dropped(engine: Engine) -> None:
    with reading(engine) as session:
        session.add(blob(1))
        session.flush()
    assert count(engine) == 0


def test_foreign_keys_hold(engine: Engine) -> None:
    with pytest.raises(IntegrityError), transaction(engine) as session:
        session.add(Member(image_set_id=7, image_id=7, source_path="a", source_size=1))


def test_writers_that_read_first_wait_for_one_another(engine: Engine) -> None:
    """A plain BEGIN on SQLite refuses the second writer: its snapshot is stale."""
    faults: list[Exception] = []

    def add_some(first: int) -> None:
        try:
            for number in range(first, first + 10):
                with transaction(engine) as session:
                    session.scalar(select(func.count()).select_from(Blob))
                    session.add(blob(number))
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=add_some, args=(start,)) for start in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert count(engine) == 30


def test_a_reader_is_not_held_up_by_a_writer_and_sees_the_state_before(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(blob(1))
        session.flush()
        assert count(engine) == 0
    assert count(engine) == 1


def test_sqlite_makes_its_folder_and_survives_a_crash_by_its_log(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/new/folder/registry.db")
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()


def test_postgresql_is_reached_through_psycopg_3_whatever_the_url_says() -> None:
    for scheme in ("postgresql", "postgres"):
        assert connect(f"{scheme}://me@nowhere/db").driver == "psycopg"


def test_sqlite_in_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises((OperationalError, OSError)):
        connect(f"sqlite:///{tmp_path}/file/registry.db").connect()
