"""An embedding in long and weighted prompts, with a strength of its own for each row."""

from pathlib import Path
from typing import Any

import pytest
import torch

from sdxl_reg.diffusion.chunks import CHUNK, chunks_of
from sdxl_reg.diffusion.conditioning import encode_prompts
from sdxl_reg.diffusion.texts import encode_texts
from sdxl_reg_embedding.apply import applied
from tests.plugins.embedding.test_apply import WORD, embedding_file

SAME = 1e-6
"""float32, batches of other sizes."""
SHOWS = 1e-3
TEXTS = [f"a {WORD} mug", "red " * 74 + WORD, f"a blue shoe, ({WORD}:1.3)"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedding_file(tmp_path_factory.mktemp("embedding"), count=3)


def test_a_word_of_several_vectors_is_read_as_in_a_plain_prompt(
    pipeline: Any, weights: Path
) -> None:
    with applied(pipeline, weights, 1.0):
        (found,) = encode_texts(pipeline, [(TEXTS[0], "")])
        with torch.no_grad():
            wanted = encode_prompts(pipeline, [TEXTS[0]])
    assert torch.equal(found.context, wanted.context)
    assert torch.equal(found.pooled, wanted.pooled)


def test_its_vectors_stay_in_one_chunk(pipeline: Any, weights: Path) -> None:
    with applied(pipeline, weights, 1.0):
        first, second = chunks_of(pipeline.tokenizer, "red " * (CHUNK - 1) + f"{WORD} mug")
        end = pipeline.tokenizer.eos_token_id
    assert first.ids.index(end) - 1 == CHUNK - 1
    assert second.ids.index(end) - 1 == 3 + 1


@pytest.mark.parametrize("row", range(len(TEXTS)))
def test_each_row_of_other_length_has_its_own_strength(
    pipeline: Any, weights: Path, row: int
) -> None:
    strengths = [1.0, 0.5, 0.0]
    texts = [(text, "") for text in TEXTS]
    with applied(pipeline, weights, strengths):
        together = encode_texts(pipeline, texts)
    with applied(pipeline, weights, strengths[row]):
        (alone,) = encode_texts(pipeline, texts[row : row + 1])
    (base,) = encode_texts(pipeline, texts[row : row + 1])
    torch.testing.assert_close(together[row].context, alone.context, atol=SAME, rtol=1e-5)
    differs = (alone.context - base.context).abs().max() > SHOWS
    assert bool(differs) is (strengths[row] > 0)


def test_a_weight_counts_for_every_vector_of_the_word(pipeline: Any, weights: Path) -> None:
    with applied(pipeline, weights, 1.0):
        (chunk,) = chunks_of(pipeline.tokenizer, f"a ({WORD}:1.3) mug")
        (weighted,) = encode_texts(pipeline, [(f"a ({WORD}:1.3) mug", "")])
        (plain,) = encode_texts(pipeline, [(f"a {WORD} mug", "")])
    assert chunk.weights[:7] == [1.0, 1.0, 1.3, 1.3, 1.3, 1.0, 1.0]
    assert (weighted.context - plain.context).abs().max() > SHOWS
