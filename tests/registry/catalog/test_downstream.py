"""The downstream check from the registry: what it compares, and what is recorded of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine, select

from sdxl_reg.catalog.downstream import DownstreamRequest, PlannedDownstream, plan
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.catalog.training import planned_again
from sdxl_reg.errors import Conflict, InvalidValue, NotFound, UnknownName, UsageError
from sdxl_reg.jobs.spec import DownstreamSpec, read_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading
from sdxl_reg.tables import LineageEvent
from sdxl_reg.vocabulary import RunKind, RunState

Planner = Callable[..., PlannedDownstream]


def products(root: Path, *, seed: int, count: int) -> Path:
    """`{brand}/{state}/{defect}` below a folder, with noise."""
    generator = np.random.default_rng(seed)
    for brand in ("qzy", "lsbr"):
        for state in ("flawless", "flawed/spot", "flawed/fold"):
            folder = root / brand / state
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root


@pytest.fixture
def planned(engine: Engine, store: BlobStore, settings: Settings, tmp_path: Path) -> Planner:
    """Plans checks of a real set against a drawn one, with whatever else is asked for."""
    for number, name in enumerate(("weipin", "drawn"), start=1):
        ingest(engine, store, products(tmp_path / "sets" / name, seed=number, count=1 + number))
    request = DownstreamRequest(real="weipin", synthetic="drawn")

    def planned(**more: object) -> PlannedDownstream:
        return plan(engine, store, settings, replace(request, **more))  # type: ignore[arg-type]

    return planned


def spec_of(found: PlannedDownstream) -> DownstreamSpec:
    spec = read_job(found.job_path)
    assert isinstance(spec, DownstreamSpec)
    return spec


def test_two_sets_are_frozen_and_the_run_is_recorded_with_its_inputs(
    engine: Engine, planned: Planner
) -> None:
    found = planned()
    assert (found.real, found.synthetic, found.level) == ("weipin@1", "drawn@1", "defect")
    assert found.classes == {"flawless": (4, 6), "fold": (4, 6), "spot": (4, 6)}
    spec = spec_of(found)
    assert (len(spec.real), len(spec.synthetic), spec.level) == (12, 18, 2)
    assert spec.seeds == [1, 2, 3]
    with reading(engine) as session:
        run = find_run(session, found.run_id)
        assert (run.kind, run.state) == (RunKind.DOWNSTREAM, RunState.QUEUED)
        assert run.title == "evaluate downstream: drawn@1 for weipin@1"
        slots = select(LineageEvent.slot).where(LineageEvent.run_id == run.id)
        assert sorted(session.scalars(slots)) == ["real", "synthetic"]


def test_a_folder_is_synthetic_too_and_its_folders_are_the_tags(
    planned: Planner, tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    (folder / "spot").mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (16, 16), (number, 0, 0)).save(folder / "spot" / f"{number}.png")
    (folder / "spot" / "notes.pdf").write_bytes(b"%PDF")
    found = planned(synthetic=f"{folder}/")
    assert found.synthetic == str(folder)
    assert found.classes == {"flawless": (4, 0), "fold": (4, 0), "spot": (4, 3)}
    assert found.skipped == 1
    assert {image.tags for image in spec_of(found).synthetic} == {"spot"}
    assert len({image.sha256 for image in spec_of(found).synthetic}) == 3


def test_the_class_is_the_tag_at_the_level_that_is_asked_for(planned: Planner) -> None:
    assert planned(by="brand").classes == {"lsbr": (6, 9), "qzy": (6, 9)}
    assert planned(by="2").classes == {"flawed": (8, 12), "flawless": (4, 6)}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"by": "deffect"}, UnknownName, "Did you mean 'defect'"),
        ({"by": "9"}, InvalidValue, "levels 1 to 3"),
        ({"real": "wepin"}, NotFound, "Did you mean 'weipin'"),
        ({"synthetic": "dawn"}, NotFound, "Did you mean 'drawn'"),
        ({"synthetic": "weipin"}, Conflict, "as the real and as the synthetic"),
        ({"synthetic": "./not/there"}, NotFound, "folder of synthetic pictures"),
        ({"splits": 2}, InvalidValue, "at least 3"),
        ({"held_out": 1.0}, InvalidValue, "between 0 and 1"),
        ({"ratios": (1.0, -1.0)}, InvalidValue, "above 0"),
        ({"ratios": (float("nan"),)}, InvalidValue, "above 0"),
        ({"image_network": "dinov2:/not/there"}, NotFound, "dinov2:/not/there"),
        ({"image_network": "resnet"}, InvalidValue, "dinov2:PATH"),
    ],
)
def test_a_mistake_is_told_before_anything_is_recorded(
    engine: Engine, planned: Planner, change: dict[str, object], error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        planned(**change)
    with reading(engine) as session, pytest.raises(NotFound):
        find_run(session, 1)


def test_a_folder_that_is_written_as_a_name_is_explained(
    planned: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFound, match=r"write \./made"):
        planned(synthetic="made")
    with pytest.raises(NotFound, match="Lay pictures out"):
        planned(synthetic="./made")


def test_classes_with_too_few_real_pictures_are_refused(
    engine: Engine, store: BlobStore, planned: Planner, tmp_path: Path
) -> None:
    ingest(engine, store, products(tmp_path / "sets" / "small", seed=3, count=1))
    with pytest.raises(UsageError, match="flawless has 2, fold has 2, spot has 2"):
        planned(real="small")


def test_a_check_is_not_resumed_as_a_training(
    engine: Engine, settings: Settings, planned: Planner
) -> None:
    with pytest.raises(Conflict, match="sdxl-reg evaluate downstream"):
        planned_again(engine, settings, planned().run_id)
