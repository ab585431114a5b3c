"""Versions that were withdrawn."""

import pytest
from sqlalchemy import Engine, select

from sdxl_reg.catalog.artifacts import (
    NewVersion,
    add_version,
    find_artifact,
    find_version,
    set_alias,
    version_ref,
    versions_of,
)
from sdxl_reg.catalog.yanking import unyank, yank, yanked_because
from sdxl_reg.errors import Conflict, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import EventLog


def _yanked(engine: Engine, reference: str, reason: str = "") -> None:
    with transaction(engine) as session:
        yank(session, find_version(session, reference), reason)


def test_a_yanked_version_is_not_the_newest_and_is_there_by_its_number(trained: Engine) -> None:
    _yanked(trained, "x-lora@2", "mislabelled")
    with reading(trained) as session:
        assert version_ref(find_version(session, "x-lora")) == "x-lora@1"
        withdrawn = find_version(session, "x-lora@2")
        assert yanked_because(withdrawn) == "mislabelled"
        artifact = find_artifact(session, "x-lora")
        assert [one.version for one in versions_of(session, artifact)] == [1]
        assert [one.version for one in versions_of(session, artifact, yanked=True)] == [1, 2]
        assert yanked_because(find_version(session, "x-lora@1")) is None
        said = session.scalars(select(EventLog).where(EventLog.verb == "version.yanked")).one()
    assert (said.subject, said.payload) == ("x-lora@2", {"reason": "mislabelled"})


def test_of_versions_that_are_all_yanked_none_is_the_newest(trained: Engine) -> None:
    _yanked(trained, "x-lora@1")
    _yanked(trained, "x-lora@2")
    with reading(trained) as session, pytest.raises(NotFound):
        find_version(session, "x-lora")


def test_an_offered_version_is_as_it_was(trained: Engine) -> None:
    with reading(trained) as session:
        before = find_version(session, "x-lora@2").details
    _yanked(trained, "x-lora@2", "by mistake")
    for _ in range(2):
        with transaction(trained) as session:
            unyank(session, find_version(session, "x-lora@2"))
    with reading(trained) as session:
        again = find_version(session, "x-lora")
        assert (version_ref(again), again.details) == ("x-lora@2", before)


def test_what_an_alias_points_at_is_not_withdrawn(trained: Engine) -> None:
    with transaction(trained) as session:
        set_alias(session, find_version(session, "x-lora@2"), "best")
    with pytest.raises(Conflict, match="@best of x-lora is x-lora@2"):
        _yanked(trained, "x-lora@2")
    with transaction(trained) as session:
        set_alias(session, find_version(session, "x-lora@1"), "best")
    _yanked(trained, "x-lora@2")


def test_the_same_bytes_come_again_as_a_new_version_which_is_then_the_one(
    trained: Engine, store: BlobStore
) -> None:
    _yanked(trained, "x-lora@2")
    with transaction(trained) as session:
        old = find_version(session, "x-lora@2")
        files = {file.path: store.put_file(store.path(file.blob.sha256)) for file in old.files}
        new = add_version(session, find_artifact(session, "x-lora"), NewVersion(files=files))
        assert version_ref(new) == "x-lora@3"
    with transaction(trained) as session, pytest.raises(Conflict, match="x-lora@3 has the bytes"):
        unyank(session, find_version(session, "x-lora@2"))
