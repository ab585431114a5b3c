import json

import pytest

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.lora.scales import PartScale, declared_scales

TO_K = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k"
QUERY = "encoder.layers.0.self_attn.q_proj"


def _declared(**said: object) -> dict[str, PartScale]:
    document = {key.replace("__", "."): value for key, value in said.items()}
    return declared_scales("x", {"lora_adapter_metadata": json.dumps(document)})


def test_each_part_has_its_alpha() -> None:
    scales = _declared(unet__lora_alpha=8, unet__r=16, text_encoder_2__lora_alpha=4.0)
    assert scales.keys() == {"unet", "text_encoder_2"}
    assert scales["unet"].scale(TO_K, 16) == 0.5
    assert scales["text_encoder_2"].scale(QUERY, 8) == 0.5


def test_the_first_pattern_that_matches_counts() -> None:
    scales = _declared(unet__lora_alpha=8, unet__alpha_pattern={"attn1.to_k": 2, "to_.": 4})
    assert scales["unet"].scale(TO_K, 4) == 0.5
    assert scales["unet"].scale(TO_K.replace("to_k", "to_q"), 4) == 1.0
    assert scales["unet"].scale(TO_K.replace("to_k", "to_out.0"), 4) == 2.0


def test_a_pattern_matches_whole_names() -> None:
    scales = _declared(unet__lora_alpha=8, unet__alpha_pattern={"o_k": 2, "^attn1.to_k": 4})
    assert scales["unet"].scale(TO_K, 4) == 2.0


def test_a_text_encoders_pattern_may_name_the_text_model() -> None:
    said = {f"text_model.{QUERY}": 2}
    scales = _declared(text_encoder__lora_alpha=8, text_encoder__alpha_pattern=said)
    assert scales["text_encoder"].scale(QUERY, 2) == 1.0


def test_rank_stabilised_lora_divides_by_the_root_of_the_rank() -> None:
    scales = _declared(unet__lora_alpha=8, unet__use_rslora=True)
    assert scales["unet"].scale(TO_K, 16) == 2.0


def test_other_metadata_says_nothing() -> None:
    assert declared_scales("x", {"ss_network_alpha": "4"}) == {}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"unet.lora_alpha": "much"}',
        '{"unet.lora_alpha": 1, "unet.alpha_pattern": {"(": 1}}',
        '{"unet.lora_alpha": 1, "unet.alpha_pattern": 3}',
        '{"unet.lora_alpha": null}',
    ],
)
def test_what_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(Corrupt, match="lora_adapter_metadata"):
        declared_scales("x", {"lora_adapter_metadata": text})
