"""Artifacts, versions, aliases and export."""

import pytest
from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.artifacts import (
    NewVersion,
    add_version,
    aliases_of,
    ensure_artifact,
    find_artifact,
    find_version,
    set_alias,
    version_ref,
)
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import ArtifactVersion, Node
from sdxl_reg.vocabulary import ArtifactKind


def _new(store: BlobStore, data: bytes, *, path: str = "weipin-lora.safetensors") -> NewVersion:
    return NewVersion(files={path: store.put_bytes(data)}, epoch=1, step=8, loss=0.1)


def test_versions_are_numbered_from_one_and_the_newest_answers_to_the_name(
    engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session:
        artifact = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        refs = [
            version_ref(add_version(session, artifact, _new(store, data)))
            for data in (b"one", b"two")
        ]
    assert refs == ["weipin-lora@1", "weipin-lora@2"]
    with transaction(engine) as session:
        assert find_version(session, "Weipin-LoRA").version == 2
        assert find_version(session, "weipin-lora@1").epoch == 1


def test_the_same_bytes_are_the_same_version(engine: Engine, store: BlobStore) -> None:
    with transaction(engine) as session:
        artifact = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        first = add_version(session, artifact, _new(store, b"same"))
        again = add_version(session, artifact, _new(store, b"same"))
        assert again is first
        assert session.scalar(select(func.count(ArtifactVersion.id))) == 1


def test_a_transaction_that_fails_leaves_no_version_and_no_node(
    engine: Engine, store: BlobStore
) -> None:
    def half_way() -> None:
        with transaction(engine) as session:
            artifact = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
            add_version(session, artifact, _new(store, b"one"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_way()
    with transaction(engine) as session:
        assert session.scalar(select(func.count(ArtifactVersion.id))) == 0
        assert session.scalar(select(func.count(Node.id))) == 0


def test_an_unknown_artifact_is_refused_with_near_names(engine: Engine) -> None:
    with transaction(engine) as session:
        ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
    with transaction(engine) as session, pytest.raises(NotFound, match="'weipin-lora'"):
        find_artifact(session, "waipin-lora")


def test_an_unknown_version_is_refused_with_those_there_are(
    engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session:
        artifact = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        set_alias(session, add_version(session, artifact, _new(store, b"one")), "best")
    with transaction(engine) as session, pytest.raises(NotFound, match="1, best"):
        find_version(session, "weipin-lora@7")


def test_a_name_belongs_to_one_kind(engine: Engine) -> None:
    with transaction(engine) as session:
        ensure_artifact(session, "weipin", ArtifactKind.LORA)
        with pytest.raises(Conflict, match="is a lora, not a checkpoint"):
            ensure_artifact(session, "Weipin", ArtifactKind.CHECKPOINT)


def test_an_alias_moves_and_a_version_does_not(engine: Engine, store: BlobStore) -> None:
    with transaction(engine) as session:
        artifact = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        one = add_version(session, artifact, _new(store, b"one"))
        two = add_version(session, artifact, _new(store, b"two"))
        set_alias(session, one, "best", strength=0.4, reason="first")
        set_alias(session, two, "best", strength=0.7, reason="better")
    with transaction(engine) as session:
        (alias,) = aliases_of(session, find_artifact(session, "weipin-lora"))
        assert (alias.version.version, alias.strength, alias.reason) == (2, 0.7, "better")
        assert find_version(session, "weipin-lora@best").version == 2


def test_a_number_is_no_alias(engine: Engine, store: BlobStore) -> None:
    with transaction(engine) as session:
        artifact = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        version = add_version(session, artifact, _new(store, b"one"))
        with pytest.raises(InvalidValue, match="Numbers are versions"):
            set_alias(session, version, "3")
