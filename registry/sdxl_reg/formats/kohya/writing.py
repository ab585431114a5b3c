"""Our settings in the spelling of kohya_ss's files; the other direction of `groups`."""

from collections.abc import Mapping
from typing import Any

from sdxl_reg.formats.kohya.groups import WHOLE_RUN
from sdxl_reg.formats.kohya.keys import CHOICES, SAME
from sdxl_reg.formats.kohya.network import OPTIMIZERS
from sdxl_reg.formats.kohya.words import written_pairs

_RENAMED = {
    "rank": "network_dim",
    "alpha": "network_alpha",
    "text_encoder_2_lr": "t5xxl_lr",
}
_AS_THEY_ARE = frozenset(
    {"learning_rate", "unet_lr", "text_encoder_lr", "seed", "conv_alpha", "network_dropout"}
    | {"rank_dropout", "module_dropout", "scale_weight_norms", *SAME, *CHOICES}
)
_TYPES = {"loha": "LyCORIS/LoHa", "lokr": "LyCORIS/LoKr", "dora": "LyCORIS/LoCon"}
_KOHYAS_OPTIMIZER = {path: name for name, path in reversed(OPTIMIZERS.items())}


def written(changed: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Kohya's keys for settings, as far as it has any.

    Args:
        changed: Our name → value, of what shall be written.
        settings: All of ours; some keys depend on several of them.

    Returns:
        Key → value.
    """
    found = {name: value for name, value in changed.items() if name in _AS_THEY_ARE}
    found |= {key: changed[name] for name, key in _RENAMED.items() if name in changed}
    for names, write in _GROUPS.items():
        if not changed.keys().isdisjoint(names):
            found |= write(settings)
    return found


def _duration(settings: Mapping[str, Any]) -> dict[str, Any]:
    steps, epochs = settings.get("max_train_steps"), settings.get("max_train_epochs")
    return {
        "max_train_steps": steps or 0,
        "max_train_epochs": 0 if steps else epochs or 0,
        **({"epoch": epochs} if epochs else {}),
    }


def _warm_up(settings: Mapping[str, Any]) -> dict[str, Any]:
    steps = settings["lr_warmup_steps"]
    if steps <= WHOLE_RUN:
        return {"lr_warmup": round(steps * 100, 10), "lr_warmup_steps": 0}
    return {"lr_warmup": 0, "lr_warmup_steps": steps}


def _noise(settings: Mapping[str, Any]) -> dict[str, Any]:
    names = ("noise_offset", "adaptive_noise_scale", "multires_noise_iterations")
    found = {name: settings.get(name, 0) for name in (*names, "multires_noise_discount")}
    kind = "Multires" if found["multires_noise_iterations"] else "Original"
    return found | {"noise_offset_type": kind}


def _network(settings: Mapping[str, Any]) -> dict[str, Any]:
    algorithm, conv_rank = settings.get("algorithm", "lora"), settings.get("conv_rank")
    return {
        "LoRA_type": _TYPES.get(algorithm, "Kohya LoCon" if conv_rank else "Standard"),
        "dora_wd": algorithm == "dora",
        "conv_dim": conv_rank or 0,
    }


def _optimizer(settings: Mapping[str, Any]) -> dict[str, Any]:
    kind = settings.get("optimizer_type", "AdamW")
    return {
        "optimizer": _KOHYAS_OPTIMIZER.get(kind, kind),
        "optimizer_args": written_pairs(settings.get("optimizer_args", {})),
    }


def _samples(settings: Mapping[str, Any]) -> dict[str, Any]:
    every = settings.get("sample_every_n_steps") or 0
    prompts = settings.get("sample_prompts", [])
    return {
        "sample_prompts": "\n".join(prompts),
        "sample_every_n_steps": every,
        "sample_every_n_epochs": 1 if prompts and not every else 0,
    }


def _resolution(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"max_resolution": ",".join(map(str, settings["resolution"]))}


def _prediction(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"v_parameterization": settings["prediction_type"] == "v_prediction"}


_GROUPS = {
    ("max_train_steps", "max_train_epochs"): _duration,
    ("lr_warmup_steps",): _warm_up,
    (
        *("noise_offset", "adaptive_noise_scale"),
        *("multires_noise_iterations", "multires_noise_discount"),
    ): _noise,
    ("algorithm", "conv_rank"): _network,
    ("optimizer_type", "optimizer_args"): _optimizer,
    ("sample_prompts", "sample_every_n_steps"): _samples,
    ("resolution",): _resolution,
    ("prediction_type",): _prediction,
}
