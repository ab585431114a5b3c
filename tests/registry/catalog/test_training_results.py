"""What a training made goes to the artifact that it was planned for, or to one of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.artifacts import ensure_artifact, version_ref
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.runs import new_run
from sdxl_reg.catalog.training_results import Keeper
from sdxl_reg.jobs import events
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import ArtifactVersion
from sdxl_reg.vocabulary import ArtifactKind, RunKind
from tests.registry.formats.shaped_files import TO_K, shaped_file


@dataclass(frozen=True)
class Made:
    """A training, as far as its results are kept."""

    run_id: int
    base_version_id: int
    artifact: str = "x-lora"
    kind: ArtifactKind = ArtifactKind.LORA
    trainer: str = "lora"


@pytest.fixture
def kept(
    engine: Engine, store: BlobStore, tmp_path: Path, tiny_base: Path
) -> Callable[[Made], str]:
    """Has a training hand over a version; how users write it."""

    def kept(made: Made) -> str:
        path = shaped_file(tmp_path / "x.safetensors", {TO_K: (4, 2048)}, {"run": str(made.run_id)})
        event = events.Version(path=path, epoch=1, step=10, loss=0.1, details={})
        (row,) = Keeper(engine, store, made).heard(event)
        with reading(engine) as session:
            return version_ref(session.get_one(ArtifactVersion, row))

    return kept


@pytest.fixture
def planned(engine: Engine, store: BlobStore, tiny_base: Path) -> Callable[[str], Made]:
    """A training that was planned in a project."""

    def planned(project: str) -> Made:
        with transaction(engine) as session:
            base = find_base(session, store, str(tiny_base))
            run = new_run(session, RunKind.TRAIN, "train", {}, trainer="lora", project=project)
            return Made(run_id=run.id, base_version_id=base.id)

    return planned


def test_trainings_of_one_project_under_one_name_make_one_artifact(
    planned: Callable[[str], Made], kept: Callable[[Made], str]
) -> None:
    first, second = planned("shoes"), planned("shoes")
    assert [kept(first), kept(second)] == ["x-lora@1", "x-lora@2"]


def test_trainings_of_two_projects_under_one_name_make_two_artifacts(
    engine: Engine, planned: Callable[[str], Made], kept: Callable[[Made], str]
) -> None:
    ours, theirs = planned("shoes"), planned("bags")
    assert kept(theirs) == "x-lora@1"
    assert kept(ours) == f"x-lora-{ours.run_id}@1"
    with reading(engine) as session:
        assert ensure_artifact(session, f"x-lora-{ours.run_id}", ours.kind).project == "shoes"


def test_a_name_that_another_kind_has_taken_meanwhile_gets_the_number_of_the_run(
    engine: Engine, planned: Callable[[str], Made], kept: Callable[[Made], str]
) -> None:
    ours = planned("shoes")
    with transaction(engine) as session:
        ensure_artifact(session, "x-lora", ArtifactKind.EMBEDDING, project="shoes")
    assert kept(ours) == f"x-lora-{ours.run_id}@1"


def test_a_training_may_add_to_what_was_there_when_it_was_planned(
    engine: Engine, planned: Callable[[str], Made], kept: Callable[[Made], str]
) -> None:
    with transaction(engine) as session:
        ensure_artifact(session, "x-lora", ArtifactKind.LORA, project="bags")
    assert kept(planned("shoes")) == "x-lora@1"
