"""What differs between two versions."""

from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact, find_version
from sdxl_reg.catalog.datasets import freeze
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.lineage import record_input
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import new_run
from sdxl_reg.catalog.version_diff import Difference, VersionDiff, diff_references
from sdxl_reg.errors import NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.vocabulary import ArtifactKind, RunKind


def _diff(engine: Engine, after: str, before: str | None = None) -> VersionDiff:
    with reading(engine) as session:
        return diff_references(session, after, before)


def _names(some: tuple[Difference, ...]) -> list[str]:
    return [one.name for one in some]


@pytest.fixture
def further(trained: Engine, store: BlobStore, tmp_path: Path) -> Engine:
    """x-lora@3, trained otherwise on a picture more than x-lora@1 and @2."""
    Image.new("RGB", (64, 64), "green").save(tmp_path / "shop" / "red" / "green.png")
    ingest(trained, store, tmp_path / "shop")
    with transaction(trained) as session:
        dataset = freeze(session, store, "shop")
        spec: dict[str, object] = {"config": {"network": {"rank": 8}, "seed": 1}}
        run = new_run(session, RunKind.TRAIN, "train lora", spec, project=MAIN, trainer="lora")
        run.packages = {"torch": "2.13.0"}
        record_input(session, run.id, dataset.node_id, "dataset")
        files = {"third.safetensors": store.put_bytes(b"third")}
        add_version(
            session,
            ensure_artifact(session, "x-lora", ArtifactKind.LORA),
            NewVersion(files=files, run_id=run.id, trainer="lora", epoch=1, step=9),
        )
    return trained


def test_two_versions_of_one_training_differ_in_how_far_they_are(trained: Engine) -> None:
    found = _diff(trained, "x-lora@2")
    assert (found.before, found.after) == ("x-lora@1", "x-lora@2")
    assert {"epoch", "sha256"} <= set(_names(found.facts))
    assert not {"kind", "base", "dataset", "run"} & set(_names(found.facts))
    assert (found.settings, found.packages, found.pictures) == ((), (), None)


def test_settings_packages_base_and_pictures_of_two_trainings_are_compared(
    further: Engine,
) -> None:
    found = _diff(further, "x-lora@3")
    facts = {one.name: (one.before, one.after) for one in found.facts}
    assert facts["dataset"] == ("shop@1", "shop@2")
    assert facts["run"][1] == facts["run"][0] + 1
    assert facts["base"][1] is None
    assert found.settings == (
        Difference(name="network.rank", before=None, after=8),
        Difference(name="seed", before=None, after=1),
    )
    assert found.packages == (Difference(name="torch", before=None, after="2.13.0"),)
    assert found.pictures is not None
    assert [picture.path for picture in found.pictures.added] == ["red/green.png"]
    assert found.pictures.counts["unchanged"] == 4


def test_the_other_way_round_is_the_same_turned(further: Engine) -> None:
    found, turned = _diff(further, "x-lora@3", "x-lora@1"), _diff(further, "x-lora@1", "x-lora@3")
    assert [(one.name, one.after, one.before) for one in turned.facts] == [
        (one.name, one.before, one.after) for one in found.facts
    ]
    assert turned.pictures is not None
    assert turned.pictures.counts["removed"] == 1


def test_a_version_does_not_differ_from_itself(further: Engine) -> None:
    found = _diff(further, "x-lora@3", "x-lora@3")
    assert (found.facts, found.settings, found.packages) == ((), (), ())


def test_an_import_is_compared_as_far_as_it_is_known(further: Engine, store: BlobStore) -> None:
    with transaction(further) as session:
        artifact = ensure_artifact(session, "bought", ArtifactKind.LORA)
        add_version(session, artifact, NewVersion(files={"b.safetensors": store.put_bytes(b"b")}))
        assert find_version(session, "bought").run_id is None
    found = _diff(further, "x-lora@3", "bought@1")
    assert {"run", "dataset", "trainer"} <= set(_names(found.facts))
    assert found.pictures is None


def test_the_first_version_has_none_before_it(trained: Engine) -> None:
    with pytest.raises(NotFound, match="no such version before: 'x-lora@1'"):
        _diff(trained, "x-lora@1")
    with pytest.raises(NotFound):
        _diff(trained, "x-lora@9")
