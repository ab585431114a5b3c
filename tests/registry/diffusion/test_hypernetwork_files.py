"""Hypernetwork files as A1111 and ComfyUI read them, and back."""

import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sdxl_reg.diffusion.hypernetwork_files import (
    load_hypernetwork,
    read_pt,
    save_hypernetwork,
    write_pt,
)
from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.hypernetwork import HypernetworkFacts
from sdxl_reg.formats.hypernetwork_weights import tensor_name, weight_shapes
from sdxl_reg.formats.identity import identify, identify_pickled

FACTS = HypernetworkFacts(
    layer_structure=(1, 2, 1),
    activation_func="relu",
    is_layer_norm=True,
    activate_output=False,
    step=12,
    name="weipin-hyper",
    sd_checkpoint_name="micro@1",
)
WIDTHS = (16, 32)


def weights(facts: HypernetworkFacts = FACTS, *, dtype: torch.dtype = torch.float32) -> Any:
    generator = torch.Generator().manual_seed(0)
    return {
        tensor_name(width, net, name): torch.randn(shape, generator=generator).to(dtype)
        for width in WIDTHS
        for net in "kv"
        for name, shape in weight_shapes(facts, width).items()
    }


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "weipin-hyper.safetensors"
    save_hypernetwork(path, weights(), FACTS, metadata={"sdxl_reg.run": "f"})
    return path


@pytest.fixture
def pt(kept: Path) -> Path:
    write_pt(kept, kept.with_suffix(".pt"))
    return kept.with_suffix(".pt")


def as_a1111_builds_it(document: dict[Any, Any], width: int, net: int) -> nn.Sequential:
    """By the facts alone; the names of the weights have to fit."""
    structure = document["layer_structure"]
    layers: list[nn.Module] = []
    for number in range(len(structure) - 1):
        outputs = int(width * structure[number + 1])
        layers.append(nn.Linear(int(width * structure[number]), outputs))
        if number < len(structure) - 2 or document["activate_output"]:
            layers.append(nn.ReLU())
        if document["is_layer_norm"]:
            layers.append(nn.LayerNorm(outputs))
    network = nn.Sequential(*layers)
    network.load_state_dict(
        {name.removeprefix("linear."): value for name, value in document[width][net].items()}
    )
    return network


def as_comfyui_builds_it(document: dict[Any, Any], width: int, net: int) -> nn.Sequential:
    """By the order of the weights alone: a linear layer and a norm in turn."""
    state: dict[str, Tensor] = document[width][net]
    stems = [name.removesuffix(".weight") for name in state if name.endswith(".weight")]
    layers: list[nn.Module] = []
    for number, stem in enumerate(stems):
        weight, bias = state[f"{stem}.weight"], state[f"{stem}.bias"]
        outputs, inputs = weight.shape[0], weight.shape[-1]
        layer = nn.Linear(inputs, outputs) if weight.ndim == 2 else nn.LayerNorm(outputs)
        layer.load_state_dict({"weight": weight, "bias": bias})
        layers.append(layer)
        if weight.ndim == 2 and (number < len(stems) - 2 or document["activate_output"]):
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


def test_both_programs_build_the_same_networks_from_it(pt: Path) -> None:
    document = torch.load(pt, weights_only=True)
    assert [key for key in document if isinstance(key, int)] == list(WIDTHS)
    for width in WIDTHS:
        context = torch.randn(3, width, generator=torch.Generator().manual_seed(1))
        for net in (0, 1):
            one = as_a1111_builds_it(document, width, net)(context)
            assert torch.equal(one, as_comfyui_builds_it(document, width, net)(context))
            assert not torch.equal(one, torch.zeros_like(one))


def test_what_is_written_comes_back(kept: Path, pt: Path) -> None:
    found, facts = read_pt(pt)
    assert facts == FACTS
    assert found.keys() == weights().keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in weights().items())
    assert load_hypernetwork(kept)[1] == FACTS


