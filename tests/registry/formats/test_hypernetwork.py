"""Facts, layers and names of hypernetworks."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.hypernetwork import (
    HypernetworkFacts,
    facts_from,
    from_metadata,
    to_metadata,
)
from sdxl_reg.formats.hypernetwork_weights import (
    family_of,
    layers_of,
    require_complete,
    tensor_name,
    weight_shapes,
    widths_in,
)

FILE = Path("x.safetensors")
PLAIN = HypernetworkFacts()


def complete(facts: HypernetworkFacts, *widths: int) -> dict[str, tuple[int, ...]]:
    return {
        tensor_name(width, net, name): shape
        for width in widths
        for net in "kv"
        for name, shape in weight_shapes(facts, width).items()
    }


def test_facts_survive_a_header() -> None:
    facts = HypernetworkFacts(
        layer_structure=(1, 1.5, 2, 1),
        activation_func="mish",
        is_layer_norm=True,
        weight_initialization="KaimingUniform",
        dropout_structure=(0, 0.1, 0, 0),
        step=250,
        name="weipin’s",
        sd_checkpoint_name="micro@1",
    )
    said = to_metadata(facts)
    assert said["hypernetwork.layer_structure"] == "[1, 1.5, 2, 1]"
    assert said["hypernetwork.is_layer_norm"] == "true"
    assert json.loads(said["hypernetwork.name"]) == "weipin’s"
    assert from_metadata(FILE, said | {"ss_steps": "250"}) == facts
    assert from_metadata(FILE, to_metadata(PLAIN)) == PLAIN


def test_what_a_file_does_not_say_is_as_a1111_takes_it() -> None:
    facts = facts_from({"activation_func": None, "optional_info": "x"})
    assert facts == PLAIN
    assert (facts.layer_structure, facts.activate_output) == ((1, 2, 1), True)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"layer_structure": [2, 1]}, "layer_structure"),
        ({"layer_structure": [1]}, "layer_structure"),
        ({"layer_structure": [1, 0, 1]}, "layer_structure"),
        ({"layer_structure": ["1", "1"]}, "layer_structure"),
        ({"layer_structure": 3}, "layer_structure"),
        ({"activation_func": "exec"}, "activation_func"),
        ({"weight_initialization": "Zero"}, "weight_initialization"),
        ({"dropout_structure": [0, 1, 0]}, "dropout_structure"),
        ({"dropout_structure": [0, 0]}, "dropout_structure"),
        ({"step": "many"}, "step"),
        ({"name": 3}, "name"),
    ],
)
def test_a_fact_that_cannot_be_is_refused(values: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidValue, match=fault):
        facts_from(values)


@pytest.mark.parametrize(
    ("metadata", "fault"),
    [
        ({}, "does not say"),
        ({"hypernetwork.layer_structure": "[1,"}, "no known way"),
        ({"hypernetwork.layer_structure": "[1, 3]"}, "layer_structure"),
    ],
)
def test_a_header_that_describes_no_hypernetwork_is_refused(
    metadata: dict[str, str], fault: str
) -> None:
    with pytest.raises(Corrupt, match=fault):
        from_metadata(FILE, metadata)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        (PLAIN, "linear linear"),
        (replace(PLAIN, activation_func="relu"), "linear activation linear activation"),
        (
            replace(PLAIN, activation_func="relu", activate_output=False),
            "linear activation linear",
        ),
        (replace(PLAIN, is_layer_norm=True), "linear norm linear norm"),
        (
            replace(PLAIN, layer_structure=(1, 2, 2, 1), use_dropout=True),
            "linear dropout linear linear",
        ),
        (
            replace(PLAIN, layer_structure=(1, 2, 2, 1), use_dropout=True, last_layer_dropout=True),
            "linear dropout linear dropout linear",
        ),
        (replace(PLAIN, dropout_structure=(0, 0.1, 0)), "linear dropout linear"),
        (replace(PLAIN, layer_structure=(1, 1), use_dropout=True), "linear"),
    ],
)
def test_layers_stand_in_a1111s_order(facts: HypernetworkFacts, kinds: str) -> None:
    assert [layer.kind for layer in layers_of(facts)] == kinds.split()


def test_a_weights_number_counts_the_layers_without_weights_too() -> None:
    facts = replace(PLAIN, activation_func="relu", is_layer_norm=True, activate_output=False)
    assert weight_shapes(facts, 640) == {
        "linear.0.weight": (1280, 640),
        "linear.0.bias": (1280,),
        "linear.2.weight": (1280,),
        "linear.2.bias": (1280,),
        "linear.3.weight": (640, 1280),
        "linear.3.bias": (640,),
        "linear.4.weight": (640,),
        "linear.4.bias": (640,),
    }


def test_a_complete_hypernetwork_tells_its_widths() -> None:
    shapes = complete(PLAIN, 2048, 640)
    assert require_complete(FILE, shapes, PLAIN) == [640, 2048]
    assert widths_in([*shapes, "else"]) == [640, 2048]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"hypernet.640.v.linear.1.bias": None}, r"v\.linear\.1\.bias is missing"),
        ({"hypernet.640.v.linear.1.bias": (3,)}, r"is \(3,\)"),
        ({"hypernet.640.v.linear.2.bias": (640,)}, "no weight"),
        ({"unet.weight": (1,)}, "no weight"),
    ],
)
def test_a_hypernetwork_with_other_weights_is_refused(
    change: dict[str, tuple[int, ...] | None], fault: str
) -> None:
    changed = {name: shape for name, shape in {**complete(PLAIN, 640), **change}.items() if shape}
    with pytest.raises(Corrupt, match=fault):
        require_complete(FILE, changed, PLAIN)
    with pytest.raises(Corrupt, match="no hypernetwork"):
        require_complete(FILE, {"unet.weight": (1,)}, PLAIN)


@pytest.mark.parametrize(
    ("widths", "family"),
    [([640, 1280, 2048], "sdxl"), ([320, 640, 768], "sd1"), ([1024], "sd2"), ([640], "unknown")],
)
def test_the_text_width_tells_the_family(widths: list[int], family: str) -> None:
    assert family_of(widths) == family
