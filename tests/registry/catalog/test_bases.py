"""Base checkpoints: what a user's word for one means."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.artifacts import ensure_artifact, version_ref
from sdxl_reg.catalog.bases import (
    SCHEDULER,
    find_base,
    known_configuration,
    lay_out,
    resolution_of,
)
from sdxl_reg.errors import NotFound, UsageError
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import ArtifactKind
from tests.registry.formats.shaped_files import sdxl_file


def test_the_word_micro_always_means_the_same_version(engine: Engine, store: BlobStore) -> None:
    with transaction(engine) as session:
        refs = {version_ref(find_base(session, store, word)) for word in ("micro", "micro@1")}
        assert refs == {"micro@1"}


def test_a_folder_is_registered_once_however_often_it_is_named(
    engine: Engine, store: BlobStore, tiny_base: Path
) -> None:
    with transaction(engine) as session:
        first = find_base(session, store, str(tiny_base))
        assert find_base(session, store, str(tiny_base)) is first
        assert find_base(session, store, version_ref(first)) is first


def test_a_base_is_laid_out_again_with_the_bytes_it_had(
    engine: Engine, store: BlobStore, tiny_base: Path, tmp_path: Path
) -> None:
    with transaction(engine) as session:
        spec = lay_out(store, find_base(session, store, str(tiny_base)), tmp_path / "base")
    names = {p.relative_to(tiny_base) for p in tiny_base.rglob("*") if p.is_file()}
    assert {p.relative_to(spec.path) for p in spec.path.rglob("*") if p.is_file()} == names
    assert all((spec.path / n).read_bytes() == (tiny_base / n).read_bytes() for n in names)
    assert resolution_of(spec) == 64


def test_a_full_size_single_file_needs_no_configuration_beside_it(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    path = sdxl_file(tmp_path / "sd_xl.safetensors", widths=(768, 1280))
    with transaction(engine) as session:
        spec = lay_out(store, find_base(session, store, str(path)), tmp_path / "base")
    assert spec.path.name == "sd_xl.safetensors"
    assert resolution_of(spec) == 1024


def test_a_single_file_that_predicts_v_gets_a_scheduler_that_does(tmp_path: Path) -> None:
    plain = sdxl_file(tmp_path / "a.safetensors", widths=(768, 1280))
    marked = sdxl_file(tmp_path / "b.safetensors", widths=(768, 1280), marks=("v_pred", "ztsnr"))
    schedulers = [json.loads(known_configuration(path)[SCHEDULER]) for path in (plain, marked)]
    assert [found["prediction_type"] for found in schedulers] == ["epsilon", "v_prediction"]
    assert [found.get("rescale_betas_zero_snr") for found in schedulers] == [None, True]


def test_a_single_file_of_another_size_asks_for_its_configuration(tmp_path: Path) -> None:
    path = sdxl_file(tmp_path / "odd.safetensors", widths=(100, 28))
    with pytest.raises(UsageError, match="--base-config"):
        known_configuration(path)


def test_a_checkpoint_of_another_model_is_refused(
    engine: Engine, store: BlobStore, tmp_path: Path
) -> None:
    (tmp_path / "sd15").mkdir()
    index = {"_class_name": "StableDiffusionPipeline"}
    (tmp_path / "sd15" / "model_index.json").write_text(json.dumps(index))
    with transaction(engine) as session, pytest.raises(UsageError, match="not SDXL"):
        find_base(session, store, str(tmp_path / "sd15"))


def test_a_word_that_is_neither_registered_nor_a_path_is_refused(
    engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session, pytest.raises(NotFound, match="no such base: 'mikro'"):
        find_base(session, store, "mikro")


def test_what_there_is_and_what_else_would_do_are_two_sentences(
    engine: Engine, store: BlobStore
) -> None:
    with transaction(engine) as session:
        with pytest.raises(NotFound, match=r"There is no artifact yet\. A diffusers folder"):
            find_base(session, store, "mikro")
        find_base(session, store, "micro")
        with pytest.raises(NotFound, match=r"Did you mean 'micro'\? A diffusers folder"):
            find_base(session, store, "mikro")
        with pytest.raises(NotFound, match=r"There is: micro\. A diffusers folder"):
            find_base(session, store, "juggernaut")


def test_an_adapter_is_no_base(engine: Engine, store: BlobStore) -> None:
    with transaction(engine) as session:
        ensure_artifact(session, "weipin-lora", ArtifactKind.LORA)
        with pytest.raises(NotFound):
            find_base(session, store, "weipin-lora")
