"""What a grid leaves open is decided, and what cannot be is refused before anything is recorded."""

from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grid_requests import resolve
from sdxl_reg.catalog.grids import plan
from sdxl_reg.catalog.picture_requests import PictureRequest
from sdxl_reg.errors import Conflict, InvalidSettings, NotFound, UnknownName
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Grid
from sdxl_reg.vocabulary import ArtifactKind


def _asked(**picture: Any) -> GridRequest:
    return GridRequest(artifact="x-lora", picture=PictureRequest(**picture))


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (GridRequest(artifact="y-lora"), NotFound, "'x-lora'"),
        (GridRequest(artifact="x-lora@9"), NotFound, "x-lora has: 1, 2"),
        (GridRequest(artifact="x-lora", versions="1,9"), NotFound, "x-lora has: 1, 2"),
        (_asked(settings={"sampler": "Eulr"}), UnknownName, "'Euler'"),
        (_asked(base="nowhere"), NotFound, "base"),
        (GridRequest(artifact="base"), Conflict, "base@1 is a base"),
        (
            _asked(settings={"width": 65, "num_inference_steps": 0}),
            InvalidSettings,
            r"(?s)width.*num_inference_steps",
        ),
        (GridRequest(artifact="x-lora", seeds=(-1,)), InvalidSettings, "seed"),
    ],
)
def test_a_request_that_cannot_be_is_refused_and_leaves_nothing(
    sqlite: Engine,
    store: BlobStore,
    settings: Settings,
    request_: GridRequest,
    error: type[Exception],
    words: str,
) -> None:
    with pytest.raises(error, match=words):
        plan(sqlite, store, settings, request_)
    with reading(sqlite) as session:
        assert session.scalar(select(func.count(Grid.id))) == 0


def test_an_artifact_without_versions_is_refused(
    sqlite: Engine, store: BlobStore, settings: Settings
) -> None:
    with transaction(sqlite) as session:
        ensure_artifact(session, "empty-lora", ArtifactKind.LORA)
    with pytest.raises(Conflict, match="no version yet"):
        plan(sqlite, store, settings, GridRequest(artifact="empty-lora"))


def _made_by(
    engine: Engine, store: BlobStore, name: str, kind: ArtifactKind, trainer: str
) -> GridRequest:
    """A version on the base, as a trainer leaves one."""
    with transaction(engine) as session:
        base = find_base(session, store, "base")
        files = {f"{name}.safetensors": store.put_bytes(b"weights")}
        new = NewVersion(files=files, base_version_id=base.id, trainer=trainer)
        add_version(session, ensure_artifact(session, name, kind), new)
    return GridRequest(artifact=name, prompts=("a red mug",))


def test_a_checkpoint_that_was_trained_is_compared_on_its_base(
    sqlite: Engine, store: BlobStore
) -> None:
    request = _made_by(sqlite, store, "y", ArtifactKind.CHECKPOINT, "checkpoint")
    with transaction(sqlite) as session:
        resolved = resolve(session, store, request)
        assert resolved.layout.common.base == "base@1"
        assert resolved.document["versions"] == ["y@1"]


@pytest.mark.parametrize(
    ("trainer", "error", "words"),
    [
        ("sorcery", UnknownName, "sorcery"),
        ("", Conflict, "no trainer is recorded that applies y@1"),
    ],
)
def test_what_no_installed_trainer_applies_is_refused(
    sqlite: Engine,
    store: BlobStore,
    settings: Settings,
    trainer: str,
    error: type[Exception],
    words: str,
) -> None:
    request = _made_by(sqlite, store, "y", ArtifactKind.LORA, trainer)
    with pytest.raises(error, match=words):
        plan(sqlite, store, settings, request)
