"""Settings of a training out of files and words: ours as TOML, kohya's as JSON or TOML."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.formats.kohya.config import KohyaSettings, is_kohya, read_kohya
from sdxl_reg.trainers.config import TrainerConfig, names, spellings
from sdxl_reg.trainers.discovery import find_trainer


@dataclass(frozen=True, kw_only=True)
class GivenSettings:
    """What a user says of a training.

    Attributes:
        values: Setting → value.
        base: The base that a kohya file names, if it is there; else empty.
        name: The name that a kohya file gives its results; else empty.
        source: The kohya file itself, to be kept with the run; else empty.
        remarks: Sentences on what became of a kohya file's keys.
    """

    values: dict[str, Any] = field(default_factory=dict)
    base: str = ""
    name: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def gathered_settings(trainer: str, config: Path | None, sets: tuple[str, ...]) -> GivenSettings:
    """Settings out of a file and `NAME=VALUE` words; words win.

    Args:
        trainer: Name of the trainer.
        config: Our TOML file, a JSON file of kohya_ss or a TOML file of sd-scripts.
        sets: The words.

    Raises:
        NotFound: No such file.
        InvalidValue: It is neither TOML nor JSON, or a word has no `=`.
        UnknownName: No such trainer.
    """
    kind = find_trainer(trainer).config
    given = GivenSettings() if config is None else _from_file(kind, config)
    for word in sets:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise InvalidValue("--set", word, remedy="Write it as NAME=VALUE, such as rank=8")
        for other in spellings(kind, name.strip()):
            given.values.pop(other, None)
        given.values[name.strip()] = value.strip()
    return given


def _from_file(kind: type[TrainerConfig], path: Path) -> GivenSettings:
    document = _document(path)
    if path.suffix.lower() != ".json" and not is_kohya(document):
        return GivenSettings(values=document)
    found = read_kohya(document, known=names(kind))
    base_is_here = found.base is not None and Path(found.base).expanduser().exists()
    return GivenSettings(
        values=found.settings,
        base=found.base or "" if base_is_here else "",
        name=found.output_name,
        source={"format": "kohya", "file": path.name, "document": found.rest},
        remarks=tuple(_remarks(path.name, found, base_is_here=base_is_here)),
    )


def _document(path: Path) -> dict[str, Any]:
    form = "JSON" if path.suffix.lower() == ".json" else "TOML"
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = json.loads(text) if form == "JSON" else tomllib.loads(text)
    except FileNotFoundError:
        raise NotFound("configuration file", path) from None
    except (ValueError, OSError) as error:
        raise InvalidValue(f"{path} is not {form}", error, remedy="Mend that line") from None
    if not isinstance(document, dict):
        raise InvalidValue(
            f"{path} holds no settings", type(document).__name__, remedy="Give an object of them"
        )
    return document


def _remarks(name: str, found: KohyaSettings, *, base_is_here: bool) -> Iterator[str]:
    yield f"{name}: {len(found.settings)} settings"
    if found.base and not base_is_here:
        yield f"its base is not on this machine, give one with --base: {found.base}"
    if found.dataset_dir:
        yield f"the pictures are those of --dataset, not of its train_data_dir {found.dataset_dir}"
    by_reason: dict[str, list[str]] = {}
    for key, reason in found.ignored.items():
        by_reason.setdefault(reason, []).append(key)
    for reason, keys in by_reason.items():
        yield f"not needed: {', '.join(keys)} ({reason})"
    for key, value in found.unmapped.items():
        yield f"no setting here: {key} = {value!r}"
