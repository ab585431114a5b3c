"""A checkpoint that was trained here is a base like any other: a LoRA is trained on it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from sdxl_reg.catalog.artifacts import (
    NewVersion,
    add_version,
    ensure_artifact,
    find_version,
    version_ref,
)
from sdxl_reg.catalog.bases import find_base, lay_out, resolution_of_version
from sdxl_reg.catalog.exports import export_for
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.testing import Heard, draw, training_job
from sdxl_reg.trainers.interface import BaseModel
from sdxl_reg.vocabulary import ArtifactKind, BaseFormat, Program
from sdxl_reg_checkpoint.apply import applied
from sdxl_reg_checkpoint.config import CheckpointConfig
from sdxl_reg_checkpoint.train import train
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.train import train as train_lora

QUICK: dict[str, Any] = {"preview": False, "max_train_steps": 2, "save_precision": "float"}


def _trained(base: Path, folder: Path, **settings: Any) -> Path:
    folder.mkdir(exist_ok=True)
    config = CheckpointConfig.model_validate(QUICK | {"learning_rate": 0.01} | settings)
    return train(training_job(config, base, folder), Heard())[-1]


def _recorded(engine: Engine, store: BlobStore, base: str, weights: Path) -> str:
    """A version as the registry records what a training made."""
    with transaction(engine) as session:
        base_id = find_base(session, store, base).id
        new = NewVersion(
            files={weights.name: store.put_file(weights)},
            base_version_id=base_id,
            trainer="checkpoint",
        )
        artifact = ensure_artifact(session, "tuned", ArtifactKind.CHECKPOINT)
        return version_ref(add_version(session, artifact, new))


@pytest.fixture
def laid_out(engine: Engine, store: BlobStore, tiny_base: Path, tmp_path: Path) -> BaseModel:
    """A trained checkpoint of the tiny base, laid out for a job."""
    weights = _trained(tiny_base, tmp_path / "made")
    reference = _recorded(engine, store, str(tiny_base), weights)
    with transaction(engine) as session:
        version = find_base(session, store, reference)
        assert resolution_of_version(store, version) == 64
        spec = lay_out(store, version, tmp_path / "base")
    return BaseModel(
        ref=spec.ref,
        path=spec.path,
        format=spec.format,
        config_path=spec.config_path,
        sha256=spec.sha256,
    )


def test_it_is_laid_out_as_one_file_with_its_bases_configuration(
    laid_out: BaseModel, tiny_base: Path
) -> None:
    assert (laid_out.ref, laid_out.format) == ("tuned@1", BaseFormat.SINGLE_FILE)
    assert laid_out.config_path is not None
    configured = {path.name for path in laid_out.config_path.rglob("*") if path.is_file()}
    assert {"model_index.json", "config.json", "merges.txt", "scheduler_config.json"} <= configured
    assert not any(name.endswith(".safetensors") for name in configured)
    tuned = load_pipeline(laid_out.path, config_path=laid_out.config_path)
    ours = load_pipeline(tiny_base)
    with applied(ours, laid_out.path, 1.0):
        assert np.array_equal(draw(tuned), draw(ours))


def test_a_lora_is_trained_on_it(laid_out: BaseModel, tiny_base: Path, tmp_path: Path) -> None:
    config = LoraConfig.model_validate(QUICK | {"rank": 2})
    (tmp_path / "lora").mkdir()
    job = training_job(config, tiny_base, tmp_path / "lora")
    job = replace(job, base=laid_out)
    heard = Heard()
    assert train_lora(job, heard)[-1].is_file()
    assert all(np.isfinite(values["loss"]) for _, values in heard.metrics if "loss" in values)


def test_one_that_was_trained_on_a_trained_one_goes_back_to_the_same_configuration(
    engine: Engine, store: BlobStore, laid_out: BaseModel, tmp_path: Path
) -> None:
    config = CheckpointConfig.model_validate(QUICK | {"learning_rate": 0.01, "seed": 7})
    (tmp_path / "again").mkdir()
    job = training_job(config, laid_out.path, tmp_path / "again")
    job = replace(job, base=laid_out)
    reference = _recorded(engine, store, "tuned@1", train(job, Heard())[-1])
    with transaction(engine) as session:
        assert reference == "tuned@2"
        spec = lay_out(store, find_version(session, reference), tmp_path / "base-2")
    assert spec.config_path is not None
    assert load_pipeline(spec.path, config_path=spec.config_path)


def test_one_that_predicts_v_is_laid_out_with_a_scheduler_that_does(
    engine: Engine, store: BlobStore, tiny_base: Path, tmp_path: Path
) -> None:
    weights = _trained(
        tiny_base, tmp_path / "v", prediction_type="v_prediction", zero_terminal_snr=True
    )
    reference = _recorded(engine, store, str(tiny_base), weights)
    for name in ("first", "first", "second"):  # a grid that goes on lays its base out again
        with transaction(engine) as session:
            spec = lay_out(store, find_version(session, reference), tmp_path / name)
    scheduler = load_pipeline(spec.path, config_path=spec.config_path).scheduler
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler.config.rescale_betas_zero_snr is True
    plain = load_pipeline(tiny_base).scheduler
    assert plain.config.prediction_type == "epsilon"


@pytest.mark.slow
def test_it_goes_out_to_diffusers_as_a_folder_with_its_bases_configuration(
    engine: Engine, store: BlobStore, tiny_base: Path, tmp_path: Path
) -> None:
    weights = _trained(tiny_base, tmp_path / "made")
    reference = _recorded(engine, store, str(tiny_base), weights)
    with transaction(engine) as session:
        out = export_for(session, store, reference, Program.DIFFUSERS, tmp_path / "out").files[0]
    ours = load_pipeline(tiny_base)
    with applied(ours, weights, 1.0):
        assert np.array_equal(draw(load_pipeline(out)), draw(ours))
