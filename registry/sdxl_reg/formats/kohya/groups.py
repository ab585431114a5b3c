"""Keys of kohya's configurations that mean something only together, read into our settings.

Source: kohya_ss 45088f0, `kohya_gui/lora_gui.py` (what its window makes of them) and sd-scripts
48d368f, `library/train_util.py`, `sdxl_train_network.py` (what the options do).
"""

import re
from typing import Any

from sdxl_reg.formats.kohya.keys import CHOICES, SAME, TEXTS, ZERO_IS_NONE
from sdxl_reg.formats.kohya.reading import Reading
from sdxl_reg.formats.kohya.words import plain

WHOLE_RUN = 0.9999
"""The largest share of a run that a warm-up can take: 1 would be one step."""
_OFFSET = ("noise_offset", "adaptive_noise_scale")
_MULTIRES = ("multires_noise_iterations", "multires_noise_discount")
_FIRST_RATES = ("text_encoder_lr", "learning_rate_te1", "learning_rate_te")
_SECOND_RATES = ("t5xxl_lr", "learning_rate_te2")
_CACHED_TEXTS = ("sdxl_cache_text_encoder_outputs", "cache_text_encoder_outputs")
_PROMPT_OPTION = re.compile(r"\s--([A-Za-z]+)(?:\s+|$)")
_PROMPT_SETTINGS = {"s": "sample_steps", "l": "sample_guidance_scale"}


def read_plain_keys(reading: Reading) -> None:
    """Keys that have our name and meaning, one by one."""
    if isinstance(steps := reading.value("bucket_reso_steps"), int) and steps % 32:
        reading.explain("SDXL's sizes are multiples of 32", "bucket_reso_steps")
    for key in [key for key in SAME if key in reading.left]:
        value = reading.value(key)
        if key in TEXTS and value:
            value = reading.text(key)
        if value in (None, "") or (not value and key in ZERO_IS_NONE | TEXTS):
            reading.leave(key)
        else:
            reading.set(key, value, key)
    for key, choices in CHOICES.items():
        if reading.text(key) in choices:
            reading.set(key, reading.text(key), key)
        elif key != "log_with":
            reading.leave(key)
    reading.ignore("a run's numbers are in the registry", "log_with")


def read_sizes_and_seed(reading: Reading) -> None:
    """Resolution, seed and prediction, each in kohya's own form."""
    for key in ("max_resolution", "resolution"):
        if sides := re.findall(r"\d+", str(reading.raw(key) or "")):
            reading.set("resolution", [int(side) for side in sides], key)
    if reading.number("seed"):
        reading.set("seed", reading.value("seed"), "seed")
    reading.explain("kohya draws one then; here it is 42, so that a run can be repeated", "seed")
    if reading.value("v_parameterization"):
        reading.set("prediction_type", "v_prediction", "v_parameterization")
    if not reading.value("sdxl"):
        reading.explain("only SDXL is trained here", "sdxl")


def read_rates(reading: Reading) -> None:
    """Learning rates; one of 0 leaves its part out, both of 0 leave none out."""
    if reading.value("network_train_unet_only"):
        reading.set("text_encoder_lr", 0, "network_train_unet_only")
    if reading.value("network_train_text_encoder_only"):
        reading.set("unet_lr", 0, "network_train_text_encoder_only")
    for key in _CACHED_TEXTS:
        if reading.value(key):  # sd-scripts refuses to train text encoders then
            reading.set("text_encoder_lr", 0, key)
    whole, unet = reading.number("learning_rate"), reading.number("unet_lr")
    first, second = _text_rates(reading)
    if not first and reading.has("network_module") and not reading.has("text_encoder_lr"):
        first = whole  # sd-scripts' options: a part without a rate of its own has this one
    if whole or (reading.has("learning_rate") and not (unet or first)):
        reading.set("learning_rate", whole, "learning_rate")
    if reading.has("unet_lr") and (unet or first):
        reading.set("unet_lr", unet, "unet_lr")
    elif reading.has("unet_lr") and reading.has("text_encoder_lr"):
        first = whole  # both are 0 in the window: both parts are trained at the one rate
    if first or reading.has("text_encoder_lr") or reading.has("learning_rate_te1"):
        reading.set("text_encoder_lr", first, *_FIRST_RATES)
    if second not in (None, first):
        reading.set("text_encoder_2_lr", second, *_SECOND_RATES)
    reading.silence("learning_rate", "unet_lr", *_FIRST_RATES, *_SECOND_RATES)


