"""Folders that are sent, and what others see and keep: their pictures, their sets."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.access.viewers import Viewer, viewer_of
from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.sent_folders.announcing import missing_files
from sdxl_reg.catalog.sent_folders.carrying_out import ask_for
from sdxl_reg.catalog.sent_folders.planning import plan_sent
from sdxl_reg.catalog.sent_folders.receiving import Receiving
from sdxl_reg.catalog.sent_folders.sessions import find_ingest, forget_ingest
from sdxl_reg.errors import Conflict, NotAllowed, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.vocabulary import IngestState, Role
from tests.registry.catalog.pictures import jpeg, write
from tests.registry.catalog.sent_folders.sending import (
    SPOT,
    announced,
    begun,
    carried_out,
    counts,
    sent,
)


def users(engine: Engine, **roles: dict[str, Role]) -> list[Viewer]:
    """A viewer for each name, with roles in projects."""
    found = []
    with transaction(engine) as session:
        add_user(session, "boss", is_admin=True)
        for name, of in roles.items():
            user = add_user(session, name)
            for project, role in of.items():
                set_role(session, user, project, role)
            session.flush()
            session.refresh(user)
            found.append(viewer_of(user, "token"))
    return found


def test_a_digest_of_a_hidden_project_is_not_known(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    alice, bob, carol = users(
        engine,
        alice={"main": Role.WRITER},
        bob={"lab": Role.WRITER},
        carol={"main": Role.READER, "lab": Role.WRITER},
    )
    with shown_to(alice):
        sent(engine, store, files)
    secret = {f"{SPOT}/1.jpg": files[f"{SPOT}/told.jpg"]}
    with shown_to(bob):
        key = begun(engine, store, project="lab", as_name="mine")
        assert announced(engine, store, key, secret) == [f"{SPOT}/1.jpg"]
        with pytest.raises(Conflict, match="1 files have not come"):
            ask_for(engine, key, files=1)
    with shown_to(carol):  # who may see the picture need not send it
        key = begun(engine, store, project="lab", as_name="hers")
        assert announced(engine, store, key, secret) == []
        assert carried_out(engine, store, key, 1).state == IngestState.DONE
    with shown_to(bob):  # who has it sends it, and hears nothing of the others
        told = sent(engine, store, secret, project="lab", as_name="his").report
        assert told is not None
    assert counts(engine)[1] == 13  # still one image of those bytes


def test_bytes_that_one_hides_later_have_to_be_sent_after_all(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    alice, carol = users(
        engine, alice={"main": Role.WRITER}, carol={"main": Role.READER, "lab": Role.WRITER}
    )
    with shown_to(alice):
        sent(engine, store, files)
    secret = {"1.jpg": files[f"{SPOT}/told.jpg"]}
    with shown_to(carol):
        key = begun(engine, store, project="lab", as_name="hers")
        assert announced(engine, store, key, secret) == []
    outsider = replace(carol, roles={"lab": Role.WRITER})
    with shown_to(outsider):
        ended = carried_out(engine, store, key, 1)
        assert (ended.state, ended.error and ended.error["code"]) == ("failed", "conflict")
        with reading(engine) as session:
            assert missing_files(session, find_ingest(session, key), 10) == ["1.jpg"]
    assert counts(engine)[3] == 1


def test_only_who_sends_a_folder_sees_it(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    alice, bob = users(engine, alice={"main": Role.WRITER}, bob={"main": Role.WRITER})
    with shown_to(alice):
        key = begun(engine, store)
    with shown_to(bob):
        for attempt in (
            lambda: announced(engine, store, key, files),
            lambda: Receiving(engine, store, key),
            lambda: plan_sent(engine, store, key),
            lambda: ask_for(engine, key, files=0),
            lambda: forget_ingest(engine, store, key),
        ):
            with pytest.raises(NotFound):
                attempt()


def test_a_set_of_another_project_is_not_written_to(
    engine: Engine, store: BlobStore, files: dict[str, bytes]
) -> None:
    alice, bob, carol = users(
        engine,
        alice={"main": Role.WRITER},
        bob={"lab": Role.WRITER},
        carol={"main": Role.READER, "lab": Role.WRITER},
    )
    with shown_to(alice):
        sent(engine, store, files)
    for viewer, kind in ((bob, Conflict), (carol, NotAllowed)):
        with shown_to(viewer):
            key = begun(engine, store, project="lab")
            announced(engine, store, key, files)
            with pytest.raises(kind):
                plan_sent(engine, store, key)


def test_two_folders_do_not_take_turns_in_one_set(
    engine: Engine, store: BlobStore, files: dict[str, bytes], root: Path, tmp_path: Path
) -> None:
    sent(engine, store, files)
    others = {f"{SPOT}/900.jpg": jpeg(900), f"{SPOT}/901.jpg": jpeg(901)}
    key = begun(engine, store, place="desktop/products")
    announced(engine, store, key, others)
    with pytest.raises(Conflict, match=r"was sent from sent://laptop/products/weipin.*--as NAME"):
        plan_sent(engine, store, key)
    here = write(tmp_path / "here", others)
    with pytest.raises(Conflict, match="was sent from"):
        ingest(engine, store, here)
    moved = sent(engine, store, files, place="desktop/products").report  # the same pictures
    assert moved is not None
    assert "moved-set" in [warning["code"] for warning in moved["warnings"]]
    assert moved["new"] == 0
    ingest(engine, store, root)  # and back to a folder of this machine, which holds them too


def test_a_folder_of_this_machine_is_not_taken_over_by_one_that_is_sent(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    ingest(engine, store, root)
    key = begun(engine, store)
    announced(engine, store, key, {f"{SPOT}/900.jpg": jpeg(900)})
    with pytest.raises(Conflict, match="which is still there"):
        plan_sent(engine, store, key)
