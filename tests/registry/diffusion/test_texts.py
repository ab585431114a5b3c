"""Long and weighted prompts: against diffusers, and against a plain computation of the rules."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sdxl_reg.diffusion.chunks import BACKTRACK, CHUNK, chunks_of
from sdxl_reg.diffusion.conditioning import TextConditioning, encode_prompts, together
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.texts import Text, encode_negatives, encode_texts
from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.prompts import escaped
from tests.registry.diffusion.drawing import PROMPTS, ours

SAME = 1e-6
"""float32: the same operations, on batches of another size."""
SHOWS = 1e-3


@pytest.fixture(scope="module")
def pipeline(tiny_base: Path) -> Any:
    return load_pipeline(tiny_base)


def encoded(pipeline: Any, *texts: str, **more: Any) -> list[Any]:
    return encode_texts(pipeline, [(text, "") for text in texts], **more)


def words(ids: Sequence[int], tokenizer: Any) -> list[str]:
    return [token.removesuffix("</w>") for token in tokenizer.convert_ids_to_tokens(ids)]


@pytest.mark.parametrize("text", ["", "a red mug", "mug " * CHUNK, escaped("a (red) mug")])
def test_a_plain_prompt_of_one_chunk_is_bit_equal_to_the_plain_encoding(
    pipeline: Any, text: str
) -> None:
    (found,) = encoded(pipeline, text)
    with torch.no_grad():
        wanted = encode_prompts(pipeline, [text.replace("\\", "")])
    assert torch.equal(found.context, wanted.context)
    assert torch.equal(found.pooled, wanted.pooled)


@pytest.mark.parametrize("clip_skip", [1, 2])
@pytest.mark.parametrize("second", ["", "a black spot"])
def test_the_second_text_and_clip_skip_are_those_of_diffusers(
    pipeline: Any, second: str, clip_skip: int
) -> None:
    context, _, pooled, _ = pipeline.encode_prompt(
        PROMPTS,
        prompt_2=[second] * 2 if second else None,
        device="cpu",
        do_classifier_free_guidance=False,
        clip_skip=clip_skip - 2 or None,
    )
    rows = encode_texts(pipeline, [(text, second) for text in PROMPTS], clip_skip=clip_skip)
    torch.testing.assert_close(torch.cat([row.context for row in rows]), context, atol=SAME, rtol=0)
    torch.testing.assert_close(torch.cat([row.pooled for row in rows]), pooled, atol=SAME, rtol=0)


def test_clip_skip_three_is_diffusers_one_where_there_are_layers_enough(pipeline: Any) -> None:
    before = pipeline.text_encoder_2
    pipeline.text_encoder_2 = type(before)(
        type(before.config)(**{**before.config.to_dict(), "num_hidden_layers": 4})
    ).eval()
    try:
        context, *_ = pipeline.encode_prompt(
            PROMPTS, device="cpu", do_classifier_free_guidance=False, clip_skip=1
        )
        rows = encoded(pipeline, *PROMPTS, clip_skip=3)
    finally:
        pipeline.text_encoder_2 = before
    torch.testing.assert_close(torch.cat([row.context for row in rows]), context, atol=SAME, rtol=0)


@pytest.mark.parametrize("clip_skip", [0, -1, 3])
def test_a_layer_that_is_not_there_is_refused(pipeline: Any, clip_skip: int) -> None:
    with pytest.raises(InvalidValue, match="1 to 2"):  # its second encoder has two layers
        encoded(pipeline, "a mug", clip_skip=clip_skip)


def _plain(pipeline: Any, ids: Sequence[int], weights: Sequence[float]) -> Tensor:
    """What the rules say of one chunk, written down without the code under test."""
    parts = []
    for number in ("", "_2"):
        tokenizer = getattr(pipeline, f"tokenizer{number}")
        row = [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]
        row += [tokenizer.pad_token_id] * (77 - len(row))
        own = [1.0, *weights] + [1.0] * (76 - len(weights))
        with torch.no_grad():
            said = getattr(pipeline, f"text_encoder{number}")(
                torch.tensor([row]), output_hidden_states=True
            ).hidden_states[-2][0]
        changed = said * torch.tensor(own)[:, None]
        parts.append(changed * said.mean() / changed.mean())
    return torch.cat(parts, dim=-1)


def test_weights_multiply_what_the_encoders_say_and_the_mean_comes_back(pipeline: Any) -> None:
    (found,) = encoded(pipeline, "a (red:1.5) [mug], blue")
    ids = pipeline.tokenizer("a red mug, blue", add_special_tokens=False).input_ids
    weights = [1.0, 1.5, 1 / 1.1, 1.0, 1.0]
    torch.testing.assert_close(
        found.context[0], _plain(pipeline, ids, weights), atol=1e-5, rtol=1e-5
    )
    (plain,) = encoded(pipeline, "a red mug, blue")
    assert (found.context - plain.context).abs().max() > SHOWS
    assert torch.equal(found.pooled, plain.pooled)


def test_a_long_prompt_is_read_in_chunks_each_with_its_own_start_and_end(pipeline: Any) -> None:
    text = "red " * CHUNK + "(blue mug:1.2)"
    (found,) = encoded(pipeline, text)
    assert found.context.shape == (1, 2 * 77, 32)
    red = pipeline.tokenizer("red", add_special_tokens=False).input_ids
    rest = pipeline.tokenizer("blue mug", add_special_tokens=False).input_ids
    wanted = [_plain(pipeline, red * CHUNK, [1.0] * CHUNK), _plain(pipeline, rest, [1.2, 1.2])]
    torch.testing.assert_close(found.context[0], torch.cat(wanted), atol=1e-5, rtol=1e-5)
    (first,) = encoded(pipeline, "red " * CHUNK)
    torch.testing.assert_close(found.pooled, first.pooled, atol=SAME, rtol=0)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("red " * 75, [75]),
        ("red " * 76, [75, 1]),
        ("red " * 60 + ", " + "blue " * 20, [61, 20]),  # the comma is near enough
        ("red " * 54 + ", " + "blue " * 22, [75, 2]),  # 21 tokens from the end to the comma
        ("red " * 55 + ", " + "blue " * 22, [56, 22]),  # 20
        ("red " * 75 + ", blue", [75, 2]),  # a comma itself does not go back
        ("red " * 74 + ", blue", [75, 1]),
        ("red BREAK blue mug", [1, 2]),
        ("red BREAK BREAK blue", [1, 0, 1]),
        ("BREAK", [0]),
        ("", [0]),
    ],
)
def test_a_chunk_ends_at_75_tokens_at_a_near_comma_or_at_a_break(
    pipeline: Any, text: str, lengths: list[int]
) -> None:
    assert BACKTRACK == 20
    end = pipeline.tokenizer.eos_token_id
    chunks = chunks_of(pipeline.tokenizer, text)
    assert [chunk.ids.index(end) - 1 for chunk in chunks] == lengths
    assert all(len(chunk.ids) == len(chunk.weights) == 77 for chunk in chunks)
    read = [word for chunk in chunks for word in words(chunk.ids, pipeline.tokenizer)]
    said = [word for word in read if not word.startswith("<|") and word != "!"]
    assert said == text.replace("BREAK", "").replace(",", " ,").split()


def test_each_encoder_pads_in_its_own_way(pipeline: Any) -> None:
    for number in ("", "_2"):
        tokenizer = getattr(pipeline, f"tokenizer{number}")
        (chunk,) = chunks_of(tokenizer, "a mug")
        assert set(chunk.ids[4:]) == {tokenizer.pad_token_id}
    assert pipeline.tokenizer.pad_token_id != pipeline.tokenizer_2.pad_token_id


def test_a_row_does_not_depend_on_its_neighbours(pipeline: Any) -> None:
    texts = ["a (red:1.4) mug", "blue " * 100, "a shoe BREAK (spot)"]
    rows = encoded(pipeline, *texts)
    for text, row in zip(texts, rows, strict=True):
        (alone,) = encoded(pipeline, text)
        torch.testing.assert_close(row.context, alone.context, atol=SAME, rtol=1e-5)
        torch.testing.assert_close(row.pooled, alone.pooled, atol=SAME, rtol=0)


def test_every_row_is_in_every_call_in_its_order(pipeline: Any) -> None:
    seen: list[tuple[int, ...]] = []
    hook = pipeline.text_encoder.register_forward_pre_hook(
        lambda _, inputs: seen.append(tuple(inputs[0].shape))
    )
    try:
        encoded(pipeline, "a", "a", "red " * 160)
    finally:
        hook.remove()
    assert seen == [(3, 77)] * 3


def test_a_second_text_with_more_chunks_lengthens_the_context(pipeline: Any) -> None:
    rows = encode_texts(pipeline, [("a mug", "red BREAK blue"), ("a mug", "")])
    assert [row.context.shape[1] for row in rows] == [154, 77]
    (empty,) = encoded(pipeline, "")
    width = pipeline.text_encoder.config.hidden_size
    torch.testing.assert_close(
        rows[0].context[:, 77:, :width], empty.context[..., :width], atol=SAME, rtol=0
    )


def test_an_empty_negative_is_zeros_where_the_base_says_so(pipeline: Any) -> None:
    texts: list[Text] = [("", ""), ("spot", ""), ("", "spot")]
    zero, *others = encode_negatives(pipeline, texts)
    assert not zero.context.any()
    assert not zero.pooled.any()
    for row, other in zip(others, encode_texts(pipeline, texts[1:]), strict=True):
        assert torch.equal(row.context, other.context)
    pipeline.register_to_config(force_zeros_for_empty_prompt=False)
    try:
        assert encode_negatives(pipeline, texts)[0].context.any()
    finally:
        pipeline.register_to_config(force_zeros_for_empty_prompt=True)


def test_rows_of_other_lengths_draw_together_as_alone(pipeline: Any) -> None:
    texts = ["a red mug", "blue " * 100]
    rows = encoded(pipeline, *texts)
    batch = ours(pipeline, prompts=texts, told=_told(rows, encoded(pipeline, "spot", "a " * 200)))
    for number, negative in enumerate(["spot", "a " * 200]):
        alone = ours(
            pipeline,
            prompts=texts[number : number + 1],
            seeds=[5 + number],
            told=_told(rows[number : number + 1], encoded(pipeline, negative)),
        )
        # 1e-4: sums of another length and batch, over four steps
        torch.testing.assert_close(batch[number : number + 1], alone, atol=1e-4, rtol=1e-4)


def test_a_longer_negative_is_drawn_with_two_calls_and_equals_one_of_the_same_length(
    pipeline: Any,
) -> None:
    rows, negative = encoded(pipeline, *PROMPTS), encoded(pipeline, "spot", "spot")
    calls: list[int] = []
    hook = pipeline.unet.register_forward_pre_hook(
        lambda _, inputs: calls.append(len(inputs[0])), prepend=True
    )
    try:
        one = ours(pipeline, steps=2, told=_told(rows, negative))
        longer = encoded(pipeline, "spot BREAK blue mug", "spot BREAK a")
        two = ours(pipeline, steps=2, told=_told(rows, longer))
    finally:
        hook.remove()
    assert calls == [4, 4, 2, 2, 2, 2]
    assert (one - two).abs().max() > SHOWS
    # The context twice over has the same attention, so it must draw the same.
    twice = [
        TextConditioning(context=row.context.repeat(1, 2, 1), pooled=row.pooled) for row in negative
    ]
    torch.testing.assert_close(
        ours(pipeline, steps=2, told=_told(rows, twice)), one, atol=1e-5, rtol=1e-5
    )


def _told(rows: Any, negative: Any) -> tuple[TextConditioning, TextConditioning]:
    return together(rows), together(negative)


def test_clip_skip_one_is_the_last_layer_before_its_norm(pipeline: Any) -> None:
    (found,) = encoded(pipeline, "a mug", clip_skip=1)
    encoder = pipeline.text_encoder_2
    model = getattr(encoder, "text_model", encoder)
    (chunk,) = chunks_of(pipeline.tokenizer_2, "a mug")
    said = encoder(torch.tensor([chunk.ids])).last_hidden_state
    width = encoder.config.hidden_size
    torch.testing.assert_close(
        model.final_layer_norm(found.context[..., -width:]), said, atol=SAME, rtol=0
    )
