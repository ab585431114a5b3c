"""What a training leaves in a registry, put there without one."""

from pathlib import Path

from PIL import Image
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.datasets import freeze
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.lineage import record_input
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import new_run
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import DatasetVersion
from sdxl_reg.vocabulary import ArtifactKind, RunKind

COLOURS = ("red", "blue")


def train_by_hand(
    engine: Engine, store: BlobStore, tmp_path: Path, base: Path, loras: list[Path]
) -> None:
    for colour in COLOURS:
        folder = tmp_path / "shop" / colour
        folder.mkdir(parents=True)
        for number in range(2):
            picture = Image.new("RGB", (64, 64), colour)
            picture.putpixel((number, 0), (0, 0, 0))
            picture.save(folder / f"{number}.png")
    ingest(engine, store, tmp_path / "shop")
    with transaction(engine) as session:
        dataset = freeze(session, store, "shop")
        run_of(session, store, base, loras, dataset)


def run_of(
    session: Session,
    store: BlobStore,
    base: Path,
    loras: list[Path],
    dataset: DatasetVersion | None,
) -> None:
    """A run on a base, and perhaps a dataset, that made versions of x-lora."""
    checkpoint = find_base(session, store, str(base))
    run = new_run(session, RunKind.TRAIN, "train lora", {}, trainer="lora", project=MAIN)
    record_input(session, run.id, checkpoint.node_id, "base")
    if dataset is not None:
        record_input(session, run.id, dataset.node_id, "dataset")
    artifact = ensure_artifact(session, "x-lora", ArtifactKind.LORA)
    for epoch, path in enumerate(loras, start=1):
        new = NewVersion(
            files={path.name: store.put_file(path)},
            run_id=run.id,
            base_version_id=checkpoint.id,
            trainer="lora",
            epoch=epoch,
            step=4 * epoch,
            loss=0.5 / epoch,
        )
        add_version(session, artifact, new)
