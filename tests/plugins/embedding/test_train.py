"""What happens when a word is learnt on the tiny base, beyond what every trainer keeps."""

from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.diffusion.pipeline import MODELS, load_pipeline
from sdxl_reg.errors import InvalidSettings, InvalidValue, UsageError
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.testing import OUTPUT_NAME, Heard, training_job
from sdxl_reg.trainers.config import parsed
from sdxl_reg.training.base import loaded_base
from sdxl_reg.training.loop import fit
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_embedding.config import EmbeddingConfig
from sdxl_reg_embedding.files import load_embedding
from sdxl_reg_embedding.speaking import ENCODERS, speaking
from sdxl_reg_embedding.templates import BUILT_IN, filled
from sdxl_reg_embedding.train import train
from sdxl_reg_embedding.trainee import EmbeddingTrainee

STILL = {"max_train_steps": 1, "learning_rate": 1e-9}
"""One step that moves a vector by 1e-9."""


def _config(**settings: Any) -> EmbeddingConfig:
    quick = {"preview": False, "max_train_steps": 2, "save_precision": "float"}
    return EmbeddingConfig.model_validate(quick | settings)


def _trained(base: Path, folder: Path, **settings: Any) -> tuple[Path, Heard]:
    folder.mkdir(exist_ok=True)
    heard = Heard()
    return train(training_job(_config(**settings), base, folder), heard)[-1], heard


def _rows(pipeline: Any, key: str, words: str) -> Tensor:
    """The vocabulary's vectors of words."""
    tokenizer, encoder = (getattr(pipeline, name) for name in ENCODERS[key])
    table: Tensor = encoder.get_input_embeddings().weight
    return table[tokenizer(words).input_ids[1:-1]]


def _weights(pipeline: Any) -> dict[str, Tensor]:
    return {
        f"{part}.{name}": value.clone()
        for part in MODELS
        for name, value in getattr(pipeline, part).state_dict().items()
    }


def test_training_moves_the_vectors_and_nothing_else(tiny_base: Path, tmp_path: Path) -> None:
    config = _config(learning_rate=0.1, num_vectors=3)
    job = training_job(config, tiny_base, tmp_path)
    base = loaded_base(job, config)
    before = _weights(base.pipeline)
    trainee = EmbeddingTrainee(base, config, OUTPUT_NAME)
    first = {key: value.clone() for key, value in trainee.state().items()}
    with speaking(base.pipeline, OUTPUT_NAME, trainee.vectors):
        fit(ArtifactKind.EMBEDDING, job, config, base=base, trainee=trainee, report=Heard())
    after = _weights(base.pipeline)
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    for key, value in trainee.state().items():
        assert ((value - first[key]).abs().amax(dim=1) > 0.01).all(), key


def test_the_vectors_begin_as_those_of_the_words_over_and_over(
    tiny_base: Path, tmp_path: Path
) -> None:
    pipeline = load_pipeline(tiny_base)
    path, _ = _trained(tiny_base, tmp_path, init_word="red mug", num_vectors=5, **STILL)
    for key, vectors in load_embedding(path).vectors.items():
        red, mug = _rows(pipeline, key, "red mug")
        assert torch.allclose(vectors, torch.stack([red, mug, red, mug, red]), atol=1e-8), key


def test_training_goes_on_from_the_vectors_of_a_file(tiny_base: Path, tmp_path: Path) -> None:
    first, _ = _trained(tiny_base, tmp_path / "first", learning_rate=0.5, num_vectors=2)
    (tmp_path / "on").mkdir()
    job = training_job(_config(num_vectors=2, **STILL), tiny_base, tmp_path / "on")
    second = train(replace(job, start_path=first), Heard())[-1]
    for key, vectors in load_embedding(first).vectors.items():
        assert torch.allclose(load_embedding(second).vectors[key], vectors, atol=1e-8), key
    with pytest.raises(InvalidValue, match="Set num_vectors to 2"):
        train(replace(job, config=_config(num_vectors=3, **STILL), start_path=first), Heard())


