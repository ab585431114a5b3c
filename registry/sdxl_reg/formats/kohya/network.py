"""What kohya's configurations say of the network and the optimiser, read into our settings.

Source: kohya_ss 45088f0, `kohya_gui/lora_gui.py` (`LoRA_type` → module and its arguments) and
sd-scripts 48d368f, `library/train_util.py`, `get_optimizer`.
"""

from sdxl_reg.formats.kohya.reading import Reading
from sdxl_reg.formats.kohya.words import pairs

OPTIMIZERS = {
    "adafactor": "Adafactor",
    "ademamix8bit": "bitsandbytes.optim.AdEMAMix8bit",
    "dadaptadagrad": "dadaptation.DAdaptAdaGrad",
    "dadaptadam": "dadaptation.DAdaptAdam",
    "dadaptadampreprint": "dadaptation.experimental.DAdaptAdamPreprint",
    "dadaptadan": "dadaptation.DAdaptAdan",
    "dadaptation": "dadaptation.experimental.DAdaptAdamPreprint",
    "dadaptlion": "dadaptation.DAdaptLion",
    "dadaptsgd": "dadaptation.DAdaptSGD",
    "lion8bit": "bitsandbytes.optim.Lion8bit",
    "pagedadamw": "bitsandbytes.optim.PagedAdamW",
    "pagedadamw32bit": "bitsandbytes.optim.PagedAdamW32bit",
    "pagedademamix8bit": "bitsandbytes.optim.PagedAdEMAMix8bit",
    "pagedlion8bit": "bitsandbytes.optim.PagedLion8bit",
    "sgdnesterov": "SGD",
    "sgdnesterov8bit": "bitsandbytes.optim.SGD8bit",
}
"""Kohya's name, lower-case → ours, where they differ: our name or the import path of the class."""
OPTIMIZER_KEYS = ("optimizer", "optimizer_type", "use_8bit_adam", "use_lion_optimizer")
FACTORED = "transformers.optimization.Adafactor"
"""The Adafactor that kohya means, with arguments that PyTorch's has not."""
_FACTORED_ARGS = ("scale_parameter", "relative_step", "warmup_init")

ALGORITHMS = {
    "Standard": "lora",
    "Kohya LoCon": "lora",
    "LoCon": "lora",
    "LyCORIS/LoCon": "lora",
    "Kohya LoHa": "loha",
    "LyCORIS/LoHa": "loha",
    "Kohya LoKr": "lokr",
    "LyCORIS/LoKr": "lokr",
}
"""`LoRA_type` → our algorithm."""
_MODULES = {"networks.lora": "lora", "networks.loha": "loha", "networks.lokr": "lokr"}
_LYCORIS = {"": "lora", "lora": "lora", "locon": "lora", "loha": "loha", "lokr": "lokr"}
_OF_LYCORIS = (
    *("LyCORIS_preset", "bypass_mode", "dora_wd", "use_cp", "use_tucker", "use_scalar"),
    *("rank_dropout_scale", "constrain", "rescaled", "train_norm", "decompose_both"),
    *("train_on_input", "unit", "factor"),
)
_OF_CONVOLUTIONS = ("conv_dim", "conv_alpha", "conv_block_dims", "conv_block_alphas")
_DROPOUTS = ("network_dropout", "rank_dropout", "module_dropout")


def read_network(reading: Reading) -> None:
    """The kind of LoRA, its ranks and its dropouts."""
    kind = reading.text("LoRA_type")
    algorithm = _algorithm(reading)
    if algorithm is not None:
        reading.set("algorithm", algorithm, "LoRA_type", "network_module", "algo")
        if algorithm == "dora":
            reading.take("dora_wd")
    reading.leave("LoRA_type", "network_module", "algo")
    if kind in ALGORITHMS and not kind.startswith(("LyCORIS", "LoCon")):
        reading.ignore(f"LoRA_type {kind} has no use for it", *_OF_LYCORIS)
    if kind == "Standard" and not reading.has("network_args"):
        reading.ignore(f"LoRA_type {kind} has no use for it", *_OF_CONVOLUTIONS)
    _read_ranks(reading)
    _read_dropouts(reading, algorithm or "lora")


def read_optimizer(reading: Reading) -> None:
    """The optimiser's name and its arguments."""
    kind = _optimizer(reading)
    values, odd = pairs(reading.raw("optimizer_args"))
    if kind.lower().startswith("sgdnesterov"):
        values = {"momentum": 0.9, "nesterov": True} | values
    if kind.lower() == "adafactor" and values.get("relative_step") is False:
        kind = FACTORED
    elif kind.lower() == "adafactor":
        odd += [f"{name}={values.pop(name)}" for name in _FACTORED_ARGS if name in values]
    if odd:
        reading.unmapped["optimizer_args (in part)"] = " ".join(odd)
    if kind:
        reading.set("optimizer_type", OPTIMIZERS.get(kind.lower(), kind), *OPTIMIZER_KEYS)
    if values:
        reading.set("optimizer_args", values, "optimizer_args")
    reading.silence("optimizer_args", *OPTIMIZER_KEYS)


def _algorithm(reading: Reading) -> str | None:
    """Our algorithm, or None where the document names none or one that we have not."""
    module = reading.text("network_module")
    is_lycoris = module == "lycoris.kohya" or reading.text("LoRA_type").startswith(
        ("LyCORIS", "LoCon")
    )
    if module == "lycoris.kohya":
        found = _LYCORIS.get(reading.text("algo"))
    else:
        found = ALGORITHMS.get(reading.text("LoRA_type")) or _MODULES.get(module)
    return "dora" if found == "lora" and is_lycoris and reading.value("dora_wd") else found


def _read_ranks(reading: Reading) -> None:
    rank = reading.value("network_dim")
    if rank:
        reading.set("rank", rank, "network_dim")
    if reading.number("network_alpha"):
        reading.set("alpha", reading.value("network_alpha"), "network_alpha")
    elif reading.has("network_alpha") and rank:
        reading.set("alpha", rank, "network_alpha")  # none, or 0, is as much as the rank
    if "conv_dim" in reading.left and reading.number("conv_dim"):
        reading.set("conv_rank", reading.value("conv_dim"), "conv_dim")
        if reading.number("conv_alpha"):
            reading.set("conv_alpha", reading.value("conv_alpha"), "conv_alpha")
    reading.silence("network_dim", "network_alpha", "conv_dim", "conv_alpha")


def _read_dropouts(reading: Reading, algorithm: str) -> None:
    if algorithm in ("loha", "lokr"):
        reading.ignore(f"{algorithm} has rank_dropout instead", "network_dropout")
    if algorithm != "lora":
        reading.ignore(f"{algorithm} has no such limit", "scale_weight_norms")
    for key in (*_DROPOUTS, "scale_weight_norms"):
        if key in reading.left and reading.number(key):
            reading.set(key, reading.value(key), key)
        reading.silence(key)


def _optimizer(reading: Reading) -> str:
    for key in ("optimizer", "optimizer_type"):
        if reading.text(key):
            return reading.text(key)
    if reading.value("use_8bit_adam"):
        return "AdamW8bit"
    return "Lion" if reading.value("use_lion_optimizer") else ""
