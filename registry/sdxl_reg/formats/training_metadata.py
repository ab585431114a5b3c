"""What the header of a trained SDXL file says about how it was made.

Source: sd-scripts `train_network.py` (`ss_*`), the model metadata specification 1.0.1
(https://github.com/Stability-AI/ModelSpec) (`modelspec.*`). Every value is text, None is "None".
No moment of time is written: a run that is repeated gives the same bytes.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdxl_reg.vocabulary import ArtifactKind

ARCHITECTURES = {
    ArtifactKind.LORA: "stable-diffusion-xl-v1-base/lora",
    ArtifactKind.EMBEDDING: "stable-diffusion-xl-v1-base/textual-inversion",
    ArtifactKind.HYPERNETWORK: "stable-diffusion-xl-v1-base/hypernetwork",
    ArtifactKind.CHECKPOINT: "stable-diffusion-xl-v1-base",
}
"""Kind → `modelspec.architecture`; the specification has no word for a hypernetwork."""

TRIGGER = "sdxl_reg.trigger"
"""The word that calls up an embedding, in our files; of others it is the stem of the file."""


@dataclass(frozen=True, kw_only=True)
class TrainingFacts:
    """What is known of a file when it is saved.

    Attributes:
        kind: Of artifact.
        output_name: Its name, without extension.
        run_key: SHA-256 of everything that determines the file; `sdxl_reg.run`.
        dataset_ref: `weipin@1`.
        dataset_sha256: Digest of the dataset version.
        base_ref: `micro@1`.
        base_sha256: Digest of the base.
        base_file_sha256: Of a base in a single file: SHA-256 of its bytes; else empty.
        base_legacy_hash: Likewise; A1111's first kind of hash.
        epoch: Epochs done.
        step: Optimiser steps done.
        num_epochs: Epochs planned.
        max_train_steps: Steps planned.
        num_train_images: Pictures of an epoch, repeats counted.
        num_class_images: Class pictures of an epoch, of prior preservation.
        num_held_out: Pictures whose loss is only measured.
        num_batches_per_epoch: Batches of an epoch.
        resolution: Width and height of the training pictures in pixels.
        buckets: Width and height → showings of an epoch in that size.
        prediction_type: `epsilon` or `v_prediction`.
        trigger_words: What a prompt says to call it up.
        settings: The trainer's settings under kohya's names, without `ss_`.
        notes: `author`, `description`, `license`, `tags`; empty ones are not written.
    """

    kind: ArtifactKind
    output_name: str
    run_key: str
    dataset_ref: str
    dataset_sha256: str
    base_ref: str
    base_sha256: str
    base_file_sha256: str
    base_legacy_hash: str
    epoch: int
    step: int
    num_epochs: int
    max_train_steps: int
    num_train_images: int
    num_class_images: int
    num_held_out: int
    num_batches_per_epoch: int
    resolution: tuple[int, int]
    buckets: Mapping[tuple[int, int], int]
    prediction_type: str
    trigger_words: Sequence[str]
    settings: Mapping[str, Any]
    notes: Mapping[str, str]


def training_metadata(facts: TrainingFacts, captions: Iterable[str]) -> dict[str, str]:
    """All metadata of a trained file but the hash of its tensors.

    Args:
        facts: What is known of it.
        captions: Of its training pictures, for the frequency of their tags.

    Returns:
        Name → text.
    """
    values = (
        _training(facts)
        | _model_spec(facts)
        | {
            "ss_tag_frequency": tag_frequency(facts.dataset_ref, captions),
        }
        | lineage_metadata(
            run_key=facts.run_key,
            dataset_ref=facts.dataset_ref,
            dataset_sha256=facts.dataset_sha256,
            base_ref=facts.base_ref,
            base_sha256=facts.base_sha256,
        )
    )
    return {name: str(value) for name, value in sorted(values.items())}


def lineage_metadata(
    *, run_key: str, dataset_ref: str, dataset_sha256: str, base_ref: str, base_sha256: str
) -> dict[str, str]:
    """What links a file to the run, dataset and base it came from, also outside the registry.

    Args:
        run_key: SHA-256 of everything that determines the file.
        dataset_ref: `weipin@1`.
        dataset_sha256: Digest of the dataset version.
        base_ref: `micro@1`.
        base_sha256: Digest of the base.
    """
    return {
        "sdxl_reg.run": run_key,
        "sdxl_reg.dataset": dataset_sha256,
        "sdxl_reg.dataset_ref": dataset_ref,
        "sdxl_reg.base": base_sha256,
        "sdxl_reg.base_ref": base_ref,
    }


def tag_frequency(directory: str, captions: Iterable[str]) -> str:
    """How often each comma-separated tag occurs, as kohya's JSON: directory → tag → count."""
    counts: Counter[str] = Counter()
    for caption in captions:
        counts.update(tags_in(caption))
    return json.dumps({directory: dict(sorted(counts.items()))}, ensure_ascii=False)


