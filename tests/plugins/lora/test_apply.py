"""Drawing with plain LoRA files of every family: ours in plain diffusers, others' in ours."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.sgm import sgm_path
from sdxl_reg.testing import ROWS_TOLERANCE, draw
from sdxl_reg_lora.apply import applied
from sdxl_reg_lora.network import unet_shape
from tests.plugins.lora.adapters import adapted_layers, by_kohya, named, random_loras

DIFFUSERS_TOLERANCE = 1e-5
"""The same matrices in the same order: float32 rounding over two denoising steps."""


def _kohya_tensors(pipeline: Any, *parts: str, convolutions: bool = False) -> dict[str, Tensor]:
    loras = random_loras(
        pipeline, parts or ("unet", "text_encoder", "text_encoder_2"), convolutions=convolutions
    )
    return named(loras, by_kohya(pipeline))


def _file(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Path:
    save_weights(path, tensors, metadata)
    return path


@pytest.fixture
def weights(pipeline: Any, tmp_path: Path) -> Path:
    return _file(tmp_path / "x.safetensors", _kohya_tensors(pipeline), {})


def _drawn_by_diffusers(tiny_base: Path, weights: Path, strength: float) -> Any:
    theirs = load_pipeline(tiny_base)
    theirs.load_lora_weights(str(weights.parent), weight_name=weights.name, adapter_name="x")
    theirs.set_adapters("x", strength)
    return draw(theirs)


@pytest.mark.parametrize("convolutions", [False, True])
@pytest.mark.parametrize("strength", [1.0, -0.5])
def test_plain_diffusers_draws_the_same_picture(
    pipeline: Any, base: Any, tiny_base: Path, tmp_path: Path, strength: float, convolutions: bool
) -> None:
    tensors = _kohya_tensors(pipeline, convolutions=convolutions)
    weights = _file(tmp_path / "x.safetensors", tensors, {})
    with applied(pipeline, weights, strength):
        ours = draw(pipeline)
    assert np.abs(ours - base).max() > 0.05
    theirs = _drawn_by_diffusers(tiny_base, weights, strength)
    assert np.abs(ours - theirs).max() < DIFFUSERS_TOLERANCE


def test_convolutions_change_the_picture(pipeline: Any, weights: Path, tmp_path: Path) -> None:
    tensors = _kohya_tensors(pipeline, convolutions=True)
    with applied(pipeline, weights, 1.0):
        without = draw(pipeline)
    with applied(pipeline, _file(tmp_path / "y.safetensors", tensors, {}), 1.0):
        assert np.abs(draw(pipeline) - without).max() > 0.05


def test_what_diffusers_saves_is_drawn_as_diffusers_draws_it(
    pipeline: Any, base: Any, tiny_base: Path, tmp_path: Path
) -> None:
    """Dotted names and, in the header, alphas that differ between and inside of the parts."""
    own = random_loras(pipeline, convolutions=True)
    layers: dict[str, dict[str, Tensor]] = {}
    for (part, path), tensors in own.items():
        for suffix, ending in (("lora_down", "lora_A"), ("lora_up", "lora_B")):
            layers.setdefault(part, {})[f"{path}.{ending}.weight"] = tensors[f"{suffix}.weight"]
    settings = {
        part: {
            "r": 4,
            "lora_alpha": alpha,
            "alpha_pattern": {} if part != "unet" else {"to_k": 1, r"^mid_block.*": 6},
            "target_modules": [path for owner, path in own if owner == part],
            "use_rslora": part == "text_encoder",
        }
        for part, alpha in (("unet", 2), ("text_encoder", 3), ("text_encoder_2", 8))
    }
    type(pipeline).save_lora_weights(
        tmp_path,
        *(layers[part] for part in ("unet", "text_encoder", "text_encoder_2")),
        unet_lora_adapter_metadata=settings["unet"],
        text_encoder_lora_adapter_metadata=settings["text_encoder"],
        text_encoder_2_lora_adapter_metadata=settings["text_encoder_2"],
    )
    weights = tmp_path / "pytorch_lora_weights.safetensors"
    with applied(pipeline, weights, 0.7):
        ours = draw(pipeline)
    assert np.abs(ours - base).max() > 0.05
    theirs = _drawn_by_diffusers(tiny_base, weights, 0.7)
    assert np.abs(ours - theirs).max() < DIFFUSERS_TOLERANCE


PEFT = {"lora_down.weight": ".lora_A.weight", "lora_up.weight": ".lora_B.weight"}
OLD = {"lora_down.weight": ".lora.down.weight", "lora_up.weight": ".lora.up.weight"}
TEXT = {
    "lora_down.weight": ".lora_linear_layer.down.weight",
    "lora_up.weight": ".lora_linear_layer.up.weight",
}
PROCESSOR = {"lora_down.weight": "_lora.down.weight", "lora_up.weight": "_lora.up.weight"}
DEFAULT = {"lora_down.weight": ".lora_A.default.weight", "lora_up.weight": ".lora_B.default.weight"}


def _flat(prefix: str) -> Callable[[str, str], str]:
    return lambda part, path: prefix + path.replace(".", "_")


def _dotted(prefix: str) -> Callable[[str, str], str]:
    return lambda part, path: prefix + path


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        pytest.param(_flat("lora_unet_"), None, id="kohya with diffusers' names"),
        pytest.param(_flat("lora_unet_"), PEFT, id="kohya with peft's suffixes"),
        pytest.param(_flat("lycoris_"), None, id="SimpleTuner"),
        pytest.param(_dotted("unet."), PEFT, id="diffusers"),
        pytest.param(_dotted("unet."), OLD, id="older diffusers"),
        pytest.param(_dotted(""), OLD, id="oldest diffusers"),
        pytest.param(_dotted("base_model.model."), PEFT, id="peft"),
        pytest.param(_dotted("unet.base_model.model."), DEFAULT, id="peft's state"),
    ],
)
def test_the_same_matrices_in_another_family_draw_the_same_picture(
    pipeline: Any,
    tmp_path: Path,
    name: Callable[[str, str], str],
    spellings: Mapping[str, str] | None,
) -> None:
    own = random_loras(pipeline, ("unet",), convolutions=True)
    kohya = _file(tmp_path / "x.safetensors", named(own, by_kohya(pipeline)), {})
    other = _file(tmp_path / "y.safetensors", named(own, name, spellings), {})
    with applied(pipeline, kohya, 1.0):
        expected = draw(pipeline)
    with applied(pipeline, other, 1.0):
        assert np.array_equal(draw(pipeline), expected)


def test_the_original_layouts_dotted_paths_mean_the_same_layers(
    pipeline: Any, tmp_path: Path
) -> None:
    own, shape = random_loras(pipeline, ("unet",), convolutions=True), unet_shape(pipeline.unet)
    kohya = _file(tmp_path / "x.safetensors", named(own, by_kohya(pipeline)), {})
    tensors = named(own, lambda part, path: f"diffusion_model.{sgm_path(path, shape)}")
    with applied(pipeline, kohya, 1.0):
        expected = draw(pipeline)
    with applied(pipeline, _file(tmp_path / "y.safetensors", tensors, {}), 1.0):
        assert np.array_equal(draw(pipeline), expected)


def test_the_spellings_of_attention_processors_mean_the_same_layers(
    pipeline: Any, tiny_base: Path, tmp_path: Path
) -> None:
    """Their matrices never had an alpha, which means the rank."""
    words = (".to_q", ".to_k", ".to_v", ".to_out.0")
    own = {
        target: {suffix: value for suffix, value in tensors.items() if suffix != "alpha"}
        for target, tensors in random_loras(pipeline, ("unet",)).items()
        if target[1].endswith(words)
    }

    def processor(part: str, path: str) -> str:
        before, _, projection = path.removesuffix(".0").rpartition(".")
        return f"{part}.{before}.processor.{projection}"

    kohya = _file(tmp_path / "x.safetensors", named(own, by_kohya(pipeline)), {})
    old = _file(tmp_path / "y.safetensors", named(own, processor, PROCESSOR), {})
    with applied(pipeline, kohya, 1.0):
        expected = draw(pipeline)
    with applied(pipeline, old, 1.0):
        assert np.array_equal(draw(pipeline), expected)
    theirs = _drawn_by_diffusers(tiny_base, old, 1.0)
    assert np.abs(theirs - expected).max() < DIFFUSERS_TOLERANCE


@pytest.mark.parametrize("spellings", [PEFT, TEXT])
def test_text_encoders_are_known_by_their_parts_names(
    pipeline: Any, tmp_path: Path, spellings: Mapping[str, str]
) -> None:
    own = random_loras(pipeline, ("text_encoder", "text_encoder_2"))
    kohya = _file(tmp_path / "x.safetensors", named(own, by_kohya(pipeline)), {})

    def dotted(part: str, path: str) -> str:
        return f"{part}.text_model.{path.removeprefix('text_model.')}"

    other = _file(tmp_path / "y.safetensors", named(own, dotted, spellings), {})
    with applied(pipeline, kohya, 1.0):
        expected = draw(pipeline)
    with applied(pipeline, other, 1.0):
        assert np.array_equal(draw(pipeline), expected)


def test_a_file_may_change_layers_that_kohya_never_trains(
    pipeline: Any, base: Any, tmp_path: Path
) -> None:
    """LyCORIS' preset `full` adapts the first and last convolutions and the time embedding."""
    tensors = {}
    for name, (out, *fan_in) in {
        "lora_unet_input_blocks_0_0": pipeline.unet.conv_in.weight.shape,
        "lora_unet_out_2": pipeline.unet.conv_out.weight.shape,
        "lora_unet_time_embed_0": pipeline.unet.time_embedding.linear_1.weight.shape,
        "lora_te2_text_projection": pipeline.text_encoder_2.text_projection.weight.shape,
    }.items():
        tensors[f"{name}.lora_down.weight"] = torch.full((1, *fan_in), 0.1)
        tensors[f"{name}.lora_up.weight"] = torch.ones(out, 1, *[1] * (len(fan_in) - 1))
    with applied(pipeline, _file(tmp_path / "x.safetensors", tensors, {}), 1.0):
        assert np.abs(draw(pipeline) - base).max() > 0.05