def read_duration(reading: Reading) -> None:
    """How long: `max_train_epochs` goes before `max_train_steps`, that before `epoch`."""
    keys = ("max_train_epochs", "max_train_steps", "epoch")
    for key in keys:
        if reading.number(key):
            name = "max_train_epochs" if key == "epoch" else key
            reading.set(name, reading.value(key), key)
            reading.ignore(f"{key} counts", *keys)
            break
    reading.silence(*keys)


def read_warm_up(reading: Reading) -> None:
    """`lr_warmup` is in per cent of all steps; `lr_warmup_steps` goes before it."""
    steps, percent = reading.value("lr_warmup_steps"), reading.number("lr_warmup")
    if isinstance(steps, str) and steps.endswith("%"):
        steps = _share(plain(steps[:-1]))
    if steps:
        reading.set("lr_warmup_steps", steps, "lr_warmup_steps")
        reading.ignore("lr_warmup_steps counts", "lr_warmup")
    elif reading.has("lr_warmup") or reading.has("lr_warmup_steps"):
        reading.set("lr_warmup_steps", _share(percent), "lr_warmup", "lr_warmup_steps")


def read_noise(reading: Reading) -> None:
    """`noise_offset_type` says whether the offset or the multi-resolution noise counts."""
    kind = reading.text("noise_offset_type")
    if kind == "Original":
        reading.ignore("noise_offset_type is Original", *_MULTIRES)
    elif kind == "Multires":
        reading.ignore("noise_offset_type is Multires", *_OFFSET)
    if not reading.number("multires_noise_iterations"):
        reading.silence(*_MULTIRES)
    for key in (*_OFFSET, *_MULTIRES):
        if key in reading.left and reading.value(key) is not None:
            reading.set(key, reading.number(key), key)
    reading.silence("noise_offset_type")


def read_samples(reading: Reading) -> None:
    """Sample pictures: one prompt a line, with options of its own after ` --`."""
    text = reading.text("sample_prompts")
    steps = reading.number("sample_every_n_steps")
    epochs = reading.number("sample_every_n_epochs")
    if text and not (steps or epochs):
        reading.explain("neither sample_every_n_steps nor _epochs is given", "sample_prompts")
    elif text.endswith((".txt", ".toml", ".json")) and "\n" not in text:
        reading.leave("sample_prompts")  # sd-scripts' options name a file, which may be elsewhere
    elif text:
        _read_prompts(reading, text)
        if steps:
            reading.set("sample_every_n_steps", steps, "sample_every_n_steps")
        elif epochs == 1:
            reading.silence("sample_every_n_epochs")  # as it is here
        reading.leave("sample_every_n_epochs")
        reading.ignore("sample pictures are drawn with Euler", "sample_sampler")
    reading.silence("sample_every_n_steps", "sample_every_n_epochs", "sample_sampler")


def _text_rates(reading: Reading) -> tuple[Any, Any]:
    """The rates of the two text encoders; 0 is none, and a second of None is as the first."""
    given = reading.raw("text_encoder_lr")
    rates = [plain(rate) or 0 for rate in (given if isinstance(given, list) else [given])] or [0]
    first, second = rates[0], rates[1] if len(rates) > 1 else None
    if reading.has("learning_rate_te1"):
        first = reading.number("learning_rate_te1")
    first = first or reading.number("learning_rate_te")
    if reading.has("learning_rate_te2"):
        second = reading.number("learning_rate_te2")
    return first, reading.number("t5xxl_lr") or second


def _share(percent: Any) -> Any:
    return min(percent / 100, WHOLE_RUN) if isinstance(percent, int | float) else percent


def _read_prompts(reading: Reading, text: str) -> None:
    prompts: list[str] = []
    options: dict[str, str] = {}
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            prompt, *rest = _PROMPT_OPTION.split(line.strip())
            prompts.append(prompt.strip())
            options = dict(zip(rest[::2], rest[1::2], strict=True)) | options
    reading.set("sample_prompts", prompts, "sample_prompts")
    for option, value in options.items():
        if option in _PROMPT_SETTINGS:
            reading.set(_PROMPT_SETTINGS[option], plain(value))
        else:
            reason = "sample pictures have the base's own size and a seed of the run"
            reading.ignored[f"sample_prompts --{option}"] = reason
