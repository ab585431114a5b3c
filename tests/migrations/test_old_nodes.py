"""Nodes of revision 0007, which did not say their project, belong to that of what stands there."""

from pathlib import Path

from sqlalchemy import select

from sdxl_reg.catalog.access.projects import move
from sdxl_reg.catalog.grids import plan
from sdxl_reg.catalog.integrity.derived import derived_faults
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, downgrade, reading, transaction, upgrade
from sdxl_reg.tables import Node
from tests.registry.catalog.hand_drawn import SMALL
from tests.registry.catalog.hand_trained import train_by_hand


def test_nodes_of_the_older_release_get_the_project_of_what_stands_there(
    empty_database: str, store: BlobStore, tmp_path: Path, tiny_base: Path, tiny_loras: list[Path]
) -> None:
    engine = connect(empty_database)
    upgrade(engine)
    train_by_hand(engine, store, tmp_path, tiny_base, tiny_loras)
    settings = Settings.from_environment({"SDXL_REG_HOME": str(tmp_path / "home")})
    plan(engine, store, settings, SMALL)
    with transaction(engine) as session:
        move(session, ["artifact:x-lora"], "lab")
    projects = select(Node.id, Node.kind, Node.project).order_by(Node.id)
    with reading(engine) as session:
        before = session.execute(projects).all()
    assert {project for _, _, project in before} == {"main", "lab"}
    downgrade(engine, "0007")
    upgrade(engine)
    with reading(engine) as session:
        assert session.execute(projects).all() == before
        assert list(derived_faults(session)) == []
    engine.dispose()