def test_it_holds_nothing_but_numbers_text_lists_and_tensors(pt: Path) -> None:
    document = torch.load(pt, weights_only=True)
    assert None not in document.values()
    plain = {key: value for key, value in document.items() if not isinstance(key, int)}
    assert {type(value) for value in plain.values()} <= {int, str, bool, list}


def test_the_archive_holds_only_what_a1111_lets_pass(pt: Path) -> None:
    """It refuses the files that newer versions of PyTorch add, such as `.format_version`."""
    passes = re.compile(r"^([^/]+)/((data/\d+)|version|(data\.pkl))$")
    with zipfile.ZipFile(pt) as archive:
        assert [name for name in archive.namelist() if not passes.match(name)] == []


def test_equal_content_gives_equal_bytes(kept: Path, pt: Path, tmp_path: Path) -> None:
    write_pt(kept, tmp_path / "other-name.pt")
    assert (tmp_path / "other-name.pt").read_bytes() == pt.read_bytes()


def test_the_quarantine_lets_it_pass_and_tells_what_it_is(kept: Path, pt: Path) -> None:
    assert identify_pickled(pt) == identify(kept)


def test_a_file_as_a1111_saves_it_is_read(tmp_path: Path) -> None:
    """Its networks are state dicts, which note versions, and some of its facts are None."""
    facts = HypernetworkFacts(dropout_structure=(0, 0, 0), last_layer_dropout=False)
    network = nn.Module()
    network.linear = nn.Sequential(nn.Linear(16, 32), nn.Linear(32, 16))
    state = network.state_dict()
    torch.save(
        {16: (state, state), "name": "x", "step": 0, "layer_structure": [1, 2, 1]}
        | {"activation_func": None, "sd_checkpoint": None, "optional_info": None}
        | {"is_layer_norm": False, "weight_initialization": "Normal", "use_dropout": False}
        | {"dropout_structure": [0, 0, 0], "last_layer_dropout": False, "activate_output": True},
        tmp_path / "x.pt",
    )
    found, said = read_pt(tmp_path / "x.pt")
    assert said == replace(facts, name="x")
    assert torch.equal(found["hypernet.16.v.linear.1.bias"], state["linear.1.bias"])


def test_dropout_is_counted_though_it_has_no_weights(tmp_path: Path) -> None:
    facts = replace(FACTS, layer_structure=(1, 2, 2, 1), use_dropout=True)
    path = tmp_path / "x.safetensors"
    save_hypernetwork(path, weights(facts, dtype=torch.float16), facts, metadata={})
    write_pt(path, tmp_path / "x.pt")
    found, said = read_pt(tmp_path / "x.pt")
    assert (said, found["hypernet.16.k.linear.4.bias"].dtype) == (facts, torch.float16)


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"linear.0.weight": torch.zeros(1)}, "no hypernetwork"),
        ([torch.zeros(1)], "no hypernetwork"),
        ({16: ({}, {})}, "no hypernetwork"),
        ({16: ({"linear.0.weight": torch.zeros(1)}, {})}, "linear"),
        ({16: ({},)}, "two dictionaries"),
        ({16: 3}, "two dictionaries"),
        ({16: ({"linear.0.weight": 1}, {})}, "two dictionaries"),
        ({16: ({}, {}), "activation_func": "nothing"}, "activation_func"),
    ],
)
def test_what_is_no_hypernetwork_is_refused(tmp_path: Path, document: object, fault: str) -> None:
    torch.save(document, tmp_path / "x.pt")
    with pytest.raises(Corrupt, match=fault):
        read_pt(tmp_path / "x.pt")


def test_an_incomplete_file_is_neither_saved_nor_loaded(tmp_path: Path) -> None:
    some = dict(list(weights().items())[1:])
    with pytest.raises(Corrupt, match="missing"):
        save_hypernetwork(tmp_path / "x.safetensors", some, FACTS, metadata={})
    assert list(tmp_path.iterdir()) == []