def test_a_missing_alpha_and_an_alpha_of_0_mean_the_rank(pipeline: Any, tmp_path: Path) -> None:
    pictures = []
    for number, alpha in enumerate((torch.tensor(4.0), torch.tensor(0.0), None)):
        tensors = {
            name: value for name, value in _kohya_tensors(pipeline).items() if "alpha" not in name
        }
        stems = {name.partition(".")[0] for name in tensors}
        if alpha is not None:
            tensors |= {f"{stem}.alpha": alpha.half() for stem in stems}
        with applied(pipeline, _file(tmp_path / f"{number}.safetensors", tensors, {}), 0.7):
            pictures.append(draw(pipeline))
    assert np.array_equal(pictures[0], pictures[1])
    assert np.array_equal(pictures[0], pictures[2])


def test_an_alpha_beside_the_matrices_goes_before_one_in_the_header(
    pipeline: Any, tmp_path: Path
) -> None:
    tensors = _kohya_tensors(pipeline, "unet")
    said = {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 32, "unet.r": 4})}
    with applied(pipeline, _file(tmp_path / "x.safetensors", tensors, {}), 1.0):
        expected = draw(pipeline)
    with applied(pipeline, _file(tmp_path / "y.safetensors", tensors, said), 1.0):
        assert np.array_equal(draw(pipeline), expected)


