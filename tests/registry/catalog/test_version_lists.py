"""The versions of an artifact in pages."""

import pytest
from sqlalchemy import Engine, event

from sdxl_reg.catalog.artifacts import (
    NewVersion,
    add_version,
    ensure_artifact,
    find_artifact,
    find_version,
    set_alias,
)
from sdxl_reg.catalog.paging import Slice
from sdxl_reg.catalog.version_lists import surroundings_of, version_counts, versions_page
from sdxl_reg.catalog.yanking import yank
from sdxl_reg.errors import NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg.web.schemas.artifacts import artifact_document

COUNT = 103


@pytest.fixture
def many(engine: Engine, store: BlobStore) -> Engine:
    """An artifact of 103 versions, of which the second is withdrawn and the first is `best`."""
    with transaction(engine) as session:
        lora = ensure_artifact(session, "long", ArtifactKind.LORA)
        for number in range(1, COUNT + 1):
            stored = store.put_bytes(str(number).encode())
            new = NewVersion(files={"x.safetensors": stored}, hashes={"autov2": f"h{number}"})
            version = add_version(session, lora, new)
            if number == 1:
                set_alias(session, version, "best")
            if number == 2:
                yank(session, version, "overfitted")
    return engine


def test_pages_hold_every_version_once_the_newest_first(many: Engine) -> None:
    found: list[int] = []
    cursor: str | None = None
    with reading(many) as session:
        while True:
            lora = find_artifact(session, "long")
            page = versions_page(session, lora, Slice(limit=40, cursor=cursor))
            found += [version.version for version in page.items]
            cursor = page.next
            if cursor is None:
                break
    assert found == list(range(COUNT, 0, -1))


def test_counts_are_those_of_ready_versions(many: Engine) -> None:
    with reading(many) as session:
        lora = find_artifact(session, "long")
        assert version_counts(session, [lora])[lora.id] == COUNT - 1


def test_what_stands_around_versions_is_read_in_a_few_statements(many: Engine) -> None:
    statements: list[str] = []
    event.listen(many, "before_cursor_execute", lambda *said: statements.append(said[2]))
    with reading(many) as session:
        lora = find_artifact(session, "long")
        items = versions_page(session, lora, Slice(limit=100)).items
        around = surroundings_of(session, items)
        hashes = {one.version: around.files[one.id][0].hashes for one in items}
        assert hashes == {one.version: {"autov2": f"h{one.version}"} for one in items}
        first = find_version(session, "long@1")
        assert list(surroundings_of(session, [first]).aliases[first.id]) == ["best"]
    assert len(statements) < 15


def test_an_artifact_is_told_with_its_newest_versions_and_where_the_others_are(
    many: Engine,
) -> None:
    with reading(many) as session:
        document = artifact_document(session, find_artifact(session, "long"))
    assert [version.version for version in document.versions] == list(range(4, COUNT + 1))
    assert document.total == COUNT
    assert document.older is not None
    assert document.older.startswith("/api/v1/artifacts/long/versions?cursor=")
    assert [alias.version for alias in document.aliases] == [1]


def test_a_version_that_is_not_there_names_the_newest_and_not_thousands(many: Engine) -> None:
    with reading(many) as session, pytest.raises(NotFound) as caught:
        find_version(session, "long@999")
    assert "older ones before 84, 84, 85" in caught.value.remedy
    assert caught.value.remedy.endswith("103, best")
