"""Captions as the U-Net is told them: encoded once, or anew where the encoders are trained."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sdxl_reg.diffusion.conditioning import TextConditioning, encode_prompts
from sdxl_reg.testing import Heard, training_job
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import Base, loaded_base
from sdxl_reg.training.cache import TensorCache
from sdxl_reg.training.texts import Texts
from sdxl_reg_lora.config import LoraConfig

PARTS = ("tokenizer", "tokenizer_2", "text_encoder", "text_encoder_2")
ROWS_TOLERANCE = 1e-5
"""Captions encoded together and alone differ by the order in which products are summed."""


def _loaded(tiny_base: Path, folder: Path, **settings: object) -> Base:
    config = DenoisingConfig.model_validate(settings)
    return loaded_base(training_job(config, tiny_base, folder), config)


@pytest.fixture(scope="module")
def base(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    """In float32."""
    return _loaded(tiny_base, tmp_path_factory.mktemp("job"))


@pytest.fixture
def asked(base: Base) -> Iterator[list[int]]:
    """How many captions the second encoder was given, each time."""
    found: list[int] = []
    hook = base.pipeline.text_encoder_2.register_forward_pre_hook(
        lambda _, given: found.append(len(given[0]))
    )
    yield found
    hook.remove()


def _texts(base: Base, folder: Path, *, are_trained: bool = False) -> Texts:
    return Texts(base, TensorCache(folder / "cache"), are_trained=are_trained)


def _entries(folder: Path) -> int:
    return len(list((folder / "cache").rglob("*.safetensors")))


@torch.no_grad()
def _plain(base: Base, captions: Sequence[str]) -> TextConditioning:
    return encode_prompts(base.pipeline, captions)


@pytest.mark.parametrize("are_trained", [False, True])
def test_captions_are_encoded_row_by_row_as_they_come(
    base: Base, tmp_path: Path, are_trained: bool
) -> None:
    captions = ["a red mug", "", "a blue shoe", "a red mug"]
    found = _texts(base, tmp_path, are_trained=are_trained).encoded(captions)
    expected = _plain(base, captions)
    assert found.context.shape == (4, 77, 32)
    assert found.pooled.shape == (4, 16)
    assert torch.allclose(found.context, expected.context, atol=ROWS_TOLERANCE)
    assert torch.allclose(found.pooled, expected.pooled, atol=ROWS_TOLERANCE)
    assert not torch.allclose(found.pooled[0], found.pooled[2], atol=100 * ROWS_TOLERANCE)


def test_a_caption_is_encoded_once_for_all_steps_and_all_runs(
    base: Base, tmp_path: Path, asked: list[int]
) -> None:
    texts = _texts(base, tmp_path)
    texts.encode_all(["a red mug", "", "a red mug"])
    assert asked == [1, 1]
    first = texts.encoded(["a red mug", ""])
    second = _texts(base, tmp_path).encoded(["a red mug", ""])
    assert asked == [1, 1]
    assert torch.equal(first.context, second.context)
    assert torch.equal(first.pooled, second.pooled)
    texts.encoded(["a mug"])
    assert asked == [1, 1, 1], "what was not known beforehand is encoded when it is shown"


def test_captions_that_the_encoders_cannot_tell_apart_are_one_entry(
    base: Base, tmp_path: Path
) -> None:
    _texts(base, tmp_path).encode_all(["a red mug", "A Red  MUG ", "a " * 80, "a " * 90])
    assert _entries(tmp_path) == 2


@pytest.mark.parametrize("part", ["text_encoder", "text_encoder_2"])
def test_other_encoders_are_other_entries(base: Base, tmp_path: Path, part: str) -> None:
    _texts(base, tmp_path).encode_all(["a mug"])
    changed = SimpleNamespace(**{name: getattr(base.pipeline, name) for name in PARTS})
    encoder = copy.deepcopy(getattr(base.pipeline, part))
    with torch.no_grad():
        next(encoder.parameters()).mul_(1.01)
    setattr(changed, part, encoder)
    found = _texts(replace(base, pipeline=changed), tmp_path).encoded(["a mug"])
    assert _entries(tmp_path) == 2
    assert not torch.equal(found.context, _texts(base, tmp_path).encoded(["a mug"]).context)


def test_the_precision_is_part_of_what_is_kept(base: Base, tmp_path: Path) -> None:
    """The weights are float32 in both; a checkpoint is trained so, whatever it computes in."""
    _texts(base, tmp_path).encode_all(["a mug"])
    half = _texts(replace(base, dtype=torch.bfloat16), tmp_path).encoded(["a mug"])
    assert _entries(tmp_path) == 2
    assert half.pooled.dtype == torch.bfloat16


def test_what_is_kept_does_not_depend_on_who_asks(tiny_base: Path, tmp_path: Path) -> None:
    """The loop asks beforehand, outside of autocast, and at a step inside of it."""
    base = _loaded(tiny_base, tmp_path, mixed_precision="bf16")
    before = _texts(base, tmp_path / "1").encoded(["a red mug"])
    with base.autocast(), torch.enable_grad():
        at_a_step = _texts(base, tmp_path / "2").encoded(["a red mug"])
    assert before.context.dtype == at_a_step.context.dtype
    assert torch.equal(before.context, at_a_step.context)
    assert torch.equal(before.pooled, at_a_step.pooled)


def test_what_trained_encoders_say_is_kept_nowhere_and_follows_them(
    tiny_base: Path, tmp_path: Path
) -> None:
    base = _loaded(tiny_base, tmp_path)
    texts = _texts(base, tmp_path, are_trained=True)
    texts.encode_all(["a mug"])
    before = texts.encoded(["a mug"])
    assert _entries(tmp_path) == 0
    with torch.no_grad():
        next(base.pipeline.text_encoder.parameters()).mul_(1.5)
    assert not torch.equal(texts.encoded(["a mug"]).context, before.context)


def test_gradients_flow_into_encoders_that_are_trained_and_into_no_others(
    tiny_base: Path, tmp_path: Path
) -> None:
    base = _loaded(tiny_base, tmp_path)
    trained = [base.pipeline.text_encoder, base.pipeline.text_encoder_2]
    for encoder in trained:
        encoder.requires_grad_(True)
    assert not _texts(base, tmp_path).encoded(["a mug"]).context.requires_grad
    found = _texts(base, tmp_path, are_trained=True).encoded(["a mug"])
    (found.context.sum() + found.pooled.sum()).backward()  # type: ignore[no-untyped-call]
    for encoder in trained:
        table = encoder.get_input_embeddings().weight
        assert table.grad is not None
        assert table.grad.abs().max() > 0


@pytest.mark.parametrize(("rate", "entries"), [(0, 3), (1e-4, 0)])
def test_a_training_encodes_its_captions_and_the_empty_one_beforehand(
    tiny_base: Path, tmp_path: Path, rate: float, entries: int
) -> None:
    config = LoraConfig.model_validate(
        {"rank": 1, "text_encoder_lr": rate, "preview": False, "max_train_steps": 1}
    )
    job = training_job(config, tiny_base, tmp_path)
    find_trainer("lora").train(job, Heard())
    assert _entries(tmp_path) - len(job.images) == entries
