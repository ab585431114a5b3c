"""Importing files that were made elsewhere, or exported from here."""

from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact, version_ref
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.imports import import_file
from sdxl_reg.catalog.lineage import new_node, record_input
from sdxl_reg.catalog.lineage_walk import reachable
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import new_run
from sdxl_reg.errors import Conflict, Corrupt, NotFound, UsageError
from sdxl_reg.formats.identity import identify
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import ArtifactVersion
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
        run = new_run(
            session, RunKind.TRAIN, "train lora", {"key": "f" * 64}, trainer="lora", project=MAIN
        )
        pictures = new_node(session, NodeKind.DATASET, MAIN)
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


def test_a_kind_that_is_given_wins_and_both_are_written_down(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    odd = shaped_file(tmp_path / "odd.safetensors", {"weight": (1,)}, {})
    with transaction(engine) as session:
        same = import_file(session, store, lora(tmp_path), kind=ArtifactKind.LORA)
        other = import_file(
            session, store, lora(tmp_path), kind=ArtifactKind.HYPERNETWORK, name="other"
        )
        blind = import_file(session, store, odd, kind=ArtifactKind.EMBEDDING)

        assert "kind_overruled" not in same.details
        assert other.artifact.kind == ArtifactKind.HYPERNETWORK
        assert other.details["kind_overruled"] == {"guess": "lora", "given": "hypernetwork"}
        assert blind.details["kind_overruled"]["guess"] is None
        assert "no kind that is known" in blind.details["kind_overruled"]["because"]
        with pytest.raises(UsageError, match="lora for sd1"):
            import_file(session, store, lora(tmp_path, width=768), kind=ArtifactKind.LORA)


def test_a_base_can_be_named_when_the_file_does_not(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        version = import_file(session, store, lora(tmp_path), base="micro")
        assert version.base is not None
        assert version_ref(version.base) == "micro@1"
        with pytest.raises(NotFound, match="no such base"):
            import_file(session, store, lora(tmp_path), base="mikro", name="x")
        checkpoint = sdxl_file(tmp_path / "sd_xl.safetensors", widths=(768, 1280))
        with pytest.raises(UsageError, match="needs no base"):
            import_file(session, store, checkpoint, base="micro")


def test_a_trained_checkpoint_comes_back_as_the_version_it_was(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    path = sdxl_file(tmp_path / "mine-000003.safetensors", widths=(768, 1280))
    with transaction(engine) as session:
        artifact = ensure_artifact(session, "mine", ArtifactKind.CHECKPOINT)
        files = {path.name: store.put_file(path)}
        trained = add_version(session, artifact, NewVersion(files=files))

        assert import_file(session, store, path) is trained
        assert import_file(session, store, path, name="other").version == 1


def hypernetwork_pt(folder: Path, width: int) -> Path:
    """A hypernetwork as A1111 saves it."""
    import torch

    weight, bias = torch.ones(width, width), torch.zeros(width)
    network = {"linear.0.weight": weight, "linear.0.bias": bias}
    path = folder / "mine.pt"
    torch.save({width: (network, network), "layer_structure": [1, 1], "step": 7}, path)
    return path


@pytest.mark.slow
def test_a_hypernetwork_of_a1111_is_kept_as_safetensors(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    path = hypernetwork_pt(tmp_path, 32)
    with transaction(engine) as session:
        version = import_file(session, store, path)

        assert (version_ref(version), version.artifact.kind) == ("mine@1", "hypernetwork")
        assert [file.path for file in version.files] == ["mine.safetensors"]
        assert version.details["imported_from"] == "mine.pt"
        assert version.details["imported_sha256"] == sha256(path.read_bytes()).hexdigest()
        assert identify(store.path(version.digest)).kind == ArtifactKind.HYPERNETWORK
        assert import_file(session, store, path) is version


def test_pickles_that_cannot_be_kept_are_refused_with_what_to_do(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    import torch

    def refused(held: object, message: str) -> None:
        torch.save(held, tmp_path / "x.pt")
        with pytest.raises(UsageError, match=message):
            import_file(session, store, tmp_path / "x.pt")

    with transaction(engine) as session:
        refused({"string_to_param": {"*": torch.zeros(2, 768)}}, "embedding for sd1")
        refused({768: ({}, {})}, "hypernetwork for sd1")
        refused({"clip_l": torch.zeros(1, 8), "clip_g": torch.zeros(1, 8)}, r"\.safetensors")
        refused({"state_dict": {"a": torch.zeros(1)}}, "checkpoint is not opened.*merger of A1111")
        refused({"lora_unet_x.alpha": torch.zeros(1)}, "lora is not opened")
        assert session.scalars(select(ArtifactVersion)).all() == []


def test_a_pickle_that_could_run_is_refused_by_its_name(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    import torch

    torch.save({"state_dict": {}, "callbacks": Path("x")}, tmp_path / "x.ckpt")
    with transaction(engine) as session, pytest.raises(Corrupt, match="asks for 'pathlib"):
        import_file(session, store, tmp_path / "x.ckpt")


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
