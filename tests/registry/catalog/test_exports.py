"""Versions going out: into a folder, or to where another program looks for them."""

import json
from pathlib import Path

import pytest
import torch
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact, set_alias
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.catalog.exports import export_for, export_version
from sdxl_reg.catalog.imports import import_file
from sdxl_reg.diffusion.hypernetwork_files import save_hypernetwork
from sdxl_reg.errors import Conflict
from sdxl_reg.formats.checkpoint import require_sdxl
from sdxl_reg.formats.hypernetwork import HypernetworkFacts
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import ArtifactVersion
from sdxl_reg.vocabulary import ArtifactKind, Program


def _version(
    session: Session, store: BlobStore, *, kind: ArtifactKind = ArtifactKind.LORA
) -> ArtifactVersion:
    """A version of two words with a preview, and `@best` at 0.7."""
    artifact = ensure_artifact(session, "weipin", kind)
    details = {
        "trigger_words": ["qzy", "spot"],
        "preview": store.put_bytes(b"a picture").sha256,
    }
    new = NewVersion(
        files={"weipin-000003.safetensors": store.put_bytes(b"weights")},
        hashes={"autov2": "0123456789"},
        details=details,
    )
    version = add_version(session, artifact, new)
    set_alias(session, version, "best", strength=0.7)
    return version


def test_an_export_gives_the_bytes_back_and_overwrites_nothing(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        version = _version(session, store)
        (path,) = export_version(store, version, tmp_path / "out")
        assert path.read_bytes() == b"weights"
        assert export_version(store, version, tmp_path / "out") == [path]
        path.write_bytes(b"somebody's own")
        with pytest.raises(Conflict, match="exists and differs"):
            export_version(store, version, tmp_path / "out")
        assert path.read_bytes() == b"somebody's own"


def test_a1111_gets_file_preview_and_notes_where_it_looks(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        _version(session, store)
        found = export_for(session, store, "weipin@best", Program.A1111, tmp_path)
    folder = tmp_path / "models" / "Lora"
    assert found.files == [
        folder / f"weipin-000003.{end}" for end in ("safetensors", "png", "json")
    ]
    assert (found.trigger_words, found.has_preview) == (["qzy", "spot"], True)
    assert found.hashes == {"autov2": "0123456789"}
    notes = json.loads(found.files[2].read_text())
    assert notes["activation text"] == "qzy, spot"
    assert (notes["sd version"], notes["preferred weight"]) == ("SDXL", 0.7)


def test_notes_that_a_person_changed_are_theirs(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        _version(session, store)
        notes = export_for(session, store, "weipin", Program.A1111, tmp_path).files[2]
        notes.write_text("mine")
        export_for(session, store, "weipin", Program.A1111, tmp_path)
    assert notes.read_text() == "mine"


@pytest.mark.parametrize(
    ("program", "kind", "folder"),
    [
        (Program.COMFYUI, ArtifactKind.LORA, "models/loras"),
        (Program.COMFYUI, ArtifactKind.EMBEDDING, "models/embeddings"),
        (Program.A1111, ArtifactKind.EMBEDDING, "embeddings"),
        (Program.KOHYA, ArtifactKind.LORA, "model"),
        (Program.DIFFUSERS, ArtifactKind.LORA, "."),
    ],
)
def test_each_program_has_places_of_its_own(
    engine: Engine,
    store: BlobStore,
    tmp_path: Path,
    program: Program,
    kind: ArtifactKind,
    folder: str,
) -> None:
    with transaction(engine) as session:
        _version(session, store, kind=kind)
        found = export_for(session, store, "weipin", program, tmp_path)
    assert found.files[0] == tmp_path / folder / "weipin-000003.safetensors"
    assert found.files[0].read_bytes() == b"weights"
    if kind == ArtifactKind.EMBEDDING:
        assert found.trigger_words == ["weipin-000003"]


def test_a_hypernetwork_becomes_a_pt_that_no_code_hides_in(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    facts = HypernetworkFacts(layer_structure=(1, 1), name="weipin")
    weights = {
        f"hypernet.2048.{net}.linear.0.{name}": torch.ones(shape)
        for net in "kv"
        for name, shape in (("weight", (2048, 2048)), ("bias", (2048,)))
    }
    save_hypernetwork(tmp_path / "weipin.safetensors", weights, facts, metadata={})
    with transaction(engine) as session:
        import_file(session, store, tmp_path / "weipin.safetensors")
        found = export_for(session, store, "weipin", Program.A1111, tmp_path / "webui")
    assert found.files[0] == tmp_path / "webui" / "models" / "hypernetworks" / "weipin.pt"
    read = torch.load(found.files[0], weights_only=True)
    assert torch.equal(read[2048][0]["linear.0.weight"], torch.ones(2048, 2048))


def test_a_base_goes_out_as_one_file_and_comes_back_as_a_folder(
    engine: Engine, store: BlobStore, tiny_base: Path, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        find_base(session, store, str(tiny_base))
        one = export_for(session, store, "base", Program.COMFYUI, tmp_path / "comfy").files[0]
        assert one == tmp_path / "comfy" / "models" / "checkpoints" / "base-000001.safetensors"
        require_sdxl(one, config_path=tiny_base)
        find_base(session, store, str(one), config_path=tiny_base)
        folder = export_for(session, store, "base-000001", Program.DIFFUSERS, tmp_path).files[0]
        require_sdxl(folder)
