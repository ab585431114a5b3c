"""Hypernetworks that go out as `.pt` draw by A1111's and ComfyUI's rule what they draw here."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from torch.nn import functional

from sdxl_reg.diffusion.full_size import UNET
from sdxl_reg.diffusion.hypernetwork_files import save_hypernetwork, write_pt
from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.hypernetwork import HypernetworkFacts
from sdxl_reg.formats.hypernetwork_weights import tensor_name, weight_shapes
from sdxl_reg.testing import ROWS_TOLERANCE, Heard, draw, training_job
from sdxl_reg_hypernetwork.apply import applied
from sdxl_reg_hypernetwork.attention import context_widths, described_widths, insert, projections
from sdxl_reg_hypernetwork.config import HypernetworkConfig
from sdxl_reg_hypernetwork.network import made_networks
from sdxl_reg_hypernetwork.train import train

RULE_TOLERANCE = 1e-5
"""The same products; attention sums them in another order: float32 over two denoising steps."""
SHOWS = 0.01
"""By how much a picture in 0 … 1 differs at least where a hypernetwork is at work."""
WIDTHS = (16, 32)
"""Of the tiny base's attention contexts; its text is 32 wide, and so is its last stage."""
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": functional.relu,
    "swish": functional.hardswish,
    "tanh": torch.tanh,
}


class PlainRule:
    """Attention written out, its keys and values made as A1111 and ComfyUI make them.

    Args:
        documents: Loaded `.pt` files, the first acts first.
        multipliers: One for each.
    """

    def __init__(self, documents: Sequence[dict[Any, Any]], multipliers: Sequence[float]) -> None:
        self._loaded = list(zip(documents, multipliers, strict=True))

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: None = None,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        for_keys = for_values = context
        for document, multiplier in self._loaded:
            if (width := context.shape[-1]) in document:
                keys, values = document[width]
                for_keys = for_keys + _linear(document, keys, for_keys) * multiplier
                for_values = for_values + _linear(document, values, for_values) * multiplier
        heads = [
            projected.unflatten(-1, (attn.heads, -1)).transpose(1, 2)
            for projected in (attn.to_q(hidden_states), attn.to_k(for_keys), attn.to_v(for_values))
        ]
        queries, keys, values = heads
        weights = (queries @ keys.transpose(-1, -2) * queries.shape[-1] ** -0.5).softmax(-1)
        attended: Tensor = attn.to_out[0]((weights @ values).transpose(1, 2).flatten(2))
        return attended


def _linear(document: dict[Any, Any], state: dict[str, Tensor], x: Tensor) -> Tensor:
    """`linear(x)` by what the file says alone."""
    stems = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    activation = ACTIVATIONS[document["activation_func"]]
    left = sum(state[f"{stem}.weight"].ndim == 2 for stem in stems)
    for stem in stems:
        weight, bias = state[f"{stem}.weight"], state[f"{stem}.bias"]
        if weight.ndim == 1:
            x = functional.layer_norm(x, weight.shape, weight, bias)
            continue
        x, left = functional.linear(x, weight, bias), left - 1
        x = activation(x) if left or document["activate_output"] else x
    return x


@contextmanager
def by_the_plain_rule(pipeline: Any, *loaded: tuple[Path, float]) -> Iterator[None]:
    """Have a pipeline draw with `.pt` files at their multipliers."""
    documents = [torch.load(path, weights_only=True) for path, _ in loaded]
    own = pipeline.unet.attn_processors
    pipeline.unet.set_attn_processor(PlainRule(documents, [strength for _, strength in loaded]))
    try:
        yield
    finally:
        pipeline.unet.set_attn_processor(own)


def random_file(
    folder: Path,
    facts: HypernetworkFacts | None = None,
    *,
    widths: Sequence[int] = WIDTHS,
    seed: int = 0,
) -> Path:
    """A hypernetwork of the registry whose values are large enough to be seen."""
    facts = facts or HypernetworkFacts()
    generator = torch.Generator().manual_seed(seed)
    weights = {
        tensor_name(width, net, name): torch.randn(shape, generator=generator) * 0.3
        for width in widths
        for net in "kv"
        for name, shape in weight_shapes(facts, width).items()
    }
    path = folder / f"random-{seed}.safetensors"
    save_hypernetwork(path, weights, facts, metadata={})
    return path


