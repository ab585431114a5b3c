"""Which settings of a trainer may come over the network.

A setting that names a file of this machine, or code to be loaded, is for those who sit at it: a
command takes it, a request does not. A trainer's configuration says so beside the field itself, and
so does the JSON schema that is made of it: `"x-local": true`.
"""

import re
from pathlib import PurePath
from typing import Any, get_args

from pydantic.fields import FieldInfo

from sdxl_reg.trainers.config import TrainerConfig, faults_in, spellings

LOCAL: dict[str, Any] = {"x-local": True}
"""What a field says, as its `json_schema_extra`, that only commands take."""
_LIMITED = "x-remote"


def remote_only(pattern: str, *, remedy: str) -> dict[str, Any]:
    """What a field says, as its `json_schema_extra`, of which a request may only give some values.

    Args:
        pattern: A regular expression for the whole value, as text.
        remedy: What to do about another one.
    """
    return {_LIMITED: {"pattern": pattern, "remedy": remedy}}


def remote_settings(config: type[TrainerConfig]) -> list[str]:
    """The names of the settings that a request may give, in their order."""
    return [name for name, field in config.model_fields.items() if not _is_local(field)]


def remote_faults(config: type[TrainerConfig], values: dict[str, Any]) -> dict[str, str]:
    """Every fault of settings that came over the network: setting → what is wrong with it.

    Args:
        config: The trainer's configuration class.
        values: Name → value, under any of a setting's names.
    """
    refused = {}
    for said, value in values.items():
        name = next(iter(spellings(config, said) & config.model_fields.keys()), None)
        if name is not None and (fault := _fault(config.model_fields[name], value)):
            refused[said] = fault
    rest = {said: value for said, value in values.items() if said not in refused}
    return refused | faults_in(config, rest)


def _fault(field: FieldInfo, value: object) -> str:
    if _is_local(field):
        return "it names files or code of the server: give it there, to sdxl-reg train"
    extra = field.json_schema_extra
    limit = extra.get(_LIMITED) if isinstance(extra, dict) else None
    if isinstance(limit, dict) and not re.fullmatch(str(limit["pattern"]), str(value)):
        return f"not over the network: {limit['remedy']} (got {value!r})"
    return ""


def _is_local(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    is_marked = isinstance(extra, dict) and extra.get("x-local") is True
    return is_marked or _names_a_path(field.annotation)


def _names_a_path(annotation: object) -> bool:
    """Whether a type is, or holds, a path of this machine."""
    if isinstance(annotation, type) and issubclass(annotation, PurePath):
        return True
    return any(_names_a_path(part) for part in get_args(annotation))
