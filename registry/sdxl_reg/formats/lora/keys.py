"""The keys of a LoRA file: whose they are, of which algorithm, under which spelling.

`SUFFIXES` is what is written, kohya's and LyCORIS' own spelling; `SPELLINGS` is what is read.

Source: sd-scripts `networks/lora.py`; LyCORIS `modules/{locon,loha,lokr}.py` (`weight_list`);
diffusers `utils/state_dict_utils.py`; peft `utils/save_and_load.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.lora.names import Target
from sdxl_reg.formats.safetensors import read_header

SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "lora": ("lora_down.weight", "lora_up.weight", "lora_mid.weight"),
    "loha": ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"),
    "lokr": (
        *("lokr_w1", "lokr_w1_a", "lokr_w1_b"),
        *("lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"),
    ),
}
"""Algorithm → its tensors of one module, as they are called after the module's name and a dot."""
ALPHA = "alpha"
"""The tensor of any algorithm whose ratio to the rank scales the change."""
UNET_PREFIXES = ("lora_unet_", "unet.")
"""How names of tensors begin that change the U-Net, in kohya's and diffusers' family."""
DORA_SCALE = "dora_scale"
"""DoRA's magnitudes beside any algorithm, as LyCORIS shapes them: (out, 1, …) or (1, in, …)."""
MAGNITUDES = "lora_magnitude_vector"
"""The same as peft shapes them: (out,) or (1, out, 1, 1)."""

COMPLETE: Mapping[str, tuple[frozenset[str], ...]] = {
    "lora": (
        frozenset({"lora_down.weight", "lora_up.weight"}),
        frozenset({"lora_down.weight", "lora_up.weight", "lora_mid.weight"}),
    ),
    "loha": (
        frozenset({"hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"}),
        frozenset(SUFFIXES["loha"]),
    ),
    "lokr": tuple(
        frozenset({*first, *second})
        for first in (("lokr_w1",), ("lokr_w1_a", "lokr_w1_b"))
        for second in (
            ("lokr_w2",),
            ("lokr_w2_a", "lokr_w2_b"),
            ("lokr_w2_a", "lokr_w2_b", "lokr_t2"),
        )
    ),
}
"""Algorithm → the sets of its tensors that make a change of one module."""

SPELLINGS: Mapping[str, str] = {
    **{f".{own}": own for own in (*sum(SUFFIXES.values(), ()), ALPHA, DORA_SCALE, MAGNITUDES)},
    **{
        spelling.format(letter=letter, way=way): f"lora_{way}.weight"
        for letter, way in (("A", "down"), ("B", "up"))
        for spelling in (
            ".lora_{letter}.weight",
            ".lora_{letter}.default.weight",
            ".lora.{way}.weight",
            "_lora.{way}.weight",
            ".lora_linear_layer.{way}.weight",
        )
    },
    f".{MAGNITUDES}.weight": MAGNITUDES,
    f".{MAGNITUDES}.default.weight": MAGNITUDES,
}
"""How a key ends → which tensor it is; the rest of the key names the module."""

FOREIGN: Mapping[str, str] = {
    "oft_blocks": "OFT",
    "oft_diag": "OFT",
    "a1.weight": "GLoRA",
    "b1.weight": "GLoRA",
    "on_input": "(IA)³",
    "diff": "whole matrices",
    "diff_b": "biases",
    "lora_B.bias": "biases",
    "w_norm": "norms",
    "b_norm": "norms",
    "lokr_t1": "LoKr with a Tucker core in its first factor",
}
"""How a key ends → what is known of it and not applied."""


@dataclass(frozen=True, kw_only=True)
class ModuleKeys:
    """What a file holds for one module.

    Attributes:
        algorithm: A key of `SUFFIXES`.
        keys: `lora_down.weight`, `alpha`, … → the file's own key of that tensor.
    """

    algorithm: str
    keys: Mapping[str, str]


def parted(key: str) -> tuple[str, str | None]:
    """The two halves of a key: the name of a module, and which of its tensors it is.

    Args:
        key: Of a LoRA file, in any spelling.

    Returns:
        `unet.x.to_q` and `lora_down.weight` for `unet.x.processor.to_q_lora.down.weight`; the
        second is None where no spelling fits.
    """
    plain = key.replace(".processor.", ".")
    for ending, suffix in SPELLINGS.items():
        if plain.endswith(ending):
            return plain.removesuffix(ending), suffix
    return plain, None


def is_unet_only(path: Path) -> bool:
    """Whether a LoRA file certainly leaves the text encoders alone, by the names of its tensors.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no safetensors file.
    """
    return all(name.startswith(UNET_PREFIXES) for name in read_header(path).tensors)


def grouped(
    path: str, keys: Iterable[str], known: Mapping[str, Target]
) -> dict[Target, ModuleKeys]:
    """The keys of a file by the module that they change; each is told in exactly one place.

    Args:
        path: Of the file, for the message.
        keys: All tensor names of the file.
        known: What `names.modules_by_name` gives for the base.

    Raises:
        Corrupt: A key matches no module or no algorithm, two keys mean the same tensor, or a
            module's tensors make no whole of one algorithm. Nothing is dropped silently.
    """
    found: dict[Target, dict[str, str]] = defaultdict(dict)
    strange = []
    for key in keys:
        stem, suffix = parted(key)
        if suffix is None or stem not in known:
            strange.append(key)
            continue
        before = found[known[stem]].setdefault(suffix, key)
        if before != key:
            raise Corrupt(path, f"{before} and {key} are the same tensor of one module")
    if strange:
        raise _unmatched(path, strange)
    if not found:
        raise Corrupt(path, "it holds no LoRA")
    return {target: _whole(path, own) for target, own in found.items()}


def _whole(path: str, own: Mapping[str, str]) -> ModuleKeys:
    """One module's keys, if they are all that one algorithm needs and nothing else."""
    matrices = own.keys() - {ALPHA, DORA_SCALE, MAGNITUDES}
    example = next(iter(own.values()))
    if {DORA_SCALE, MAGNITUDES} <= own.keys():
        raise Corrupt(path, f"{own[DORA_SCALE]} and {own[MAGNITUDES]} say the same twice")
    for algorithm, sets in COMPLETE.items():
        if matrices in sets:
            return ModuleKeys(algorithm=algorithm, keys=own)
    for sets in COMPLETE.values():
        if larger := [needed for needed in sets if matrices < needed]:
            missing = sorted(min(larger, key=len) - matrices)
            raise Corrupt(path, f"{' and '.join(missing)} is missing beside {example}")
    raise Corrupt(
        path, f"tensors of one module do not go together: {', '.join(sorted(own.values()))}"
    )


def _unmatched(path: str, keys: list[str]) -> Corrupt:
    for key in keys:
        for ending, meaning in FOREIGN.items():
            if key.endswith(f".{ending}"):
                return Corrupt(
                    path,
                    f"{len(keys)} of its keys cannot be applied, such as {key} ({meaning})",
                    remedy="Use a LoRA, DoRA, LoHa or LoKr",
                )
    return Corrupt(
        path,
        f"{len(keys)} keys match nothing in this base, such as {keys[0]}",
        remedy="Use it with the base that it was trained for",
    )
