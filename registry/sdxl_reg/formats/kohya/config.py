"""Configurations of kohya_ss (JSON) and sd-scripts (TOML) as settings of our trainers, and back.

Every key of a document is told in exactly one place of `KohyaSettings`; nothing is lost silently
and no key that is unknown here is an error. On the way back the whole document is laid underneath:
`rest` keeps it, the keys that are ignored and unmapped here among them, and only what was changed
is written over it. Settings that kohya has no word for stand below the key `sdxl_reg`, which
kohya_ss passes over and which is read here again.

Source: kohya_ss 45088f0 and sd-scripts 48d368f (`read_config_from_file`: sections are flattened).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sdxl_reg.formats.kohya.groups import (
    read_duration,
    read_noise,
    read_plain_keys,
    read_rates,
    read_samples,
    read_sizes_and_seed,
    read_warm_up,
)
from sdxl_reg.formats.kohya.keys import GUI_ONLY, SECRETS
from sdxl_reg.formats.kohya.network import read_network, read_optimizer
from sdxl_reg.formats.kohya.reading import Reading
from sdxl_reg.formats.kohya.words import command_line, pairs
from sdxl_reg.formats.kohya.writing import written

OURS = "sdxl_reg"
"""Key of the settings that kohya has no word for."""
_WORDS = "additional_parameters"
_MARKS = frozenset(
    {"pretrained_model_name_or_path", "network_module", "network_args", "train_data_dir"}
    | {"output_dir", "output_name", "max_data_loader_n_workers", "xformers", "sdpa", *GUI_ONLY}
)
_IN_THE_WINDOW = {
    "optimizer_type": "optimizer",
    "resolution": "max_resolution",
    "cache_text_encoder_outputs": "sdxl_cache_text_encoder_outputs",
    "no_half_vae": "sdxl_no_half_vae",
}
"""Option of sd-scripts → what kohya_ss calls it in its files."""
_SECRET_WORDS = re.compile(rf"--({'|'.join(SECRETS)})(=|\s+)(\"[^\"]*\"|'[^']*'|\S+)\s*")
_READERS = (
    *(read_rates, read_duration, read_warm_up, read_noise, read_optimizer, read_network),
    *(read_samples, read_sizes_and_seed, read_plain_keys),
)


@dataclass(frozen=True, kw_only=True)
class KohyaSettings:
    """What a configuration says.

    Attributes:
        settings: Our name → value, for a trainer's configuration to check.
        base: Path or name of the base checkpoint; None where none is given.
        output_name: Stem of the files; empty where none is given.
        dataset_dir: Folder of the pictures; empty where none is given.
        taken: Keys whose value is in one of the above.
        neutral: Keys that say nothing: empty, off, at kohya's default, or of another model.
        ignored: Key → why it needs no setting here; secrets are among them, without their value.
        unmapped: Key → value that there is no setting for.
        rest: The document without secrets, for `to_kohya`.
    """

    settings: dict[str, Any]
    base: str | None
    output_name: str
    dataset_dir: str
    taken: frozenset[str]
    neutral: frozenset[str]
    ignored: dict[str, str]
    unmapped: dict[str, Any]
    rest: dict[str, Any]


def is_kohya(document: Mapping[str, Any]) -> bool:
    """Whether a document has a key that only kohya's programs have, at the top or in a section."""
    return not _MARKS.isdisjoint(_flat(document))


def read_kohya(
    document: Mapping[str, Any], *, known: Collection[str] | None = None
) -> KohyaSettings:
    """Read a configuration of kohya_ss or sd-scripts.

    Args:
        document: A parsed JSON or TOML file.
        known: Names that the trainer takes; what means another of ours is unmapped. None: all.

    Returns:
        Settings, and an account of every key.
    """
    flat = _flat(document)
    ours = flat.pop(OURS) if isinstance(flat.get(OURS), Mapping) else {}
    entries, labels = _expanded(flat)
    reading = Reading(entries, labels=labels, known=known)
    reading.settings.update(ours)
    _set_aside(reading, flat, entries)
    for read in _READERS:
        read(reading)
    reading.finish()
    return KohyaSettings(
        settings=reading.settings,
        base=reading.text("pretrained_model_name_or_path") or None,
        output_name=reading.text("output_name"),
        dataset_dir=reading.text("train_data_dir"),
        taken=frozenset(reading.taken | ({OURS} if ours else set())),
        neutral=frozenset(reading.neutral),
        ignored=reading.ignored,
        unmapped=reading.unmapped,
        rest=_without_secrets(_flat(document)),
    )


def to_kohya(settings: Mapping[str, Any], rest: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Settings as a configuration of kohya_ss.

    Args:
        settings: Ours; one of None is as if it were not there.
        rest: The document they came from, as `KohyaSettings.rest` has it. Its keys stay, each with
            its value as long as that says what the settings say.

    Returns:
        A document whose `read_kohya(…).settings` are these settings.
    """
    given = {name: _listed(value) for name, value in settings.items() if value is not None}
    document = dict(rest or {})
    before = read_kohya(document).settings
    if any(before.get(name) != value for name, value in given.items()):
        changed = {name: value for name, value in given.items() if before.get(name) != value}
        document |= written(changed, given)
    after = read_kohya({**document, OURS: {}}).settings
    own = dict.fromkeys(after.keys() - given.keys())  # None takes back what the document says
    own |= {name: value for name, value in given.items() if after.get(name) != value}
    document.pop(OURS, None)
    return document | ({OURS: own} if own else {})


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """Sections opened, as sd-scripts does; a later key counts."""
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping) and key not in (OURS, "optimizer_args"):
            flat |= value
        else:
            flat[key] = value
    return flat


def _expanded(flat: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The document with the options that stand inside a value of it, and what these are called."""
    entries, labels = dict(flat), {}
    options, _ = command_line(str(flat.get(_WORDS) or ""))
    in_the_window = any(key in flat for key in GUI_ONLY)
    for option, value in options.items():
        key = _IN_THE_WINDOW.get(option, option) if in_the_window else option
        entries[key] = value
        labels[key] = f"--{option}"
    for name, value in pairs(entries.get("network_args"))[0].items():
        entries[name] = value
        labels[name] = f"network_args {name}"
    return entries, labels


def _set_aside(reading: Reading, flat: Mapping[str, Any], entries: Mapping[str, Any]) -> None:
    """Keys that are no settings: names and places, secrets, and texts whose words were opened."""
    for key in SECRETS:
        reading.ignore("a secret, which is neither kept nor shown", key)
    names = ("pretrained_model_name_or_path", "output_name", "train_data_dir")
    for key in (*names, _WORDS, "network_args"):
        if reading.raw(key):
            reading.take(key)
    for key, value in flat.items():
        if entries[key] is not value:
            reading.ignored[key] = "an option in additional_parameters or network_args counts"
    stray = command_line(str(flat.get(_WORDS) or ""))[1]
    if stray:
        reading.unmapped[f"{_WORDS} (in part)"] = _SECRET_WORDS.sub("", " ".join(stray))


def _without_secrets(flat: dict[str, Any]) -> dict[str, Any]:
    kept = flat | {key: "" for key in SECRETS if key in flat}
    if _WORDS in kept:
        kept[_WORDS] = _SECRET_WORDS.sub("", str(kept[_WORDS]))
    return kept


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
