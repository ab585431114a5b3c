"""Settings out of files: ours, kohya_ss's and sd-scripts', and what is said of their keys."""

import json
from pathlib import Path

import pytest

from sdxl_reg.errors import InvalidValue, NotFound, UnknownName
from sdxl_reg_cli.settings_files import gathered_settings


def test_our_own_toml_is_taken_as_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "weipin.toml"
    file.write_text('network_dim = 8\nsize_conditioning = "target"\n')
    given = gathered_settings("lora", file, ())
    assert given.values == {"network_dim": 8, "size_conditioning": "target"}
    assert (given.base, given.name, given.source, given.remarks) == ("", "", {}, ())


def test_words_go_before_the_file_under_any_spelling(tmp_path: Path) -> None:
    file = tmp_path / "weipin.toml"
    file.write_text("rank = 8\nseed = 1\n")
    given = gathered_settings("lora", file, ("network_dim=4", " seed = 7 "))
    assert given.values == {"network_dim": "4", "seed": "7"}


def test_a_file_of_kohya_ss_gives_settings_base_and_name(tmp_path: Path) -> None:
    base = tmp_path / "base.safetensors"
    base.touch()
    file = tmp_path / "weipin.json"
    document = {
        "LoRA_type": "Standard",
        "network_dim": "16",
        "pretrained_model_name_or_path": str(base),
        "output_name": "weipin-v3",
        "train_data_dir": "/pictures/image",
        "cache_latents": True,
        "cache_latents_to_disk": True,
        "a_new_key": 3,
        "huggingface_token": "hf_x",
    }
    file.write_text(json.dumps(document), encoding="utf-8-sig")
    given = gathered_settings("lora", file, ("alpha=8",))
    assert given.values == {"algorithm": "lora", "rank": 16, "alpha": "8"}
    assert (given.base, given.name) == (str(base), "weipin-v3")
    assert given.source["document"] == document | {"huggingface_token": ""}
    said = "\n".join(given.remarks)
    assert "weipin.json: 2 settings" in said
    assert "/pictures/image" in said
    assert "cache_latents, cache_latents_to_disk (" in said
    assert "no setting here: a_new_key = 3" in said
    assert "hf_x" not in said


def test_a_base_that_is_not_here_is_told_and_not_used(tmp_path: Path) -> None:
    file = tmp_path / "weipin.json"
    file.write_text('{"pretrained_model_name_or_path": "stabilityai/sdxl"}')
    given = gathered_settings("lora", file, ())
    assert given.base == ""
    assert any("stabilityai/sdxl" in remark for remark in given.remarks)


def test_options_of_sd_scripts_are_read_from_toml(tmp_path: Path) -> None:
    file = tmp_path / "config_file.toml"
    file.write_text('[network]\nnetwork_module = "networks.lora"\nnetwork_args = ["conv_dim=4"]\n')
    values = gathered_settings("lora", file, ()).values
    assert values == {"algorithm": "lora", "conv_rank": 4}


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [("x.toml", "rank 8", "TOML"), ("x.json", "{", "JSON"), ("x.json", "[1]", "settings")],
)
def test_a_damaged_file_is_refused(tmp_path: Path, name: str, text: str, form: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidValue, match=form):
        gathered_settings("lora", tmp_path / name, ())


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        gathered_settings("lora", tmp_path / "none.toml", ())
    with pytest.raises(UnknownName):
        gathered_settings("lara", None, ())
    with pytest.raises(InvalidValue, match="NAME=VALUE"):
        gathered_settings("lora", None, ("rank",))
