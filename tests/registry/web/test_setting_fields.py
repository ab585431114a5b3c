"""The form of a trainer: every setting once, with what it may be."""

import pytest

from sdxl_reg.trainers.discovery import find_trainer, trainer_names
from sdxl_reg.trainers.remote import remote_settings
from sdxl_reg.web.setting_fields import SettingField, common_fields, other_fields


def _fields(trainer: str) -> dict[str, SettingField]:
    config = find_trainer(trainer).config
    found = [*common_fields(config), *(f for group in other_fields(config) for f in group.fields)]
    assert len({field.name for field in found}) == len(found)
    return {field.name: field for field in found}


@pytest.mark.parametrize("trainer", trainer_names())
def test_every_setting_that_a_request_may_give_has_a_field(trainer: str) -> None:
    assert set(_fields(trainer)) == set(remote_settings(find_trainer(trainer).config))
    assert len(common_fields(find_trainer(trainer).config)) < 16


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rank", "whole"),
        ("max_train_steps", "whole"),
        ("learning_rate", "number"),
        ("unet_lr", "number"),
        ("algorithm", "choice"),
        ("prediction_type", "choice"),
        ("preview", "switch"),
        ("sample_prompts", "lines"),
        ("optimizer_args", "table"),
        ("resolution", "text"),
        ("caption_prefix", "text"),
    ],
)
def test_a_field_is_of_the_kind_of_its_setting(name: str, kind: str) -> None:
    assert _fields("lora")[name].kind == kind


def test_a_field_tells_its_choices_its_range_and_what_counts_where_it_is_empty() -> None:
    fields = _fields("lora")
    assert fields["algorithm"].choices == ["lora", "dora", "loha", "lokr"]
    assert fields["prediction_type"].choices == ["epsilon", "v_prediction"]
    assert fields["rank"].range == "1 to 1024"
    assert fields["rank"].default == "128 (small base: 16)"
    assert fields["max_train_steps"].range == ""
    assert fields["seed"].range == ""
    assert fields["preview"].default == "yes"
    assert fields["min_snr_gamma"].label == "min snr gamma"


def test_settings_stand_under_what_they_are_about() -> None:
    groups = {group.title: group.fields for group in other_fields(find_trainer("lora").config)}
    names = {title: {field.name for field in fields} for title, fields in groups.items()}
    assert "conv_rank" in names["Of this trainer"]
    assert "flip_aug" in names["Pictures and captions"]
    assert "noise_offset" in names["Objective"]
    assert "optimizer_type" in names["Optimiser"]
    assert "unet_lr" in names["Length and rates"]
