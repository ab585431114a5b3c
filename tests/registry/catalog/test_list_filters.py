"""Filters of lists: a small language, and no field that a list does not name."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from sdxl_reg.catalog.artifacts import NewVersion, add_version, artifacts_page, ensure_artifact
from sdxl_reg.catalog.datasets import freeze, version_ref
from sdxl_reg.catalog.datasets import versions_page as versions_page_of_datasets
from sdxl_reg.catalog.generations import GenerationRequest, generations_page, plan_generation
from sdxl_reg.catalog.grid_cells import cells_page
from sdxl_reg.catalog.grids import find_grid, grids_page
from sdxl_reg.catalog.grids import plan as plan_grid
from sdxl_reg.catalog.images import image_sets_page
from sdxl_reg.catalog.paging import Slice
from sdxl_reg.catalog.picture_requests import PictureRequest
from sdxl_reg.catalog.runs import cancel, new_run, runs_page
from sdxl_reg.catalog.tag_lists import former_names, tags_page
from sdxl_reg.catalog.tags import ensure_tag
from sdxl_reg.catalog.version_lists import versions_page
from sdxl_reg.errors import InvalidValue, UnknownName
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Artifact, TagAlias
from sdxl_reg.vocabulary import ArtifactKind, RunKind
from tests.registry.catalog.hand_drawn import SMALL, finish_by_hand
from tests.registry.catalog.hand_tagged import image_set_of


@pytest.fixture
def stocked(engine: Engine, store: BlobStore) -> Engine:
    """Five artifacts of two kinds, one with five versions; two runs."""
    with transaction(engine) as session:
        for name in ("weipin-lora", "Weipin-test", "微品", "50%_off"):
            ensure_artifact(session, name, ArtifactKind.LORA)
        ensure_artifact(session, "base", ArtifactKind.CHECKPOINT, project="shared")
        old = datetime(2026, 11, 1, 12, tzinfo=UTC)
        session.execute(update(Artifact).where(Artifact.name == "base").values(created_at=old))
        lora = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        for epoch in range(1, 6):
            files = {f"{epoch}.safetensors": store.put_bytes(str(epoch).encode())}
            new = NewVersion(files=files, epoch=epoch, step=10 * epoch, loss=1 / epoch)
            add_version(session, lora, new)
        new_run(session, RunKind.TRAIN, "train lora on weipin@1", {}, project="main")
        new_run(session, RunKind.GRID, "grid of weipin-lora", {}, project="main")
    return engine


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("kind:lora", {"weipin-lora", "Weipin-test", "微品", "50%_off"}),
        ("weipin*", {"weipin-lora", "Weipin-test"}),
        ("name:WEIPIN*", {"weipin-lora", "Weipin-test"}),
        ("kind:lora AND NOT *test*", {"weipin-lora", "微品", "50%_off"}),
        ("kind:lora NOT *test*", {"weipin-lora", "微品", "50%_off"}),
        ("kind:checkpoint OR name:微品", {"base", "微品"}),
        ("(base OR 微?) AND project:shared", {"base"}),
        ("50%_*", {"50%_off"}),
        ("5%", set()),
        ("created:2026-11-01", {"base"}),
        ("created:<2026-11-02 AND created:>=2026-11-01T12:00", {"base"}),
        ("created:>2026-11-02 AND base", set()),
    ],
)
def test_artifacts_are_found_by_what_they_are(
    stocked: Engine, wanted: str, names: set[str]
) -> None:
    with reading(stocked) as session:
        page = artifacts_page(session, Slice(filter=wanted))
    assert {found.name for found in page.items} == names


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ("loss:<0.3", [5, 4]),
        ("epoch:2", [2]),
        ("step:>=20 AND step:<50", [4, 3, 2]),
        ("state:yanked", []),
        ("NOT version:>1", [1]),
    ],
)
def test_versions_are_found_by_their_numbers(
    stocked: Engine, wanted: str, numbers: list[int]
) -> None:
    with reading(stocked) as session:
        lora = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        page = versions_page(session, lora, Slice(filter=wanted))
    assert [found.version for found in page.items] == numbers


def test_runs_are_found_by_their_titles(stocked: Engine) -> None:
    with reading(stocked) as session:
        found = runs_page(session, Slice(filter="state:queued AND *weipin@1"))
        assert [run.kind for run in found.items] == [RunKind.TRAIN]
        assert len(runs_page(session, Slice(filter="kind:grid OR kind:train")).items) == 2


@pytest.mark.parametrize(
    ("wanted", "artifacts"),
    [
        ("x-*", ["x-lora", "x-lora"]),
        ("artifact:y*", []),
        ("state:cancelled AND project:main", ["x-lora"]),
        ("NOT state:cancelled", ["x-lora"]),
        ("version:2 AND strength:>0.4", ["x-lora"]),
        ("created:<2000-01-01", []),
    ],
)
def test_grids_are_found_by_what_they_compare_and_pick(
    trained: Engine,
    store: BlobStore,
    settings: Settings,
    tmp_path: Path,
    wanted: str,
    artifacts: list[str],
) -> None:
    picked = plan_grid(trained, store, settings, SMALL)
    finish_by_hand(trained, store, picked, tmp_path)
    ended = plan_grid(trained, store, settings, replace(SMALL, seeds=(7,)))
    with transaction(trained) as session:
        cancel(session, ended.run_id)
    with reading(trained) as session:
        page = grids_page(session, Slice(filter=wanted))
        assert [grid.artifact.name for grid in page.items] == artifacts


@pytest.mark.parametrize(
    ("wanted", "positions"),
    [
        ("version:2 AND strength:0.5", [4, 10]),
        ("score:fidelity>0.5", [4, 10]),
        ("score:fidelity>=0.3 AND NOT score:nearest>0.3 AND version:2", [3, 5, 9, 11]),
        ("score:kid<1", []),
        ("state:failed OR state:missing", []),
        ("state:drawn AND *Red* AND strength:>=1", [8, 11]),
        ("seed:1 OR strength:0", [0, 3, 6, 9]),
    ],
)
def test_cells_are_found_by_what_they_ask_for_and_by_their_scores(
    trained: Engine,
    store: BlobStore,
    settings: Settings,
    tmp_path: Path,
    wanted: str,
    positions: list[int],
) -> None:
    planned = plan_grid(trained, store, settings, SMALL)
    finish_by_hand(trained, store, planned, tmp_path)
    with reading(trained) as session:
        grid = find_grid(session, planned.grid_id)
        page = cells_page(session, grid, Slice(filter=wanted))
        assert [cell.position for cell in page.items] == positions
        first = cells_page(session, grid, Slice(limit=5))
        rest = cells_page(session, grid, Slice(limit=50, cursor=first.next))
        assert [cell.position for cell in (*first.items, *rest.items)] == list(range(12))


@pytest.mark.parametrize("wanted", ["score:fidelity", "score:>1", "score:kid<x", "state:gone"])
def test_a_cell_is_not_asked_for_what_makes_no_sense(
    trained: Engine, store: BlobStore, settings: Settings, wanted: str
) -> None:
    planned = plan_grid(trained, store, settings, SMALL)
    with reading(trained) as session, pytest.raises((InvalidValue, UnknownName)):
        cells_page(session, find_grid(session, planned.grid_id), Slice(filter=wanted))


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        ("under:QZY/flawed", ["qzy/flawed", "qzy/flawed/stain"]),
        ("*stain", ["lsbr/flawed/stain", "qzy/flawed/stain"]),
        ("level:state AND NOT under:qzy", ["lsbr/flawed"]),
        ("depth:0", ["lsbr", "qzy"]),
        ("under:nothing", []),
    ],
)
def test_tags_are_found_by_their_place_with_the_names_they_had(
    engine: Engine, wanted: str, paths: list[str]
) -> None:
    levels = ("brand", "state", "defect")
    with transaction(engine) as session:
        for brand in ("qzy", "lsbr"):
            tag = ensure_tag(session, (brand, "flawed", "stain"), levels)
            assert tag is not None
            session.add(TagAlias(parent_id=tag.parent_id, name_key="spot", tag_id=tag.id))
    with reading(engine) as session:
        page = tags_page(session, Slice(filter=wanted))
        assert [tag.path for tag in page.items] == paths
        names = former_names(session, page.items)
        stains = [tag for tag in page.items if tag.name == "stain"]
        assert dict(names) == {tag.id: ["spot"] for tag in stains}


@pytest.mark.parametrize(
    ("wanted", "prompts"),
    [
        ("*mug*", ["a MUG"]),
        ("artifact:x-lora", ["a shirt"]),
        ("artifact:base AND state:queued", ["a shirt", "a MUG"]),
        ("NOT artifact:x-lora AND project:lab", ["a MUG"]),
        ("state:failed", []),
    ],
)
def test_generations_are_found_by_their_words_and_what_they_were_drawn_with(
    trained: Engine, store: BlobStore, settings: Settings, wanted: str, prompts: list[str]
) -> None:
    for text, project in (("a MUG", "lab"), ("a shirt <lora:x-lora:1>", "main")):
        picture = PictureRequest(base="base")
        request = GenerationRequest(prompts=[text], seeds=[1], picture=picture, project=project)
        plan_generation(trained, store, settings, request)
    with reading(trained) as session:
        page = generations_page(session, Slice(filter=wanted))
        found = [generation.pictures[0].picture["prompt"] for generation in page.items]
    assert found == prompts


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ("id:1", UnknownName),
        ("kind:laura", UnknownName),
        ("(kind:lora", InvalidValue),
        ("kind:lora AND", InvalidValue),
        ("created:yesterday", InvalidValue),
        ("created:9999-12-31", InvalidValue),
    ],
)
def test_what_makes_no_sense_is_told(stocked: Engine, wanted: str, kind: type[Exception]) -> None:
    with reading(stocked) as session, pytest.raises(kind):
        artifacts_page(session, Slice(filter=wanted))


@pytest.mark.parametrize("wanted", ["epoch:x", "epoch:1e400", "epoch:nan", "epoch:>", "loss:--1"])
def test_a_number_is_one(stocked: Engine, wanted: str) -> None:
    with reading(stocked) as session:
        lora = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        with pytest.raises(InvalidValue):
            versions_page(session, lora, Slice(filter=wanted))


def test_a_cursor_leads_on_in_its_own_filter_only(stocked: Engine) -> None:
    with reading(stocked) as session:
        first = artifacts_page(session, Slice(limit=1, filter="weipin*"))
        assert first.next is not None
        second = artifacts_page(session, Slice(limit=1, filter="weipin*", cursor=first.next))
        assert [found.name for found in (*first.items, *second.items)] == [
            "weipin-lora",
            "Weipin-test",
        ]
        for other in ("", "kind:lora"):
            with pytest.raises(InvalidValue, match="not a cursor of this list"):
                artifacts_page(session, Slice(limit=1, filter=other, cursor=first.next))


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("set:we* version:1", {"weipin@1", "spots@1"}),
        ("name:weipin AND images:>1", {"weipin@1", "weipin@2"}),
        ("spots OR (weipin version:>=2)", {"spots@1", "weipin@2"}),
        ("project:lab", set()),
        ("created:<2026-01-01", set()),
    ],
)
def test_datasets_are_found_by_what_they_are(
    engine: Engine, store: BlobStore, wanted: str, names: set[str]
) -> None:
    with transaction(engine) as session:
        found = image_set_of(session, "weipin", ["qzy", "lsbr"])
        freeze(session, store, "weipin")
        freeze(session, store, "spots", image_set="weipin", selector="qzy")
        found.background = "#000000"
        freeze(session, store, "weipin")
    with reading(engine) as session:
        page = versions_page_of_datasets(session, Slice(filter=wanted, limit=1))
        told = {version_ref(version) for version in page.items}
        while page.next:
            with pytest.raises(InvalidValue):
                versions_page_of_datasets(session, Slice(filter="other", cursor=page.next))
            part = Slice(filter=wanted, limit=1, cursor=page.next)
            page = versions_page_of_datasets(session, part)
            told |= {version_ref(version) for version in page.items}
    assert told == names


def test_image_sets_are_found_by_what_they_are(engine: Engine) -> None:
    with transaction(engine) as session:
        for name in ("weipin", "weipin-2", "other"):
            image_set_of(session, name, [""])
    with reading(engine) as session:
        first = image_sets_page(session, Slice(filter="weipin* layout:brand/*", limit=1))
        part = Slice(filter="weipin* layout:brand/*", limit=1, cursor=first.next)
        second = image_sets_page(session, part)
        told = [page.items[0].image_set.name for page in (first, second)]
        assert (told, second.next) == (["weipin", "weipin-2"], None)
        assert len(image_sets_page(session, Slice(filter="NOT weipin*")).items) == 1
        with pytest.raises(UnknownName):
            image_sets_page(session, Slice(filter="colour:red"))
