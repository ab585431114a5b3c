"""Importing files that were made elsewhere, or exported from here."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact, version_ref
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.imports import import_file
from sdxl_reg.catalog.lineage import new_node, reachable, record_input
from sdxl_reg.catalog.runs import new_run
from sdxl_reg.errors import Conflict, Corrupt, NotFound, UsageError
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import ArtifactKind, NodeKind, RunKind
from tests.registry.formats.shaped_files import TO_K, sdxl_file, shaped_file

CLIP_L, CLIP_G = "clip_l", "clip_g"


def lora(folder: Path, metadata: dict[str, str] | None = None, *, width: int = 2048) -> Path:
    """A LoRA of one matrix, as another program might have written it."""
    return shaped_file(folder / "old.safetensors", {TO_K: (4, width)}, metadata or {})


def test_a_lora_is_told_by_its_header_and_keeps_what_that_says(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    path = lora(
        tmp_path, {"ss_epoch": "3", "ss_steps": "24", "modelspec.trigger_phrase": "qzy, spot"}
    )

    with transaction(engine) as session:
        version = import_file(session, store, path)

        assert (version_ref(version), version.artifact.kind) == ("old@1", ArtifactKind.LORA)
        assert (version.epoch, version.step, version.trainer) == (3, 24, "lora")
        assert version.details["trigger_words"] == ["qzy", "spot"]
        assert store.path(version.files[0].blob.sha256).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("metadata", "words"),
    [({}, ["mychar"]), ({"sdxl_reg.trigger": "weipin-embedding"}, ["weipin-embedding"])],
)
def test_an_embedding_is_called_up_by_what_it_says_or_by_its_file_name(
    engine: Engine, store: BlobStore, tmp_path: Path, metadata: dict[str, str], words: list[str]
) -> None:
    path = shaped_file(
        tmp_path / "mychar.safetensors", {CLIP_L: (2, 768), CLIP_G: (2, 1280)}, metadata
    )

    with transaction(engine) as session:
        version = import_file(session, store, path)

        assert (version.artifact.kind, version.trainer) == (ArtifactKind.EMBEDDING, "embedding")
        assert version.details["trigger_words"] == words


def test_importing_again_changes_nothing(engine: Engine, store: BlobStore, tmp_path: Path) -> None:
    path = lora(tmp_path)

    with transaction(engine) as session:
        first = import_file(session, store, path, name="weipin-lora")
        again = import_file(session, store, path, name="weipin-lora")

        assert again is first


def test_a_file_that_a_run_made_finds_its_run_and_its_lineage_again(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        run = new_run(session, RunKind.TRAIN, "train lora", {"key": "f" * 64}, trainer="lora")
        pictures = new_node(session, NodeKind.DATASET)
        record_input(session, run.id, pictures.id, "dataset")

        version = import_file(session, store, lora(tmp_path, {"sdxl_reg.run": "f" * 64}))

        assert version.run_id == run.id
        assert pictures.id in reachable(session, [version.node_id], "up")


def test_a_base_that_is_known_here_is_found_by_its_digest(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        bases = ensure_artifact(session, "micro", ArtifactKind.CHECKPOINT)
        base = add_version(session, bases, NewVersion(files={"x": store.put_bytes(b"x")}))

        version = import_file(session, store, lora(tmp_path, {"sdxl_reg.base": base.digest}))

        assert version.base is base


def test_an_exported_epoch_comes_back_as_the_version_it_was(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    path = lora(tmp_path).rename(tmp_path / "weipin-lora-000013.safetensors")
    with transaction(engine) as session:
        artifact = ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        trained = add_version(
            session, artifact, NewVersion(files={path.name: store.put_file(path)})
        )

        assert import_file(session, store, path) is trained


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("weipin-lora", "weipin-lora"),
        ("weipin-lora-000013", "weipin-lora"),
        ("weipin-lora-step00000250", "weipin-lora"),
        ("lora-2026", "lora-2026"),
    ],
)
def test_epochs_and_steps_of_one_training_are_versions_of_one_artifact(
    engine: Engine, store: BlobStore, tmp_path: Path, stem: str, name: str
) -> None:
    path = lora(tmp_path).rename(tmp_path / f"{stem}.safetensors")

    with transaction(engine) as session:
        assert import_file(session, store, path).artifact.name == name


def test_a_checkpoint_becomes_a_base_under_the_name_it_is_given(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    path = sdxl_file(tmp_path / "sd_xl.safetensors", widths=(768, 1280))

    with transaction(engine) as session:
        version = import_file(session, store, path, name="studio")

        assert version_ref(version) == "studio@1"
        assert find_base(session, store, "studio") is version


def test_an_embedding_is_kept_under_its_own_kind(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    path = shaped_file(tmp_path / "qzy.safetensors", {CLIP_L: (2, 768), CLIP_G: (2, 1280)}, {})

    with transaction(engine) as session:
        assert import_file(session, store, path).artifact.kind == ArtifactKind.EMBEDDING


def test_a_lora_for_another_family_is_refused(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with transaction(engine) as session, pytest.raises(UsageError, match="lora for sd1"):
        import_file(session, store, lora(tmp_path, width=768))


def test_a_name_of_another_kind_is_refused(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        ensure_artifact(session, "micro", ArtifactKind.CHECKPOINT)

        with pytest.raises(Conflict, match="checkpoint"):
            import_file(session, store, lora(tmp_path), name="micro")


def test_what_is_no_safetensors_file_is_refused(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"<html>")

    with transaction(engine) as session:
        with pytest.raises(Corrupt):
            import_file(session, store, path)
        with pytest.raises(NotFound):
            import_file(session, store, tmp_path / "absent.safetensors")