def exported(path: Path) -> Path:
    """The `.pt` of a file, beside it."""
    write_pt(path, path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def test_the_plain_rule_without_files_is_the_base(pipeline: Any, base: Any) -> None:
    with by_the_plain_rule(pipeline):
        assert np.abs(draw(pipeline) - base).max() < RULE_TOLERANCE


@pytest.mark.parametrize(
    "facts",
    [
        HypernetworkFacts(),
        HypernetworkFacts(layer_structure=(1, 1.5, 2, 1), activation_func="swish"),
        HypernetworkFacts(activation_func="relu", is_layer_norm=True, activate_output=False),
        HypernetworkFacts(activation_func="tanh", dropout_structure=(0, 0.5, 0)),
    ],
    ids=["default", "deep", "norm", "dropout"],
)
def test_an_exported_file_draws_by_the_plain_rule_what_it_draws_here(
    pipeline: Any, base: Any, tmp_path: Path, facts: HypernetworkFacts
) -> None:
    weights = random_file(tmp_path, facts)
    for strength in (1.0, -0.4):
        with applied(pipeline, weights, strength):
            ours = draw(pipeline)
        with by_the_plain_rule(pipeline, (exported(weights), strength)):
            theirs = draw(pipeline)
        assert np.abs(ours - base).max() > SHOWS
        assert np.abs(ours - theirs).max() < RULE_TOLERANCE


def test_a_trained_file_draws_by_the_plain_rule_what_it_draws_here(
    tiny_base: Path, tmp_path: Path, pipeline: Any, base: Any
) -> None:
    settings = {"max_train_steps": 4, "learning_rate": 0.05, "preview": False, "use_dropout": True}
    config = HypernetworkConfig.model_validate(settings | {"save_precision": "float"})
    weights = train(training_job(config, tiny_base, tmp_path), Heard())[-1]
    with applied(pipeline, weights, 1.0):
        ours = draw(pipeline)
    with by_the_plain_rule(pipeline, (exported(weights), 1.0)):
        theirs = draw(pipeline)
    assert np.abs(ours - base).max() > SHOWS
    assert np.abs(ours - theirs).max() < RULE_TOLERANCE


def test_comfyui_is_not_told_of_dropout_which_it_would_apply_while_drawing(
    tiny_base: Path, tmp_path: Path
) -> None:
    config = HypernetworkConfig(max_train_steps=1, preview=False, use_dropout=True)
    weights = train(training_job(config, tiny_base, tmp_path), Heard())[-1]
    document = torch.load(exported(weights), weights_only=True)
    assert document["use_dropout"] is False
    assert document["dropout_structure"] == [0, 0.3, 0]


def test_several_act_in_the_order_in_which_they_were_entered(pipeline: Any, tmp_path: Path) -> None:
    facts = HypernetworkFacts(activation_func="relu")
    first, second = (random_file(tmp_path, facts, seed=seed) for seed in (1, 2))
    pictures = []
    for order in ((first, second), (second, first)):
        with ExitStack() as stack:
            for path in order:
                stack.enter_context(applied(pipeline, path, 0.8))
            ours = draw(pipeline)
        with by_the_plain_rule(pipeline, *((exported(path), 0.8) for path in order)):
            assert np.abs(ours - draw(pipeline)).max() < RULE_TOLERANCE
        pictures.append(ours)
    assert np.abs(pictures[0] - pictures[1]).max() > RULE_TOLERANCE


def test_each_row_has_the_strength_that_the_plain_rule_gives_it(
    pipeline: Any, tmp_path: Path
) -> None:
    weights = random_file(tmp_path)
    strengths = (-0.5, 0.3, 1.2)
    with applied(pipeline, weights, strengths):
        together = draw(pipeline)
    for row, strength in enumerate(strengths):
        with by_the_plain_rule(pipeline, (exported(weights), strength)):
            assert np.abs(together[row] - draw(pipeline)[row]).max() < ROWS_TOLERANCE


def test_a_file_for_one_width_leaves_the_others_alone(pipeline: Any, tmp_path: Path) -> None:
    weights = random_file(tmp_path, widths=(16,))
    with applied(pipeline, weights, 1.0):
        hooked = {
            each.width for each in projections(pipeline.unet) if each.layer._forward_pre_hooks
        }
    assert hooked == {16}
    assert not any(each.layer._forward_pre_hooks for each in projections(pipeline.unet))


def test_a_width_that_the_base_lacks_is_refused(pipeline: Any, tmp_path: Path) -> None:
    weights = random_file(tmp_path, widths=(16, 48))
    with (
        pytest.raises(Corrupt, match=r"width 48; this base has 32 \(text\), 16 \(self-attention\)"),
        applied(pipeline, weights, 1.0),
    ):
        pass


def test_training_at_a_width_that_the_base_lacks_is_refused(
    tiny_base: Path, tmp_path: Path
) -> None:
    config = HypernetworkConfig(widths=(16, 2048), preview=False)
    with pytest.raises(InvalidValue, match="2048") as refusal:
        train(training_job(config, tiny_base, tmp_path), Heard())
    assert "32 (text), 16 (self-attention)" in str(refusal.value.remedy)


def test_a_batch_that_is_no_multiple_of_the_strengths_is_refused(
    pipeline: Any, tmp_path: Path
) -> None:
    with (
        applied(pipeline, random_file(tmp_path), [0.5] * 4),
        pytest.raises(InvalidValue, match="one for every picture"),
    ):
        draw(pipeline, prompts=["a red mug"] * 3)


def test_full_size_sdxl_has_the_widths_that_formats_say() -> None:
    with torch.device("meta"):
        unet: Any = UNet2DConditionModel.from_config(UNET)
        networks = made_networks(HypernetworkFacts(), [2048])
    assert context_widths(unet) == {640: 10, 1280: 60, 2048: 70}
    assert described_widths(unet) == "2048 (text), 640, 1280 (self-attention)"
    assert len(insert(unet, networks, lambda _: 1.0)) == 2 * 70
