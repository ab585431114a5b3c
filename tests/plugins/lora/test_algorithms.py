"""DoRA, LoHa and LoKr files draw what peft's own layers draw; Tucker's form among them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.weights import save_weights
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.lora.keys import SUFFIXES
from sdxl_reg.testing import ROWS_TOLERANCE, draw
from sdxl_reg.training.base import PARTS
from sdxl_reg_lora.apply import applied
from sdxl_reg_lora.changes import Adapter, change, decomposed, product
from tests.plugins.lora.adapters import Adapters, adapted_layers, by_kohya, named, random_loras

PEFT_TOLERANCE = 1e-5
"""The same products in another order: float32 rounding over two denoising steps."""
KOHYA = {"lora_A": "lora_down.weight", "lora_B": "lora_up.weight"}
COMMON: dict[str, Any] = {"r": 2, "init_weights": False}
CONFIGS = {
    "dora": lambda targets: LoraConfig(
        r=2, lora_alpha=3, use_dora=True, init_lora_weights=False, target_modules=targets
    ),
    "loha": lambda targets: LoHaConfig(alpha=3, target_modules=targets, **COMMON),
    "loha with Tucker's form": lambda targets: LoHaConfig(
        alpha=3, use_effective_conv2d=True, target_modules=targets, **COMMON
    ),
    "lokr": lambda targets: LoKrConfig(
        alpha=3, decompose_factor=2, target_modules=targets, **COMMON
    ),
    "lokr of two pairs": lambda targets: LoKrConfig(
        r=1, alpha=3, init_weights=False, decompose_both=True, target_modules=targets
    ),
    "lokr with Tucker's form": lambda targets: LoKrConfig(
        alpha=3, use_effective_conv2d=True, decompose_factor=2, target_modules=targets, **COMMON
    ),
    "lokr of two whole factors": lambda targets: LoKrConfig(
        r=64, alpha=64, init_weights=False, target_modules=targets
    ),
}


def _peft_adapters(theirs: Any, algorithm: str) -> Adapters:
    """Put random adapters of peft into every part; their tensors as a file of LyCORIS has them."""
    torch.manual_seed(0)
    found: Adapters = {}
    for part in PARTS:
        layers = adapted_layers(theirs, (part,), convolutions=True)
        paths = [path for _, path in layers]
        module = inject_adapter_in_model(CONFIGS[algorithm](paths), getattr(theirs, part))
        for path in paths:
            found[part, path] = _peft_tensors(module.get_submodule(path), algorithm)
    return found


def _peft_tensors(layer: Any, algorithm: str) -> dict[str, Tensor]:
    if algorithm == "dora":
        magnitudes = layer.lora_magnitude_vector["default"].weight
        with torch.no_grad():
            magnitudes.mul_(torch.rand_like(magnitudes) + 0.5)
        shape = (-1, *[1] * (layer.get_base_layer().weight.ndim - 1))
        own = {kohya: getattr(layer, name)["default"].weight for name, kohya in KOHYA.items()}
        return own | {"dora_scale": magnitudes.reshape(shape), "alpha": torch.tensor(3.0)}
    own = {
        name: getattr(layer, name)["default"]
        for name in layer.adapter_layer_names
        if "default" in getattr(layer, name)
    }
    with torch.no_grad():
        for tensor in own.values():
            tensor.mul_(1.5 if "lokr" in algorithm else 2.0)  # peft's first values hardly show
    return own | {"alpha": torch.tensor(float(layer.alpha["default"]))}


def _file(path: Path, tensors: Mapping[str, Tensor]) -> Path:
    save_weights(path, {key: value.detach().contiguous() for key, value in tensors.items()}, {})
    return path


@pytest.fixture(scope="module", params=list(CONFIGS))
def drawn(
    request: pytest.FixtureRequest, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Any]:
    """An algorithm, a file of it, and the picture that peft's layers draw with its matrices."""
    theirs = load_pipeline(tiny_base)
    adapters = _peft_adapters(theirs, request.param)
    folder = tmp_path_factory.mktemp("algorithm")
    path = _file(folder / "x.safetensors", named(adapters, by_kohya(load_pipeline(tiny_base))))
    return request.param, path, draw(theirs)


def test_a_file_draws_what_pefts_layers_draw(
    pipeline: Any, base: Any, drawn: tuple[str, Path, Any]
) -> None:
    _, weights, expected = drawn
    with applied(pipeline, weights, 1.0):
        ours = draw(pipeline)
    assert np.abs(ours - base).max() > 0.05
    assert np.abs(ours - expected).max() < PEFT_TOLERANCE
    assert np.array_equal(draw(pipeline), base)


