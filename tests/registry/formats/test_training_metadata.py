import json
from dataclasses import replace

from sdxl_reg.formats.training_metadata import TrainingFacts, training_metadata
from sdxl_reg.vocabulary import ArtifactKind

FACTS = TrainingFacts(
    kind=ArtifactKind.LORA,
    output_name="weipin-lora",
    run_key="2" * 64,
    dataset_ref="weipin@1",
    dataset_sha256="1" * 64,
    base_ref="micro@1",
    base_sha256="0" * 64,
    base_file_sha256="3" * 64,
    base_legacy_hash="4" * 8,
    epoch=2,
    step=20,
    num_epochs=5,
    max_train_steps=50,
    num_train_images=40,
    num_class_images=0,
    num_held_out=0,
    num_batches_per_epoch=10,
    resolution=(128, 96),
    buckets={(128, 96): 30, (96, 128): 10},
    prediction_type="epsilon",
    trigger_words=["qzy", "spot"],
    settings={"network_dim": 8, "network_alpha": 4.0, "min_snr_gamma": None},
    notes={"author": "Weipin", "license": ""},
)


def test_it_is_filed_under_sdxl_by_other_programs() -> None:
    metadata = training_metadata(FACTS, [])
    assert metadata["ss_base_model_version"].startswith("sdxl_")
    assert metadata["modelspec.architecture"] == "stable-diffusion-xl-v1-base/lora"
    assert metadata["modelspec.sai_model_spec"] == "1.0.1"


def test_every_value_is_text_as_python_writes_it() -> None:
    metadata = training_metadata(FACTS, [])
    assert metadata["ss_network_dim"] == "8"
    assert metadata["ss_network_alpha"] == "4.0"
    assert metadata["ss_min_snr_gamma"] == "None"
    assert metadata["ss_v2"] == "False"


def test_it_leads_back_to_run_and_dataset() -> None:
    metadata = training_metadata(FACTS, [])
    assert metadata["sdxl_reg.run"] == "2" * 64
    assert metadata["sdxl_reg.dataset"] == "1" * 64
    assert metadata["sdxl_reg.base"] == "0" * 64


def test_it_says_how_to_call_it_up() -> None:
    assert training_metadata(FACTS, [])["modelspec.trigger_phrase"] == "qzy, spot"


def test_the_base_goes_by_the_hashes_that_other_programs_compute() -> None:
    metadata = training_metadata(FACTS, [])
    assert metadata["ss_new_sd_model_hash"] == "3" * 64
    assert metadata["ss_sd_model_hash"] == "4" * 8
    folder = training_metadata(replace(FACTS, base_file_sha256="", base_legacy_hash=""), [])
    assert folder["ss_new_sd_model_hash"] == folder["ss_sd_model_hash"] == "None"


def test_tags_are_counted() -> None:
    metadata = training_metadata(FACTS, ["qzy, spot", "qzy, fold , ", ""])
    assert json.loads(metadata["ss_tag_frequency"]) == {
        "weipin@1": {"fold": 1, "qzy": 2, "spot": 1}
    }


def test_no_moment_of_time_is_written() -> None:
    assert not [name for name in training_metadata(FACTS, []) if "_at" in name or "date" in name]


def test_buckets_are_told_as_kohya_tells_them() -> None:
    metadata = training_metadata(FACTS, [])
    assert metadata["ss_resolution"] == "(128, 96)"
    assert json.loads(metadata["ss_bucket_info"])["buckets"] == {
        "0": {"resolution": [96, 128], "count": 10},
        "1": {"resolution": [128, 96], "count": 30},
    }


def test_notes_for_people_are_kept_where_there_are_any() -> None:
    metadata = training_metadata(FACTS, [])
    assert metadata["modelspec.author"] == "Weipin"
    assert "modelspec.license" not in metadata
