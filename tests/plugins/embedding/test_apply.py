"""Drawing with embeddings: ours in plain diffusers, others' in ours, and what is refused."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.diffusion.conditioning import encode_prompts, token_ids
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, InvalidValue, UsageError
from sdxl_reg.testing import ROWS_TOLERANCE, draw
from sdxl_reg_embedding.apply import applied
from sdxl_reg_embedding.files import Embedding, save_embedding
from sdxl_reg_embedding.speaking import LEGACY_END

DIFFUSERS_TOLERANCE = 1e-5
"""The same vectors in the same places: float32 rounding over two denoising steps."""
SHOWS = 0.005
"""By how much a picture in 0 … 1 differs at least where the word is in its prompt."""
WORD = "wug"
PROMPTS = (f"{WORD}, a red mug", f"a blue {WORD} shoe", f"a {WORD}")
WITHOUT = ("a red mug", "a blue shoe", "a black mug")
WIDTH = 16
"""Of both of the tiny base's text encoders."""


@pytest.fixture(scope="module")
def base(pipeline: Any) -> Any:
    return draw(pipeline, prompts=PROMPTS)


def random_vectors(count: int = 2, *, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {key: torch.randn(count, WIDTH, generator=generator) for key in ("clip_l", "clip_g")}


def embedding_file(folder: Path, *, word: str = WORD, count: int = 2, seed: int = 0) -> Path:
    path = folder / f"embedding-{seed}.safetensors"
    save_embedding(path, Embedding(word=word, vectors=random_vectors(count, seed=seed)), {})
    return path


def told_by_diffusers(base: Path, files: Mapping[str, Path]) -> Any:
    """A pipeline of plain diffusers that has loaded files, each under a word.

    Args:
        base: A diffusers folder.
        files: Word → file.
    """
    pipeline: Any = load_pipeline(base)
    for word, path in files.items():
        tensors = load_file(path)
        for key, number in (("clip_l", ""), ("clip_g", "_2")):
            pipeline.load_textual_inversion(
                tensors[key],
                token=word,
                text_encoder=getattr(pipeline, f"text_encoder{number}"),
                tokenizer=getattr(pipeline, f"tokenizer{number}"),
            )
    return pipeline


@pytest.mark.parametrize("count", [1, 3])
def test_plain_diffusers_draws_the_same_with_the_same_file(
    tiny_base: Path, tmp_path: Path, pipeline: Any, base: Any, count: int
) -> None:
    weights = embedding_file(tmp_path, count=count)
    with applied(pipeline, weights, 1.0):
        ours = draw(pipeline, prompts=PROMPTS)
    theirs = draw(told_by_diffusers(tiny_base, {WORD: weights}), prompts=PROMPTS)
    assert np.abs(ours - base).max() > SHOWS
    assert np.abs(ours - theirs).max() < DIFFUSERS_TOLERANCE


def test_two_words_in_one_prompt_are_as_in_plain_diffusers(
    tiny_base: Path, tmp_path: Path, pipeline: Any
) -> None:
    files = {
        WORD: embedding_file(tmp_path, seed=1),
        "dax": embedding_file(tmp_path, word="dax", count=3, seed=2),
    }
    prompts = ("a wug, a dax", "dax", "a wug mug")
    with ExitStack() as stack:
        for path in files.values():
            stack.enter_context(applied(pipeline, path, 1.0))
        ours = draw(pipeline, prompts=prompts)
    theirs = draw(told_by_diffusers(tiny_base, files), prompts=prompts)
    assert np.abs(ours - theirs).max() < DIFFUSERS_TOLERANCE


@pytest.mark.parametrize("strength", [1.0, 0.5, [0.2, 0.7, 1.0]])
def test_a_prompt_without_the_word_is_the_base_bit_by_bit(
    tmp_path: Path, pipeline: Any, strength: float | Sequence[float]
) -> None:
    plain = draw(pipeline, prompts=WITHOUT)
    with applied(pipeline, embedding_file(tmp_path), strength):
        assert np.array_equal(draw(pipeline, prompts=WITHOUT), plain)


def test_every_row_has_its_own_strength_and_rows_without_the_word_have_none(
    tmp_path: Path, pipeline: Any
) -> None:
    weights, strengths = embedding_file(tmp_path), (0.3, 0.9, -0.5)
    prompts = (PROMPTS[0], WITHOUT[1], PROMPTS[2])
    with applied(pipeline, weights, strengths):
        together = draw(pipeline, prompts=prompts)
    for row, strength in enumerate(strengths):
        with applied(pipeline, weights, strength):
            alone = draw(pipeline, prompts=[prompts[row]], seeds=[row])[0]
        assert np.abs(together[row] - alone).max() < ROWS_TOLERANCE
    assert np.abs(together[1] - draw(pipeline, prompts=prompts)[1]).max() < ROWS_TOLERANCE


@torch.no_grad()
def test_strength_goes_in_a_straight_line_from_plain_text_to_the_vectors(
    tmp_path: Path, pipeline: Any
) -> None:
    weights = embedding_file(tmp_path)
    plain = encode_prompts(pipeline, PROMPTS)
    with applied(pipeline, weights, 1.0):
        trained = encode_prompts(pipeline, PROMPTS)
    for strength in (0.25, 2.0, -1.0):
        with applied(pipeline, weights, strength):
            found = encode_prompts(pipeline, PROMPTS)
        for name in ("context", "pooled"):
            zero, one = getattr(plain, name), getattr(trained, name)
            line = zero + strength * (one - zero)
            assert torch.allclose(getattr(found, name), line, atol=1e-5), name


@torch.no_grad()
def test_the_pooled_output_is_taken_at_the_end_where_the_configuration_says_2(
    tiny_base: Path, tmp_path: Path, pipeline: Any
) -> None:
    """As full-size SDXL's second encoder does; plain diffusers takes it from the added tokens."""
    weights = embedding_file(tmp_path)
    with applied(pipeline, weights, 1.0):
        true = encode_prompts(pipeline, PROMPTS).pooled
    old, trapped = load_pipeline(tiny_base), told_by_diffusers(tiny_base, {WORD: weights})
    for encoder in (old.text_encoder_2, trapped.text_encoder_2):
        encoder.text_model.eos_token_id = LEGACY_END
    with applied(old, weights, 1.0):
        assert torch.equal(encode_prompts(old, PROMPTS).pooled, true)
    assert old.text_encoder_2.text_model.eos_token_id == LEGACY_END
    said = [trapped.maybe_convert_prompt(prompt, trapped.tokenizer_2) for prompt in PROMPTS]
    assert not torch.allclose(encode_prompts(trapped, said).pooled, true, atol=1e-2)


@pytest.mark.parametrize(
    ("word", "prompt", "times"),
    [
        ("wug", "A WUG, Wug", 2),
        ("Wug", "a wug", 1),
        ("wug", "(wug), wug's and wug.", 3),
        ("wug", "a wugs, nowug, wug_2", 0),
        ("wei-pin+", "a wei-pin+ mug", 1),
        ("wei-pin+", "a wei-pinn mug", 0),
        ("red wug", "a Red  Wug shoe, a red mug", 1),
        ("märz", "ein MÄRZ", 1),
        ("markgrün", "markgru\u0308n", 1),
    ],
)
def test_the_word_is_found_in_any_letter_case_and_not_inside_of_others(
    tmp_path: Path, pipeline: Any, word: str, prompt: str, times: int
) -> None:
    known = {name: len(getattr(pipeline, name)) for name in ("tokenizer", "tokenizer_2")}
    with applied(pipeline, embedding_file(tmp_path, word=word, count=3), 1.0):
        for name, size in known.items():
            ids = token_ids(getattr(pipeline, name), [prompt])
            assert int((ids >= size).sum()) == 3 * times, name


@torch.no_grad()
def test_other_programs_spellings_say_the_same(tmp_path: Path, pipeline: Any) -> None:
    """The word is then the file's name; diffusers' advanced training has names of its own."""
    vectors = random_vectors(1)
    with applied(pipeline, embedding_file(tmp_path, count=1), 1.0):
        ours = encode_prompts(pipeline, PROMPTS).context
    spellings = {
        "kohya": vectors,
        "diffusers": {
            "text_encoders_0": vectors["clip_l"],
            "text_encoders_1": vectors["clip_g"],
        },
        "flat": {key: rows[0] for key, rows in vectors.items()},
    }
    for name, tensors in spellings.items():
        (tmp_path / name).mkdir()
        path = tmp_path / name / f"{WORD}.safetensors"
        save_weights(path, tensors, {})
        with applied(pipeline, path, 1.0):
            assert torch.equal(encode_prompts(pipeline, PROMPTS).context, ours), name


@pytest.mark.parametrize(
    ("tensors", "error", "message"),
    [
        ({"emb_params": torch.zeros(1, 768)}, UsageError, "emb_params.*no embedding for SDXL"),
        ({"clip_l": torch.zeros(1, 16)}, UsageError, "clip_l, which is no embedding for SDXL"),
        (
            {"clip_l": torch.zeros(1, 768), "clip_g": torch.zeros(1, 1280)},
            UsageError,
            "its clip_l is 768 wide, the base's text_encoder 16",
        ),
        (
            {"clip_l": torch.zeros(1, 16), "clip_g": torch.zeros(2, 16)},
            Corrupt,
            "both want the same rows",
        ),
        ({"clip_l": torch.zeros(0, 16), "clip_g": torch.zeros(0, 16)}, Corrupt, "same rows"),
        (
            {"clip_l": torch.zeros(1, 16), "clip_g": torch.full((1, 16), float("nan"))},
            Corrupt,
            "infinite or none",
        ),
    ],
)
def test_what_is_no_embedding_for_this_base_is_refused(
    tmp_path: Path,
    pipeline: Any,
    tensors: dict[str, Tensor],
    error: type[Exception],
    message: str,
) -> None:
    save_weights(tmp_path / "x.safetensors", tensors, {})
    with (
        pytest.raises(error, match=message),
        applied(pipeline, tmp_path / "x.safetensors", 1.0),
    ):
        pass


def test_texts_that_are_no_multiple_of_the_strengths_are_refused(
    tmp_path: Path, pipeline: Any
) -> None:
    with (
        applied(pipeline, embedding_file(tmp_path), [0.5, 1.0]),
        pytest.raises(InvalidValue, match="one for every picture"),
    ):
        draw(pipeline, prompts=PROMPTS)


def test_the_pipeline_is_left_as_it_was(tmp_path: Path, pipeline: Any, base: Any) -> None:
    tokenizers = (pipeline.tokenizer, pipeline.tokenizer_2)
    with applied(pipeline, embedding_file(tmp_path), 0.5):
        draw(pipeline, prompts=PROMPTS)
    assert (pipeline.tokenizer, pipeline.tokenizer_2) == tokenizers
    assert len(pipeline.tokenizer) == pipeline.text_encoder.get_input_embeddings().num_embeddings
    assert np.array_equal(draw(pipeline, prompts=PROMPTS), base)
