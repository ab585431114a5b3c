"""Configurations of kohya_ss and sd-scripts: what they mean, every key told, and the way back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.formats.kohya.config import is_kohya, read_kohya, to_kohya
from sdxl_reg.formats.kohya.keys import REASONS, SAME
from sdxl_reg.trainers.config import names
from sdxl_reg_lora import LoraConfig

WEIPIN: dict[str, Any] = {
    "LoRA_type": "Standard",
    "LyCORIS_preset": "full",
    "adaptive_noise_scale": "0.005",
    "additional_parameters": "",
    "bucket_no_upscale": True,
    "bucket_reso_steps": "64",
    "cache_latents": True,
    "caption_dropout_rate": 0.05,
    "caption_extension": ".txt",
    "clip_skip": "1",
    "conv_alpha": 1,
    "conv_dim": 32,
    "discrete_flow_shift": 3,
    "enable_bucket": 1,
    "epoch": 8,
    "flip_aug": "False",
    "flux1_checkbox": False,
    "gradient_checkpointing": "true",
    "huggingface_token": "hf_secret",
    "keep_tokens": "2",
    "learning_rate": "0.0001",
    "lr_scheduler": "cosine",
    "lr_scheduler_num_cycles": "",
    "lr_scheduler_power": "",
    "lr_warmup": 10,
    "max_bucket_reso": 2048,
    "max_resolution": "1024,1024",
    "max_token_length": "75",
    "max_train_epochs": "",
    "max_train_steps": "",
    "min_bucket_reso": 256,
    "min_snr_gamma": 5,
    "mixed_precision": "bf16",
    "multires_noise_discount": 0.2,
    "multires_noise_iterations": 8,
    "network_alpha": 16,
    "network_dim": 32,
    "noise_offset": 0.05,
    "noise_offset_type": "Original",
    "optimizer": "Prodigy",
    "optimizer_args": "decouple=True weight_decay=0.5 betas=0.9,0.99",
    "output_dir": "/models",
    "output_name": "weipin-v3",
    "pretrained_model_name_or_path": "/models/sd_xl_base_1.0.safetensors",
    "sample_every_n_epochs": 1,
    "sample_every_n_steps": 0,
    "sample_prompts": "# a comment\na red mug --n blurry, low --w 1024 --s 28 --l 7.5\na blue shoe",
    "save_every_n_epochs": 2,
    "save_every_n_steps": 0,
    "save_precision": "fp16",
    "scale_weight_norms": 1,
    "sdxl": True,
    "seed": "1234",
    "some_day_a_new_key": "new",
    "text_encoder_lr": 0.0,
    "train_batch_size": 4,
    "train_data_dir": "/pictures/image",
    "unet_lr": "0.0001",
    "wandb_api_key": "very-secret",
    "weighted_captions": False,
    "xformers": True,
}


def read(document: dict[str, Any]) -> dict[str, Any]:
    return read_kohya(document).settings


def accounts(document: dict[str, Any]) -> list[str]:
    found = read_kohya(document)
    return [*found.taken, *found.neutral, *found.ignored, *found.unmapped]


def test_a_file_of_the_window_becomes_settings_of_the_lora_trainer() -> None:
    found = read_kohya(WEIPIN, known=names(LoraConfig))
    config = LoraConfig.model_validate(found.settings)
    assert (config.rank, config.alpha, config.conv_rank) == (32, 16, None)
    assert (config.learning_rate, config.unet_lr, config.text_encoder_lr) == (1e-4, 1e-4, 0)
    assert (config.max_train_epochs, config.max_train_steps) == (8, None)
    assert config.lr_warmup_steps == 0.1
    assert config.resolution == (1024, 1024)
    assert (config.noise_offset, config.multires_noise_iterations) == (0.05, 0)
    assert config.optimizer_args == {"decouple": True, "weight_decay": 0.5, "betas": (0.9, 0.99)}
    assert config.sample_prompts == ["a red mug", "a blue shoe"]
    assert (config.sample_steps, config.sample_guidance_scale) == (28, 7.5)
    assert (config.enable_bucket, config.flip_aug, config.gradient_checkpointing) == (1, 0, 1)
    assert (found.base, found.output_name) == (
        "/models/sd_xl_base_1.0.safetensors",
        "weipin-v3",
    )
    assert found.dataset_dir == "/pictures/image"


def test_every_key_of_a_file_is_told_once() -> None:
    told = [name for name in accounts(WEIPIN) if not name.startswith("sample_prompts --")]
    assert sorted(told) == sorted(WEIPIN)


def test_what_has_no_setting_here_is_told_with_its_value() -> None:
    found = read_kohya(WEIPIN)
    assert found.unmapped == {"some_day_a_new_key": "new"}
    assert found.ignored["xformers"] == REASONS["xformers"]
    assert "Standard" in found.ignored["conv_dim"]
    assert {"max_token_length", "clip_skip", "discrete_flow_shift", "seed"} & set(
        found.ignored
    ) == set()


def test_a_setting_that_the_trainer_has_not_is_unmapped() -> None:
    found = read_kohya({"network_dim": 8, "seed": 3, "LoRA_type": "Standard"}, known=["seed"])
    assert found.settings == {"seed": 3}
    assert found.unmapped == {"network_dim": 8, "LoRA_type": "Standard"}


def test_a_setting_of_ours_that_kohya_has_not_is_taken() -> None:
    found = read_kohya({"size_conditioning": "target"}, known=names(LoraConfig))
    assert found.settings == {"size_conditioning": "target"}


def test_secrets_are_neither_kept_nor_shown() -> None:
    document = WEIPIN | {"additional_parameters": "--wandb_api_key=very-secret --seed 9 stray"}
    found = read_kohya(document)
    assert "very-secret" not in json.dumps([found.rest, found.settings, found.unmapped])
    assert "secret" not in json.dumps([found.rest, found.unmapped])
    assert {"wandb_api_key", "huggingface_token"} <= found.rest.keys()
    assert found.settings["seed"] == 9


@pytest.mark.parametrize(
    ("rates", "unet", "text"),
    [
        ({"unet_lr": 1e-4, "text_encoder_lr": 0}, 1e-4, 0),
        ({"unet_lr": 0, "text_encoder_lr": 5e-5}, 0, 5e-5),
        ({"unet_lr": 0, "text_encoder_lr": "0"}, None, 2e-4),
        ({"unet_lr": "", "text_encoder_lr": ""}, None, 2e-4),
        ({"unet_lr": 1e-4, "text_encoder_lr": 5e-5}, 1e-4, 5e-5),
        ({"text_encoder_lr": 0}, None, 0),
        ({"unet_lr": 1e-4}, 1e-4, None),
    ],
)
def test_a_rate_of_zero_leaves_a_part_out_unless_both_are_zero(
    rates: dict[str, Any], unet: float | None, text: float | None
) -> None:
    found = read({"learning_rate": 2e-4, "LoRA_type": "Standard", **rates})
    assert (found.get("unet_lr"), found.get("text_encoder_lr")) == (unet, text)
    assert found["learning_rate"] == 2e-4


def test_sd_scripts_options_say_which_parts_are_trained() -> None:
    options = {"network_module": "networks.lora", "learning_rate": 1e-4}
    assert read(options)["text_encoder_lr"] == 1e-4
    assert read(options | {"network_train_unet_only": True})["text_encoder_lr"] == 0
    assert read(options | {"cache_text_encoder_outputs": True})["text_encoder_lr"] == 0
    several = read(options | {"text_encoder_lr": [5e-5, 1e-5]})
    assert (several["text_encoder_lr"], several["text_encoder_2_lr"]) == (5e-5, 1e-5)


@pytest.mark.parametrize(
    ("document", "settings"),
    [
        ({"epoch": 10, "max_train_steps": 0, "max_train_epochs": 0}, {"max_train_epochs": 10}),
        ({"epoch": 1, "max_train_steps": "800"}, {"max_train_steps": 800}),
        (
            {"epoch": 1, "max_train_steps": 800, "max_train_epochs": "16"},
            {"max_train_epochs": 16},
        ),
        ({"epoch": "", "max_train_steps": ""}, {}),
    ],
)
def test_the_length_is_what_kohya_would_train(
    document: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert read(document) == settings
    assert sorted(accounts(document)) == sorted(document)


@pytest.mark.parametrize(
    ("document", "steps"),
    [
        ({"lr_warmup": "5"}, 0.05),
        ({"lr_warmup": 0}, 0),
        ({"lr_warmup": 10, "lr_warmup_steps": 0}, 0.1),
        ({"lr_warmup": 10, "lr_warmup_steps": "150"}, 150),
        ({"lr_warmup_steps": "5%"}, 0.05),
        ({"lr_warmup_steps": 0.2}, 0.2),
        ({"lr_warmup": 100}, 0.9999),
    ],
)
def test_warm_up_is_a_share_or_steps(document: dict[str, Any], steps: float) -> None:
    assert read(document)["lr_warmup_steps"] == steps


def test_the_type_of_noise_decides_which_numbers_count() -> None:
    both = {"noise_offset": 0.05, "multires_noise_iterations": 6, "multires_noise_discount": 0.2}
    original = read(both | {"noise_offset_type": "Original"})
    multires = read(both | {"noise_offset_type": "Multires"})
    assert original == {"noise_offset": 0.05}
    assert multires == {"multires_noise_iterations": 6, "multires_noise_discount": 0.2}
    assert read(both) == both


@pytest.mark.parametrize(
    ("document", "name", "arguments"),
    [
        ({"use_8bit_adam": True}, "AdamW8bit", None),
        ({"use_8bit_adam": True, "optimizer": "AdamW"}, "AdamW", None),
        ({"optimizer_type": "Lion8bit"}, "bitsandbytes.optim.Lion8bit", None),
        ({"optimizer": "AdaFactor"}, "Adafactor", None),
        (
            {"optimizer": "Adafactor", "optimizer_args": "relative_step=False warmup_init=False"},
            "transformers.optimization.Adafactor",
            {"relative_step": False, "warmup_init": False},
        ),
        (
            {"optimizer": "SGDNesterov", "optimizer_args": ["momentum=0.8"]},
            "SGD",
            {"momentum": 0.8, "nesterov": True},
        ),
    ],
)
def test_optimisers_get_the_names_they_have_here(
    document: dict[str, Any], name: str, arguments: dict[str, Any] | None
) -> None:
    found = read(document)
    assert (found["optimizer_type"], found.get("optimizer_args")) == (name, arguments)


def test_arguments_that_our_optimiser_has_not_are_told() -> None:
    document = {"optimizer": "Adafactor", "optimizer_args": "scale_parameter=True clip_threshold=1"}
    found = read_kohya(document)
    assert found.settings["optimizer_args"] == {"clip_threshold": 1}
    assert found.unmapped == {"optimizer_args (in part)": "scale_parameter=True"}


@pytest.mark.parametrize(
    ("document", "algorithm"),
    [
        ({"LoRA_type": "Standard"}, "lora"),
        ({"LoRA_type": "LyCORIS/LoCon", "dora_wd": True}, "dora"),
        ({"LoRA_type": "LyCORIS/LoHa"}, "loha"),
        ({"LoRA_type": "Kohya LoKr"}, "lokr"),
        ({"network_module": "networks.loha"}, "loha"),
        ({"network_module": "lycoris.kohya", "network_args": ["algo=lokr"]}, "lokr"),
        ({"LoRA_type": "LyCORIS/iA3"}, None),
        ({"network_module": "lycoris.kohya", "network_args": ["algo=ia3"]}, None),
    ],
)
def test_kinds_of_lora_become_our_algorithms(
    document: dict[str, Any], algorithm: str | None
) -> None:
    assert read(document).get("algorithm") == algorithm
    if algorithm is None:
        assert "LyCORIS/iA3" in read_kohya(document).unmapped.values() or "ia3" in str(
            read_kohya(document).unmapped
        )


def test_what_an_algorithm_cannot_take_is_told_instead_of_refused() -> None:
    document = {"LoRA_type": "LyCORIS/LoHa", "network_dropout": 0.1, "scale_weight_norms": 1}
    found = read_kohya(document, known=names(LoraConfig))
    assert set(found.ignored) == {"network_dropout", "scale_weight_norms"}
    LoraConfig.model_validate(found.settings)


def test_network_arguments_are_keys_of_their_own() -> None:
    found = read_kohya(
        {
            "network_module": "networks.lora",
            "network_args": ["conv_dim=8", "conv_alpha=4", "block_dims=1,2"],
        }
    )
    assert (found.settings["conv_rank"], found.settings["conv_alpha"]) == (8, 4)
    assert found.unmapped == {"network_args block_dims": (1, 2)}


def test_options_on_the_command_line_go_before_the_file() -> None:
    document = {
        "LoRA_type": "Standard",
        "max_grad_norm": 1,
        "optimizer": "AdamW",
        "additional_parameters": "--max_grad_norm=0 --optimizer_type Lion --scale 3 word",
    }
    found = read_kohya(document)
    assert found.settings["max_grad_norm"] == 0
    assert found.settings["optimizer_type"] == "Lion"
    assert found.unmapped == {"--scale": "3", "additional_parameters (in part)": "word"}
    assert {"max_grad_norm", "optimizer"} <= set(found.ignored)


def test_samples_that_kohya_would_not_draw_are_not_drawn() -> None:
    found = read_kohya({"sample_prompts": "a mug", "sample_every_n_steps": 0})
    assert found.settings == {}
    assert set(found.ignored) == {"sample_prompts"}


def test_sections_of_sd_scripts_toml_are_opened() -> None:
    document = {"model": {"pretrained_model_name_or_path": "b"}, "train": {"seed": 5}}
    assert is_kohya(document)
    assert read_kohya(document).base == "b"
    assert read_kohya(document).settings == {"seed": 5}


def test_a_file_of_ours_is_not_taken_for_kohyas() -> None:
    assert not is_kohya({"rank": 8, "network_dim": 8, "learning_rate": 1e-4, "optimizer_args": {}})
    assert is_kohya({"network_module": "networks.lora"})


def test_the_way_back_loses_no_key_and_changes_no_value() -> None:
    found = read_kohya(WEIPIN)
    kept = {
        key: "" if key in ("wandb_api_key", "huggingface_token") else value
        for key, value in WEIPIN.items()
    }
    assert to_kohya(found.settings, found.rest) == kept


def test_a_changed_setting_is_written_under_kohyas_key() -> None:
    found = read_kohya(WEIPIN)
    changed = found.settings | {"rank": 8, "lr_warmup_steps": 25, "learning_rate": 3e-4}
    document = to_kohya(changed, found.rest)
    assert (document["network_dim"], document["lr_warmup_steps"]) == (8, 25)
    assert document["learning_rate"] == 3e-4
    assert document["some_day_a_new_key"] == "new"
    assert read(document) == changed


SAMPLE_CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "rank": st.integers(1, 256),
        "alpha": st.integers(1, 64),
        "conv_rank": st.integers(1, 64),
        "algorithm": st.sampled_from(["lora", "dora", "loha", "lokr"]),
        "learning_rate": st.floats(1e-6, 1),
        "unet_lr": st.sampled_from([0, 1e-4, 1.0]),
        "text_encoder_lr": st.sampled_from([0, 1e-4, 5e-5]),
        "text_encoder_2_lr": st.sampled_from([0, 3e-5]),
        "max_train_steps": st.integers(1, 5000),
        "max_train_epochs": st.integers(1, 50),
        "lr_warmup_steps": st.sampled_from([0, 0.05, 0.5, 100, 33]),
        "lr_scheduler": st.sampled_from(["constant", "cosine", "linear"]),
        "optimizer_type": st.sampled_from(["AdamW", "SGD", "bitsandbytes.optim.Lion8bit", "x.Y"]),
        "optimizer_args": st.sampled_from([{}, {"eps": 1e-8, "betas": (0.9, 0.99)}]),
        "noise_offset": st.sampled_from([0, 0.05]),
        "multires_noise_iterations": st.sampled_from([0, 6]),
        "multires_noise_discount": st.sampled_from([0.2, 0.3]),
        "resolution": st.sampled_from([(512, 512), (1024, 768)]),
        "prediction_type": st.sampled_from(["epsilon", "v_prediction"]),
        "sample_prompts": st.sampled_from([[], ["a mug"], ["a --x 1 mug", "b"], ["p.txt"]]),
        "sample_every_n_steps": st.integers(1, 100),
        "size_conditioning": st.sampled_from(["original", "target"]),
        "scale_weight_norms": st.sampled_from([1.0, 2.5]),
        "flip_aug": st.booleans(),
        "min_snr_gamma": st.sampled_from([1, 5.5]),
        "caption_prefix": st.sampled_from(["", "123", "a photo of"]),
    },
)


@given(SAMPLE_CONFIGS, st.sampled_from([{}, WEIPIN]))
def test_any_settings_survive_the_way_there_and_back(
    settings: dict[str, Any], rest: dict[str, Any]
) -> None:
    document = json.loads(json.dumps(to_kohya(settings, read_kohya(rest).rest)))
    again = {name: value for name, value in read(document).items() if value is not None}
    assert json.loads(json.dumps(again)) == json.loads(json.dumps(settings))


def test_every_key_that_has_our_name_is_a_setting_of_the_lora_trainer() -> None:
    assert set(SAME) <= set(LoraConfig.model_fields)