def tags_in(text: str) -> list[str]:
    """The comma-separated tags of a caption or a trigger phrase, as written, in their order."""
    return [tag for part in text.split(",") if (tag := part.strip())]


def _training(facts: TrainingFacts) -> dict[str, object]:
    directory = {"n_repeats": 1, "img_count": facts.num_train_images}
    return {f"ss_{name}": value for name, value in facts.settings.items()} | {
        "ss_session_id": int(facts.run_key[:8], 16),  # kohya's is random: it groups the versions
        "ss_output_name": facts.output_name,
        "ss_base_model_version": "sdxl_base_v1-0",  # A1111 files anything else under SD 1
        "ss_v2": False,
        "ss_sd_model_name": facts.base_ref,
        "ss_sd_model_hash": facts.base_legacy_hash or None,
        "ss_new_sd_model_hash": facts.base_file_sha256 or None,
        "ss_vae_name": None,
        "ss_vae_hash": None,
        "ss_new_vae_hash": None,
        "ss_resolution": f"({facts.resolution[0]}, {facts.resolution[1]})",
        "ss_num_train_images": facts.num_train_images,
        "ss_num_reg_images": facts.num_class_images,
        "ss_num_validation_images": facts.num_held_out,
        "ss_num_batches_per_epoch": facts.num_batches_per_epoch,
        "ss_num_epochs": facts.num_epochs,
        "ss_epoch": facts.epoch,
        "ss_steps": facts.step,
        "ss_max_train_steps": facts.max_train_steps,
        "ss_dataset_dirs": json.dumps({facts.dataset_ref: directory}),
        "ss_datasets": json.dumps([_dataset(facts)]),
        "ss_bucket_info": json.dumps(_bucket_info(facts)),
    }


def _dataset(facts: TrainingFacts) -> dict[str, object]:
    """What kohya writes of each dataset of a configuration; ours is one."""
    shared = ("batch_size_per_device", "enable_bucket", "min_bucket_reso", "max_bucket_reso")
    shown = ("color_aug", "flip_aug", "random_crop", "shuffle_caption", "keep_tokens")
    subset = {
        "image_dir": facts.dataset_ref,
        "img_count": facts.num_train_images,
        "num_repeats": 1,
        "is_reg": False,
    }
    return {name: facts.settings.get(name) for name in shared} | {
        "is_dreambooth": True,
        "num_train_images": facts.num_train_images,
        "num_reg_images": facts.num_class_images,
        "resolution": list(facts.resolution),
        "bucket_info": _bucket_info(facts),
        "subsets": [subset | {name: facts.settings.get(name) for name in shown}],
    }


def _bucket_info(facts: TrainingFacts) -> dict[str, object]:
    buckets = [
        {"resolution": list(size), "count": count} for size, count in sorted(facts.buckets.items())
    ]
    return {"buckets": dict(enumerate(buckets))}


def _model_spec(facts: TrainingFacts) -> dict[str, object]:
    width, height = facts.resolution
    required: dict[str, object] = {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": ARCHITECTURES[facts.kind],
        "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
        "modelspec.title": facts.output_name,
        "modelspec.resolution": f"{width}x{height}",
        "modelspec.prediction_type": "v" if facts.prediction_type == "v_prediction" else "epsilon",
        "modelspec.trigger_phrase": ", ".join(facts.trigger_words),
    }
    notes = {f"modelspec.{name}": text for name, text in facts.notes.items() if text}
    return required | notes
