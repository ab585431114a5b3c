import pytest

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.lora.keys import COMPLETE, SUFFIXES, grouped

KNOWN = {
    "lora_unet_a": ("unet", "a"),
    "lora_unet_b": ("unet", "b"),
    "unet.a": ("unet", "a"),
    "unet.x.attn1.to_q": ("unet", "x.attn1.to_q"),
    "text_encoder.fc1": ("text_encoder", "fc1"),
}
PLAIN = ["lora_unet_a.lora_down.weight", "lora_unet_a.lora_up.weight"]


def _keys(*suffixes: str) -> list[str]:
    return [f"lora_unet_a.{suffix}" for suffix in suffixes]


def test_keys_are_grouped_by_module() -> None:
    others = [key.replace("_a.", "_b.") for key in PLAIN]
    found = grouped("x", [*PLAIN, "lora_unet_a.alpha", *others], KNOWN)
    assert list(found) == [("unet", "a"), ("unet", "b")]
    assert found["unet", "a"].algorithm == "lora"
    assert found["unet", "a"].keys == {
        "lora_down.weight": PLAIN[0],
        "lora_up.weight": PLAIN[1],
        "alpha": "lora_unet_a.alpha",
    }


@pytest.mark.parametrize(
    "spelled",
    [
        ("unet.a.lora_A.weight", "unet.a.lora_B.weight"),
        ("unet.a.lora_A.default.weight", "unet.a.lora_B.default.weight"),
        ("unet.a.lora.down.weight", "unet.a.lora.up.weight"),
        (
            "unet.x.attn1.processor.to_q_lora.down.weight",
            "unet.x.attn1.processor.to_q_lora.up.weight",
        ),
        ("unet.x.attn1.to_q_lora.down.weight", "unet.x.attn1.to_q_lora.up.weight"),
        (
            "text_encoder.fc1.lora_linear_layer.down.weight",
            "text_encoder.fc1.lora_linear_layer.up.weight",
        ),
        ("lora_unet_a.lora_A.weight", "lora_unet_a.lora_B.weight"),
    ],
)
def test_every_spelling_of_the_two_matrices_is_read(spelled: tuple[str, str]) -> None:
    (found,) = grouped("x", spelled, KNOWN).values()
    assert found.keys == {"lora_down.weight": spelled[0], "lora_up.weight": spelled[1]}


@pytest.mark.parametrize("ending", ["", ".weight", ".default.weight"])
def test_pefts_magnitudes_are_read(ending: str) -> None:
    key = f"unet.a.lora_magnitude_vector{ending}"
    (found,) = grouped("x", ["unet.a.lora_A.weight", "unet.a.lora_B.weight", key], KNOWN).values()
    assert found.keys["lora_magnitude_vector"] == key


@pytest.mark.parametrize(
    ("algorithm", "suffixes"),
    [
        (algorithm, suffixes)
        for algorithm, sets in COMPLETE.items()
        for suffixes in map(sorted, sets)
    ],
)
def test_the_algorithm_follows_from_the_tensors(algorithm: str, suffixes: list[str]) -> None:
    (found,) = grouped("x", _keys(*suffixes, "alpha", "dora_scale"), KNOWN).values()
    assert found.algorithm == algorithm


def test_the_table_of_suffixes_has_every_tensor_of_a_whole() -> None:
    for algorithm, sets in COMPLETE.items():
        assert frozenset().union(*sets) == set(SUFFIXES[algorithm])


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ([*PLAIN, "lora_unet_c.alpha"], "1 keys match nothing in this base, such as lora_unet_c"),
        ([*PLAIN, "lora_unet_a.strange"], "1 keys match nothing .* lora_unet_a.strange"),
        ([*PLAIN, "lora_unet_b.oft_blocks"], r"lora_unet_b.oft_blocks \(OFT\)"),
        ([*PLAIN, "lora_unet_norm.w_norm"], r"lora_unet_norm.w_norm \(norms\)"),
        ([*PLAIN, "unet.a.lora_B.bias"], r"unet.a.lora_B.bias \(biases\)"),
        (_keys("lokr_w1", "lokr_w2", "lokr_t1"), "Tucker core in its first factor"),
        (PLAIN[:1], "lora_up.weight is missing beside lora_unet_a.lora_down.weight"),
        (_keys("alpha"), "lora_down.weight and lora_up.weight is missing"),
        (_keys("hada_w1_a", "hada_w1_b", "hada_w2_a"), "hada_w2_b is missing"),
        (_keys(*SUFFIXES["loha"][:5]), "hada_t2 is missing"),
        (_keys("lokr_w1", "lokr_w2_a"), "lokr_w2_b is missing"),
        (_keys("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2"), "do not go together"),
        ([*PLAIN, "lora_unet_a.lokr_w1"], "do not go together"),
        ([*PLAIN, "unet.a.lora_A.weight"], "are the same tensor"),
        ([*PLAIN, *_keys("dora_scale", "lora_magnitude_vector")], "say the same twice"),
        ([], "no LoRA"),
    ],
)
def test_no_key_is_dropped_silently(keys: list[str], fault: str) -> None:
    with pytest.raises(Corrupt, match=fault):
        grouped("x", keys, KNOWN)
