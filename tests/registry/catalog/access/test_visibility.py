"""What a viewer does not see is not there, in any query, on either database."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import aliased, joinedload

from sdxl_reg.catalog.access import visibility
from sdxl_reg.catalog.access.projects import move, projects
from sdxl_reg.catalog.access.viewers import Viewer
from sdxl_reg.catalog.access.visibility import is_blob_visible, shown_to
from sdxl_reg.catalog.ancestry import lineage_of
from sdxl_reg.catalog.datasets import find_dataset_version
from sdxl_reg.catalog.images import find_image_set, members_of
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.ingest_plan import IngestOptions
from sdxl_reg.catalog.integrity.derived import derived_faults
from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import (
    Artifact,
    ArtifactVersion,
    Base,
    Blob,
    Caption,
    Image,
    ImageSet,
    Member,
    Run,
)
from sdxl_reg.vocabulary import NodeKind, Role

SEEN_BY_ALL = {
    "blob",  # bytes without a name: see is_blob_visible
    "file_hash",
    "blob_scan",  # of a blob that one sees
    "kept_answer",  # of who asks, by their name
    "tag",
    "tag_closure",
    "tag_alias",
    "lineage_dep",
    "event_log",  # admins only, by its routes
    "user_account",
    "user_role",
    "token",
    "browser_session",
}


@pytest.fixture
def two_projects(trained: Engine, store: BlobStore, tmp_path: Path) -> Engine:
    """The set `shop` and all that was made of it in `main`, the set `secret` in `lab`."""
    folder = tmp_path / "secret" / "new"
    folder.mkdir(parents=True)
    Picture.new("RGB", (64, 64), "green").save(folder / "green.png")
    Picture.new("RGB", (64, 64), "black").save(folder / "shared.png")
    options = IngestOptions(as_name="secret", project="lab")
    ingest(trained, store, tmp_path / "secret", options=options)
    return trained


def _viewer(**roles: Role) -> Viewer:
    return Viewer(user_id=1, name="anna", roles=roles, everywhere=None, through="token")


MAIN, LAB, BOTH, NONE = (
    _viewer(main=Role.READER),
    _viewer(lab=Role.READER),
    _viewer(main=Role.READER, lab=Role.READER),
    _viewer(),
)


def test_every_table_belongs_to_a_project_or_is_named_as_seen_by_all() -> None:
    ruled = [option.entity for option in visibility._criteria(frozenset())]
    names = {found.class_.__tablename__ for found in ruled if found is not None}
    assert names | SEEN_BY_ALL == set(Base.metadata.tables)
    assert not names & SEEN_BY_ALL


@pytest.mark.parametrize(
    ("viewer", "sets"),
    [
        (MAIN, {"shop"}),
        (LAB, {"secret"}),
        (BOTH, {"shop", "secret"}),
        (NONE, set()),
        (None, {"shop", "secret"}),
    ],
)
def test_sets_members_captions_and_images_are_those_of_the_projects(
    two_projects: Engine, viewer: Viewer | None, sets: set[str]
) -> None:
    with reading(two_projects) as session, shown_to(viewer):
        assert set(session.scalars(select(ImageSet.name))) == sets
        count = {"shop": 4, "secret": 2}
        wanted = sum(count[name] for name in sets)
        for table in (Member, Caption, Image):
            assert session.scalar(select(func.count()).select_from(table)) == wanted, table
        other = aliased(Member)
        assert session.scalar(select(func.count(other.id))) == wanted
        joined = select(Member).options(joinedload(Member.image_set))
        assert {member.image_set.name for member in session.scalars(joined)} == sets


def test_what_is_of_another_project_is_not_found(two_projects: Engine) -> None:
    with reading(two_projects) as session, shown_to(LAB):
        with pytest.raises(NotFound):
            find_image_set(session, "shop")
        with pytest.raises(NotFound):
            find_dataset_version(session, "shop@1")
        assert session.get(Member, 1) is None
        assert session.get(Run, 1) is None
        assert session.scalars(select(Artifact)).all() == []
        assert session.scalars(select(ArtifactVersion)).all() == []


def test_columns_subqueries_and_lists_keep_to_it_too(two_projects: Engine) -> None:
    with reading(two_projects) as session, shown_to(LAB):
        within = select(Member.image_id).where(Member.source_path.endswith(".png"))
        images = session.scalars(select(Image.id).where(Image.id.in_(within))).all()
        assert len(images) == 2
        assert len(members_of(session, find_image_set(session, "secret"))) == 2
        assert session.execute(select(ImageSet.name, ImageSet.project)).all() == [("secret", "lab")]


def test_bytes_are_seen_by_whom_something_shows_them(two_projects: Engine) -> None:
    with reading(two_projects) as session:
        version = session.scalars(select(ArtifactVersion).limit(1)).one()
        weights = version.files[0].blob
        manifest = find_dataset_version(session, "shop@1").manifest
        pictures: dict[str, Blob] = {
            member.image_set.name: member.image.blob for member in session.scalars(select(Member))
        }
        blobs = [weights, manifest, pictures["shop"], pictures["secret"]]
        for viewer, seen in (
            (None, [True, True, True, True]),
            (MAIN, [True, True, True, False]),
            (LAB, [False, False, False, True]),
        ):
            with shown_to(viewer):
                assert [is_blob_visible(session, blob) for blob in blobs] == seen, viewer


def test_bytes_that_only_a_document_names_are_seen_with_it(two_projects: Engine) -> None:
    with transaction(two_projects) as session:
        blob = Blob(sha256="e" * 64, size_bytes=1)
        session.add(blob)
        version = session.scalars(select(ArtifactVersion).limit(1)).one()
        version.details = {**version.details, "preview": blob.sha256}
    for viewer, seen in ((MAIN, True), (LAB, False)):
        with reading(two_projects) as session, shown_to(viewer):
            assert is_blob_visible(session, blob) == seen


def test_lineage_leaves_out_what_is_of_another_project(two_projects: Engine) -> None:
    with transaction(two_projects) as session:
        move(session, ["artifact:x-lora"], "lab")
    for viewer, kinds in (
        (None, {"artifact", "dataset", "image", "image_set"}),
        (LAB, {"artifact"}),
    ):
        with reading(two_projects) as session, shown_to(viewer):
            graph = lineage_of(session, "x-lora@2", ways=("up",))
            assert {node.kind for node in graph.nodes} == kinds
            known = {node.id for node in graph.nodes}
            assert all({edge.source, edge.target} <= known for edge in graph.edges)


def test_things_move_with_the_runs_that_made_them(two_projects: Engine) -> None:
    with transaction(two_projects) as session:
        before = projects(session)
        assert before["lab"] == {"image_sets": 1, "artifacts": 0, "runs": 0, "users": 0}
        move(session, ["image_set:shop", "artifact:x-lora"], "lab")
    with reading(two_projects) as session:
        after = projects(session)
        assert after["lab"] == {"image_sets": 2, "artifacts": 1, "runs": 1, "users": 0}
        with shown_to(LAB):
            kinds = {node.kind for node in lineage_of(session, "x-lora").nodes}
            assert {NodeKind.DATASET, NodeKind.IMAGE_SET, NodeKind.IMAGE} <= kinds
        assert list(derived_faults(session)) == []
        for reference in ("x-lora", "grid:1", "dataset:shop@1"):
            with pytest.raises(InvalidValue, match="cannot be moved"):
                move(session, [reference], "lab")
        with pytest.raises(InvalidValue, match="name of a project"):
            move(session, ["image_set:shop"], "The Lab")


def test_a_set_is_ingested_again_where_it_is(
    two_projects: Engine, store: BlobStore, tmp_path: Path
) -> None:
    Picture.new("RGB", (64, 64), "yellow").save(tmp_path / "secret" / "new" / "more.png")
    ingest(two_projects, store, tmp_path / "secret", options=IngestOptions(as_name="secret"))
    with reading(two_projects) as session:
        assert find_image_set(session, "secret").project == "lab"


def _no_filter(*_: Any) -> None:
    """Nothing is left out."""


def test_without_the_rule_these_tests_would_fail(
    two_projects: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visibility, "_hidden_but", _no_filter)
    with reading(two_projects) as session, shown_to(NONE):
        assert set(session.scalars(select(ImageSet.name))) == {"shop", "secret"}
