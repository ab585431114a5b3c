"""Which settings may come over the network: none that names a file or code of the machine."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from sdxl_reg.trainers.config import TrainerConfig
from sdxl_reg.trainers.discovery import all_trainers, find_trainer
from sdxl_reg.trainers.remote import LOCAL, remote_faults, remote_only, remote_settings


class _Config(TrainerConfig):
    weights: Path | None = None
    folders: tuple[Path, ...] = ()
    module: str = Field(default="", json_schema_extra=LOCAL)
    colour: str = Field(default="red", json_schema_extra=remote_only("[a-z]+", remedy="a word"))


def test_paths_and_what_says_so_are_left_out() -> None:
    offered = set(remote_settings(_Config))
    assert offered == set(TrainerConfig.model_fields) | {"colour"}


def test_what_is_left_out_is_refused_together_with_every_other_fault() -> None:
    said: dict[str, Any] = {"weights": "/etc/passwd", "folders": ["/"], "module": "os"}
    found = remote_faults(_Config, said | {"colour": "../x", "seed": -1, "sed": 3})
    assert set(found) == {*said, "colour", "seed", "sed"}
    assert "sdxl-reg train" in found["module"]
    assert "a word" in found["colour"]
    assert "'seed'" in found["sed"]


def test_what_is_right_has_no_fault() -> None:
    assert remote_faults(_Config, {"colour": "blue", "seed": 3, "resolution": "64"}) == {}


@pytest.mark.parametrize("spelling", ["network_module", "sd_scripts_options", "network_args"])
def test_of_sd_scripts_neither_modules_nor_options_are_taken(spelling: str) -> None:
    config = find_trainer("kohya-lora").config
    assert spelling not in remote_settings(config)
    assert set(remote_faults(config, {spelling: "x=/etc/passwd"})) == {spelling}


@pytest.mark.parametrize(
    ("prompt", "is_taken"),
    [("a mug", True), ("a mug --cn /etc/passwd", False), ("a\nmug --cn x", False)],
)
def test_prompts_for_sd_scripts_come_without_its_options(prompt: str, is_taken: bool) -> None:
    found = remote_faults(find_trainer("kohya-lora").config, {"sample_prompts": prompt})
    assert (found == {}) is is_taken


def test_every_trainer_takes_optimisers_by_name_and_none_by_import_path() -> None:
    for trainer in all_trainers()[0]:
        for said, is_taken in (("Prodigy", True), ("torch.optim.RAdam", False), ("x\n", False)):
            found = remote_faults(trainer.config, {"optimizer_type": said})
            assert ("optimizer_type" not in found) is is_taken, (trainer.name, said)


def test_an_alias_leads_to_the_setting_that_is_refused() -> None:
    class Other(TrainerConfig):
        weights: Path | None = Field(default=None, validation_alias="network_weights")

    assert set(remote_faults(Other, {"network_weights": "/etc/passwd"})) == {"network_weights"}
