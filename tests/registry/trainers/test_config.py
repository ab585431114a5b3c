import pytest

from sdxl_reg.errors import InvalidSettings
from sdxl_reg.trainers.config import TrainerConfig, names, parsed
from sdxl_reg_lora import LoraConfig


def test_every_trainer_knows_the_shared_settings_under_kohyas_names() -> None:
    assert {
        "max_train_steps",
        "max_train_epochs",
        "save_every_n_epochs",
        "save_every_n_steps",
        "seed",
        "resolution",
        "train_batch_size",
        "learning_rate",
        "unet_lr",
        "text_encoder_lr",
    } <= set(names(TrainerConfig))


def test_other_programs_spellings_are_among_the_names() -> None:
    assert {"rank", "network_dim", "alpha", "network_alpha"} <= set(names(LoraConfig))
    assert len(names(LoraConfig)) == len(set(names(LoraConfig)))


def test_text_is_read_as_the_settings_type() -> None:
    config = parsed(LoraConfig, {"network_dim": "8", "seed": "7"}, trainer="lora")
    assert isinstance(config, LoraConfig)
    assert (config.rank, config.seed) == (8, 7)


def test_an_unknown_setting_comes_with_near_names() -> None:
    with pytest.raises(InvalidSettings, match="Did you mean 'rank'"):
        parsed(LoraConfig, {"rnak": 8}, trainer="lora")


def test_a_fault_says_what_was_given() -> None:
    with pytest.raises(InvalidSettings, match="got 'many'"):
        parsed(LoraConfig, {"network_dim": "many"}, trainer="lora")