def test_a_strength_for_each_row_is_that_strength_alone(
    pipeline: Any, base: Any, drawn: tuple[str, Path, Any]
) -> None:
    with applied(pipeline, drawn[1], [0.0, 0.5, 1.0]):
        together = draw(pipeline)
    with applied(pipeline, drawn[1], 0.5):
        half = draw(pipeline)
    assert np.abs(together[0] - base[0]).max() < ROWS_TOLERANCE
    assert np.abs(together[1] - half[1]).max() < ROWS_TOLERANCE
    assert np.abs(together[2] - drawn[2][2]).max() < ROWS_TOLERANCE


def test_magnitudes_as_peft_names_and_shapes_them(
    pipeline: Any, tiny_base: Path, tmp_path: Path
) -> None:
    """Shape (out,) for a linear layer, (1, out, 1, 1) for a convolution."""
    theirs = load_pipeline(tiny_base)
    adapters = _peft_adapters(theirs, "dora")
    for (part, path), own in adapters.items():
        layer = getattr(theirs, part).get_submodule(path)
        own["lora_magnitude_vector"] = layer.lora_magnitude_vector["default"].weight
        del own["dora_scale"]
    spellings = {"lora_down.weight": ".lora_A.weight", "lora_up.weight": ".lora_B.weight"}
    tensors = named(adapters, lambda part, path: f"{part}.{path}", spellings)
    with applied(pipeline, _file(tmp_path / "x.safetensors", tensors), 1.0):
        assert np.abs(draw(pipeline) - draw(theirs)).max() < PEFT_TOLERANCE


def _random(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def test_loras_core_stands_between_its_two_matrices() -> None:
    """LyCORIS' Tucker form of plain LoRA is three convolutions, the middle one 3 × 3."""
    down, mid, up, x = _random((2, 5, 1, 1), (3, 2, 3, 3), (7, 3, 1, 1), (1, 5, 8, 8))
    tensors = {"lora_down.weight": down, "lora_mid.weight": mid, "lora_up.weight": up}
    conv2d = nn.functional.conv2d
    expected = conv2d(conv2d(conv2d(x, down), mid, padding=1), up)
    ours = conv2d(x, product("lora", tensors), padding=1)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)  # sums of 90 in two orders


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 3, 3)])
def test_magnitudes_are_the_norms_along_their_axis(axis: int, shape: tuple[int, ...]) -> None:
    weight, update = _random(shape, shape)
    magnitudes = torch.arange(1.0, shape[axis] + 1)
    kept = [-1 if place == axis else 1 for place in range(len(shape))]
    result = decomposed(weight, update, magnitudes.reshape(kept))
    norms = result.transpose(0, axis).flatten(1).norm(dim=1)
    torch.testing.assert_close(norms, magnitudes)
    parallel = nn.functional.cosine_similarity(
        result.transpose(0, axis).flatten(1), (weight + update).transpose(0, axis).flatten(1)
    )
    torch.testing.assert_close(parallel, torch.ones_like(parallel))


def test_an_output_without_weights_stays_so() -> None:
    weight = torch.zeros(2, 3)
    assert torch.equal(decomposed(weight, weight, torch.ones(2, 1)), weight)


def test_magnitudes_go_with_every_algorithm() -> None:
    weight, *matrices = _random((6, 4), (6, 2), (2, 4), (6, 2), (2, 4))
    tensors = dict(zip(SUFFIXES["loha"], matrices, strict=False))
    plain = change(Adapter(algorithm="loha", tensors=tensors, scale=0.5), weight)
    own = tensors | {"dora_scale": torch.full((6, 1), 2.0)}
    ours = change(Adapter(algorithm="loha", tensors=own, scale=0.5), weight)
    assert torch.equal(ours, decomposed(weight, plain, own["dora_scale"]) - weight)


def test_a_dense_change_keeps_the_strength_law_in_half_precision() -> None:
    weight = _random((6, 4))[0].half()
    down, up = _random((2, 4), (6, 2))
    own = {"lora_down.weight": down, "lora_up.weight": up, "dora_scale": torch.ones(6, 1)}
    ours = change(Adapter(algorithm="lora", tensors=own, scale=1.0), weight)
    assert ours.dtype == torch.float32
    assert torch.equal(ours, decomposed(weight.float(), up @ down, torch.ones(6, 1)) - weight)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"dora_scale": torch.ones(3, 1)}, "magnitudes for"),
        ({"lora_up.weight": torch.ones(16, 3)}, "make no change"),
        ({"lora_down.weight": torch.ones(4)}, "shape"),
        ({"lora_mid.weight": torch.ones(4, 5, 3, 3)}, "make no change"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    pipeline: Any, tmp_path: Path, changed: dict[str, Tensor], fault: str
) -> None:
    adapters = random_loras(pipeline, ("unet",))
    next(iter(adapters.values())).update(changed)
    weights = _file(tmp_path / "x.safetensors", named(adapters, by_kohya(pipeline)))
    with pytest.raises(Corrupt, match=fault), applied(pipeline, weights, 0.0):
        pass
