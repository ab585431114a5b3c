"""How kohya's files and command lines write values: numbers as text, switches as 0 and 1, words.

Source: kohya_ss 45088f0 (`kohya_gui/common_gui.py`, its presets) and sd-scripts 48d368f
(`library/train_util.py`: `nargs="*"` options of `name=value`).
"""

import ast
import re
import shlex
from collections.abc import Mapping
from typing import Any

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LISTS = frozenset(
    {"network_args", "optimizer_args", "lr_scheduler_args", "text_encoder_lr"}
    | {"base_weights", "base_weights_multiplier"}
)
"""Options that take several words."""
_SWITCHES = {"true": True, "false": False, "none": None, "": None}


def plain(value: Any) -> Any:
    """A value as it is meant: text that is a number, a switch or nothing becomes one.

    Args:
        value: As a JSON or TOML file has it.

    Returns:
        A number, True, False or None for text that says so; whole numbers as int; else the value.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _SWITCHES:
            return _SWITCHES[text.lower()]
        value = float(text) if _NUMBER.fullmatch(text) else text
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def says_nothing(value: Any) -> bool:
    """Whether a value leaves an option as if it were not there: empty, 0, off."""
    return plain(value) in (None, False, 0, [], {})


def words(value: Any) -> list[str]:
    """The words of a list of `name=value`.

    Args:
        value: One text, quotes around its words or not (`"d0=1e-5" "decouple=True"`), or a list.
    """
    parts = [str(part) for part in value] if isinstance(value, list) else [str(value or "")]
    return [word for part in parts for word in part.replace('"', " ").split()]


def pairs(value: Any) -> tuple[dict[str, Any], list[str]]:
    """The names and values of a list of `name=value`.

    Args:
        value: As `words` takes it.

    Returns:
        Name → value, Python literals read as such; and the words without `=`.
    """
    found: dict[str, Any] = {}
    odd = []
    for word in words(value):
        name, equals, text = word.partition("=")
        if equals:
            found[name] = _literal(text)
        else:
            odd.append(word)
    return found, odd


def written_pairs(values: Mapping[str, Any]) -> str:
    """Names and values as one text that `pairs` reads."""
    return " ".join(f"{name}={_text(value)}" for name, value in values.items())


def command_line(text: str) -> tuple[dict[str, Any], list[str]]:
    """The options of a piece of a command line.

    Args:
        text: `--keep_tokens_separator "|||" --network_train_unet_only --network_args "a=1" "b=2"`.

    Returns:
        Option without dashes → True, a word, or a list of several; and what is no option, which is
        the whole text when its quotes do not match.
    """
    try:
        pieces = shlex.split(text)
    except ValueError:
        return {}, [text]
    options: dict[str, Any] = {}
    stray = []
    name = ""
    for piece in pieces:
        if piece.startswith("--") and len(piece) > 2:
            name, equals, value = piece[2:].partition("=")
            options[name] = value if equals else True
        elif name in _LISTS:
            options[name] = [*(options[name] if options[name] is not True else []), piece]
        elif name and options[name] is True:
            options[name] = piece
        else:
            stray.append(piece)
    return options, stray


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _text(value: Any) -> str:
    return str(value).replace(" ", "")