def test_two_loras_add_up_and_leave_one_after_the_other(
    pipeline: Any, base: Any, weights: Path, tmp_path: Path
) -> None:
    second = _file(tmp_path / "unet.safetensors", _kohya_tensors(pipeline, "unet"), {})
    with applied(pipeline, weights, 0.5):
        alone = draw(pipeline)
        with applied(pipeline, second, 0.5):
            assert not np.array_equal(draw(pipeline), alone)
        assert np.array_equal(draw(pipeline), alone)
    assert np.array_equal(draw(pipeline), base)


def test_each_row_has_its_own_strength_in_convolutions_too(pipeline: Any, tmp_path: Path) -> None:
    weights = _file(
        tmp_path / "x.safetensors", _kohya_tensors(pipeline, "unet", convolutions=True), {}
    )
    prompts, strengths = ("a red mug", "a blue shoe"), (0.4, 1.0)
    with applied(pipeline, weights, strengths):
        together = draw(pipeline, prompts=prompts, seeds=(0, 1))
    for row, strength in enumerate(strengths):
        with applied(pipeline, weights, strength):
            alone = draw(pipeline, prompts=prompts[row : row + 1], seeds=(row,))[0]
        assert np.abs(together[row] - alone).max() < ROWS_TOLERANCE


def test_a_key_that_matches_nothing_is_refused(pipeline: Any, tmp_path: Path) -> None:
    tensors = _kohya_tensors(pipeline)
    tensors |= {"lora_unet_input_blocks_99_1_proj_in.alpha": torch.tensor(1.0)}
    weights = _file(tmp_path / "x.safetensors", tensors, {})
    with pytest.raises(Corrupt, match=r"1 keys .*blocks_99"), applied(pipeline, weights, 0.0):
        pass


@pytest.mark.parametrize("convolutions", [False, True])
def test_matrices_of_another_width_are_refused(
    pipeline: Any, tmp_path: Path, convolutions: bool
) -> None:
    layers = adapted_layers(pipeline, ("unet",), convolutions=convolutions)
    (part, path), layer = next(iter(layers.items()))
    tensors = _kohya_tensors(pipeline, convolutions=convolutions)
    name = by_kohya(pipeline)(part, path) + ".lora_down.weight"
    tensors[name] = tensors[name][:, :-1]
    weights = _file(tmp_path / "x.safetensors", tensors, {})
    with pytest.raises(Corrupt) as refusal, applied(pipeline, weights, 1):
        pass
    assert path in str(refusal.value)
    assert str(list(layer.weight.shape)) in str(refusal.value)


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), [0.5, 1e9], []])
def test_a_strength_that_is_no_number_is_refused(
    pipeline: Any, weights: Path, strength: float | list[float]
) -> None:
    with pytest.raises(InvalidValue, match="strength"), applied(pipeline, weights, strength):
        pass


def test_strengths_that_do_not_fit_the_batch_are_refused(pipeline: Any, weights: Path) -> None:
    with applied(pipeline, weights, [0.5, 1.0]), pytest.raises(InvalidValue, match="2 strengths"):
        draw(pipeline)
