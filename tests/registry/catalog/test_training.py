"""What a training is planned with: settings, inputs, pictures and their masks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import Engine

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact
from sdxl_reg.catalog.crops import set_background, set_crop
from sdxl_reg.catalog.datasets import freeze
from sdxl_reg.catalog.images import find_image_set, find_member
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.run_details import run_document
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.catalog.training import PlannedTraining, TrainingRequest, plan, planned_again
from sdxl_reg.errors import Conflict, InvalidValue, NotFound, UsageError
from sdxl_reg.jobs.spec import TrainSpec, read_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import ArtifactKind, RunState

Planner = Callable[..., PlannedTraining]


@pytest.fixture
def planned(
    engine: Engine, store: BlobStore, settings: Settings, tmp_path: Path, tiny_base: Path
) -> Planner:
    """Plans trainings on an image set of two colours, with whatever else is asked for."""
    for colour in ("red", "blue"):
        _write(tmp_path / "shop" / colour / "1.jpg", colour)
    ingest(engine, store, tmp_path / "shop")
    request = TrainingRequest(trainer="lora", dataset="shop", base=str(tiny_base), settings={})

    def planned(**more: object) -> PlannedTraining:
        return plan(engine, store, settings, replace(request, **more))  # type: ignore[arg-type]

    return planned


def _write(path: Path, colour: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64), colour).save(path)


def _spec(planned: PlannedTraining) -> TrainSpec:
    spec = read_job(planned.job_path)
    assert isinstance(spec, TrainSpec)
    return spec


def _slots(engine: Engine, planned: PlannedTraining) -> set[str]:
    with transaction(engine) as session:
        return {node["slot"] for node in run_document(session, planned.run_id)["inputs"]}


def test_a_small_base_has_defaults_of_its_own_until_something_is_said(planned: Planner) -> None:
    silent, said = planned(), planned(settings={"network_dim": 7})
    assert silent.small_base_defaults["rank"] == _spec(silent).config["rank"]
    assert _spec(said).config["rank"] == 7
    assert "rank" not in said.small_base_defaults, "another program's name for it counts as said"


def test_pictures_go_by_the_names_that_people_know(planned: Planner) -> None:
    assert [image.name for image in _spec(planned()).images] == ["blue/1.jpg", "red/1.jpg"]


def test_what_the_dataset_holds_out_is_told_apart_from_what_is_trained(
    engine: Engine, store: BlobStore, planned: Planner
) -> None:
    with transaction(engine) as session:
        freeze(session, store, "shop", validation="**/red OR red")
    split = planned()
    spec = _spec(split)
    assert [image.name for image in spec.images] == ["blue/1.jpg"]
    assert [image.name for image in spec.validation_images] == ["red/1.jpg"]
    assert split.image_count == 1


def test_crops_and_background_of_the_set_are_trained_with(engine: Engine, planned: Planner) -> None:
    planned()
    with transaction(engine) as session:
        shop = find_image_set(session, "shop")
        blue = find_member(session, shop, "blue/1.jpg")
        set_crop(session, blue.id, (0.25, 0, 0.75, 0.5))
        set_background(session, shop, "#102030")
    spec = _spec(planned())
    assert [image.crop for image in spec.images] == [(0.25, 0, 0.75, 0.5), None]
    assert spec.config["alpha_background"] == "#102030"
    assert _spec(planned(dataset="shop@1")).config["alpha_background"] == "white"
    chosen = planned(settings={"alpha_background": "black"})
    assert _spec(chosen).config["alpha_background"] == "black"
    assert "alpha_background" not in planned().small_base_defaults


def test_masks_are_found_under_the_paths_of_their_pictures(
    engine: Engine, store: BlobStore, planned: Planner, tmp_path: Path
) -> None:
    _write(tmp_path / "shop-masks" / "red" / "1.png", "white")
    ingest(engine, store, tmp_path / "shop-masks")
    masked = planned(mask_dataset="shop-masks")
    blue, red = _spec(masked).images
    assert (blue.mask_path, blue.mask_sha256) == (None, "")
    assert red.mask_path == store.path(red.mask_sha256)
    with Image.open(store.path(red.mask_sha256)) as picture:
        assert picture.getpixel((9, 9)) == (255, 255, 255)
    assert _slots(engine, masked) == {"base", "dataset", "mask_dataset"}


def test_masks_under_one_path_may_be_equal_bytes(
    engine: Engine, store: BlobStore, planned: Planner, tmp_path: Path
) -> None:
    for colour in ("red", "blue"):
        _write(tmp_path / "shop-masks" / colour / "1.png", "white")
    ingest(engine, store, tmp_path / "shop-masks")
    assert all(image.mask_path for image in _spec(planned(mask_dataset="shop-masks")).images)


def test_masks_of_other_pictures_are_refused(
    engine: Engine, store: BlobStore, planned: Planner, tmp_path: Path
) -> None:
    _write(tmp_path / "shop-masks" / "green" / "1.png", "white")
    ingest(engine, store, tmp_path / "shop-masks")
    with pytest.raises(
        UsageError, match=r"there is, for instance, green/1, and there, blue/1\.jpg"
    ):
        planned(mask_dataset="shop-masks")


def test_class_pictures_are_inputs_of_the_run(
    engine: Engine, store: BlobStore, planned: Planner, tmp_path: Path
) -> None:
    _write(tmp_path / "shirts" / "1.jpg", "green")
    ingest(engine, store, tmp_path / "shirts")
    with_class = planned(class_dataset="shirts")
    assert [image.name for image in _spec(with_class).class_images] == ["1.jpg"]
    assert _slots(engine, with_class) == {"base", "dataset", "class_dataset"}


def test_what_is_trained_further_is_an_input_of_the_run(
    engine: Engine, store: BlobStore, planned: Planner, tiny_loras: list[Path]
) -> None:
    first = planned()
    _add(engine, store, first, tiny_loras[0], ArtifactKind.LORA)
    further = planned(start="x-lora@1")
    assert _slots(engine, further) == {"base", "dataset", "start"}
    assert _spec(further).start_path == store.path(store.put_file(tiny_loras[0]).sha256)
    assert _spec(further).run_key != _spec(first).run_key


def test_another_kind_is_no_start(
    engine: Engine, store: BlobStore, planned: Planner, tiny_loras: list[Path]
) -> None:
    _add(engine, store, planned(), tiny_loras[0], ArtifactKind.EMBEDDING)
    with pytest.raises(InvalidValue, match=r"x-lora@1 \(embedding\)"):
        planned(start="x-lora@1")


def _add(
    engine: Engine, store: BlobStore, run: PlannedTraining, path: Path, kind: ArtifactKind
) -> None:
    with transaction(engine) as session:
        artifact = ensure_artifact(session, "x-lora", kind)
        add_version(
            session,
            artifact,
            NewVersion(
                files={path.name: store.put_file(path)},
                run_id=run.run_id,
                base_version_id=run.base_version_id,
                trainer="lora",
            ),
        )


def test_a_run_that_was_stopped_is_planned_as_it_was(
    engine: Engine, settings: Settings, planned: Planner
) -> None:
    first = planned()
    again = planned_again(engine, settings, first.run_id)
    assert again == replace(first, small_base_defaults={})


@pytest.mark.parametrize(
    ("state", "said"),
    [(RunState.SUCCEEDED, "has done all it had to"), (RunState.RUNNING, "is still at work")],
)
def test_a_run_that_was_not_stopped_is_not_planned_again(
    engine: Engine, settings: Settings, planned: Planner, state: RunState, said: str
) -> None:
    run_id = planned().run_id
    with transaction(engine) as session:
        find_run(session, run_id).state = state
    with pytest.raises(Conflict, match=said):
        planned_again(engine, settings, run_id)


def test_a_run_of_another_machine_is_not_planned_again(
    engine: Engine, settings: Settings, planned: Planner
) -> None:
    first = planned()
    first.job_path.unlink()
    with pytest.raises(NotFound, match="job file"):
        planned_again(engine, settings, first.run_id)