def test_an_encoder_without_a_learning_rate_keeps_its_vectors(
    tiny_base: Path, tmp_path: Path
) -> None:
    settings = {"learning_rate": 0.1, "text_encoder_2_lr": 0, "init_word": "mug", "num_vectors": 1}
    path, _ = _trained(tiny_base, tmp_path, **settings)
    pipeline, vectors = load_pipeline(tiny_base), load_embedding(path).vectors
    assert torch.equal(vectors["clip_g"], _rows(pipeline, "clip_g", "mug"))
    assert not torch.allclose(vectors["clip_l"], _rows(pipeline, "clip_l", "mug"), atol=0.01)


def test_retraction_holds_the_deviation_at_the_vocabularys(tiny_base: Path, tmp_path: Path) -> None:
    usual = load_pipeline(tiny_base).text_encoder.get_input_embeddings().weight.std()
    ratios = []
    for power in (0.0, 1.0):
        path, _ = _trained(
            tiny_base, tmp_path / str(power), learning_rate=0.5, std_retraction=power
        )
        ratios.append(float(load_embedding(path).vectors["clip_l"].std() / usual))
    assert ratios[0] > 2
    assert ratios[1] == pytest.approx(1, abs=1e-4)


def test_every_line_of_the_template_is_said(tiny_base: Path, tmp_path: Path) -> None:
    text = "[name] in a box\n\n  a [filewords], [name] \n"
    config = _config(prompt_template=text)
    base = loaded_base(training_job(config, tiny_base, tmp_path), config)
    trainee, chance = EmbeddingTrainee(base, config, "wug"), Random(0)
    said = {trainee.caption("red mug", chance) for _ in range(50)}
    assert said == {"wug in a box", "a red mug, wug"}
    assert trainee.prompt("red mug") == "wug in a box"


def test_built_in_templates_are_called_by_name() -> None:
    assert _config(prompt_template="style").prompt_template == list(BUILT_IN["style"])
    assert filled(BUILT_IN["subject"][0], name="wug", caption="") == "a photo of wug"


def test_the_template_makes_a_difference(tiny_base: Path, tmp_path: Path) -> None:
    vectors = [
        load_file(_trained(tiny_base, tmp_path / line[:3], prompt_template=line)[0])["clip_l"]
        for line in ("[name]", "a red [name], [filewords]")
    ]
    assert not torch.equal(vectors[0], vectors[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prompt_template": "a photo of [filewords]"}, r"lacks \[name\]"),
        ({"init_word": "  "}, "give a word"),
        ({"unet_lr": 1e-4}, "leaves the U-Net as it is"),
        ({"num_class_images": 2}, "teach it nothing"),
        ({"num_vectors": 76}, "75"),
    ],
)
def test_settings_that_teach_nothing_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettings, match=message):
        parsed(EmbeddingConfig, settings, trainer="embedding")


def test_a_line_without_room_for_the_vectors_is_refused(tiny_base: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no room for all vectors"):
        _trained(tiny_base, tmp_path, num_vectors=75, prompt_template="a [name]")
    _trained(tiny_base, tmp_path / "fits", num_vectors=75, prompt_template="[name]", **STILL)


def test_captions_that_cut_the_word_off_are_told_of(tiny_base: Path, tmp_path: Path) -> None:
    _, heard = _trained(
        tiny_base, tmp_path, num_vectors=72, prompt_template="[filewords], [name]", **STILL
    )
    assert any(text.startswith("2 of 2 captions") for text in heard.messages)


def test_class_pictures_and_no_learning_rate_are_refused(tiny_base: Path, tmp_path: Path) -> None:
    job = training_job(_config(), tiny_base, tmp_path)
    with pytest.raises(UsageError, match="class pictures"):
        train(replace(job, class_images=job.images), Heard())
    with pytest.raises(UsageError, match="nothing to train"):
        train(replace(job, config=_config(text_encoder_lr=0, text_encoder_2_lr=0)), Heard())


def test_the_file_says_its_word_and_how_it_was_made(tiny_base: Path, tmp_path: Path) -> None:
    path, _ = _trained(tiny_base, tmp_path, save_precision="fp16", init_word="mug", **STILL)
    header = read_header(path)
    assert load_embedding(path).word == OUTPUT_NAME
    assert {name: (info.dtype, info.shape) for name, info in header.tensors.items()} == {
        "clip_l": ("F16", (4, 16)),
        "clip_g": ("F16", (4, 16)),
    }
    assert header.metadata["ss_init_word"] == "mug"
    assert header.metadata["ss_num_vectors_per_token"] == "4"
