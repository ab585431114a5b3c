r"""The `parameters` text that A1111 writes into pictures and Civitai reads, and PNG files with it.

    text := prompt ["\nNegative prompt: " negative] "\n" pair {", " pair}
    pair := key ": " (text | JSON string where it holds a comma, a colon or a newline)

Source: AUTOMATIC1111 stable-diffusion-webui, `modules/infotext_utils.py` (the reader) and
`modules/processing.py`, `create_infotext` (the writer). The pair `Hashes` comes last and is a JSON
object without quotes around it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sdxl_reg.errors import Corrupt, NotFound

PARAMETERS_CHUNK = "parameters"
OWN_CHUNK = "sdxl_reg"
HASHES = "Hashes"
NEGATIVE = "Negative prompt: "

_PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')  # A1111's own
_MIN_PAIRS = 3  # with fewer, A1111 takes the last line for a part of the prompt


@dataclass(frozen=True, kw_only=True)
class GenerationParameters:
    """What a picture was made with.

    Attributes:
        prompt: As written, adapter tags such as `<lora:name:0.5>` included.
        negative_prompt: Empty when there was none.
        settings: Key → text, in the order they are written: `Steps` first.
        hashes: `model`, `lora:NAME`, `embed:NAME` → ten hexadecimal digits.
    """

    prompt: str
    negative_prompt: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)


def parameters_text(parameters: GenerationParameters) -> str:
    """The text as A1111 writes it.

    Newlines inside the prompts are kept, as A1111 keeps them.
    """
    lines = [parameters.prompt]
    if parameters.negative_prompt:
        lines.append(NEGATIVE + parameters.negative_prompt)
    pairs = [f"{key}: {_quoted(value)}" for key, value in parameters.settings.items()]
    if parameters.hashes:
        pairs.append(f"{HASHES}: {json.dumps(dict(parameters.hashes), separators=(', ', ': '))}")
    return "\n".join([*lines, ", ".join(pairs)])


def parse_parameters(text: str) -> GenerationParameters:
    """What a text says, read by A1111's rules.

    The last line holds the settings when it has at least three pairs, else there are none. What
    stands between a line `Negative prompt:` and the settings is the negative prompt.
    """
    lines = text.strip().split("\n")
    last, hashes = _without_hashes(lines[-1])
    pairs = _PAIR.findall(last)
    if len(pairs) + bool(hashes) < _MIN_PAIRS:
        pairs, hashes = [], {}
    else:
        lines.pop()
    start = next((n for n, line in enumerate(lines) if _is_negative(line)), len(lines))
    negative = "\n".join(lines[start:]).strip().removeprefix(NEGATIVE.strip()).strip()
    return GenerationParameters(
        prompt="\n".join(lines[:start]).strip(),
        negative_prompt=negative,
        settings={key: _unquoted(value) for key, value in pairs},
        hashes=hashes,
    )


def write_png(
    picture: Image.Image,
    path: Path,
    *,
    parameters: GenerationParameters,
    details: Mapping[str, Any],
) -> None:
    """Write a picture that says how it was made; the file appears whole or not at all.

    Args:
        picture: Eight-bit RGB.
        path: Of the file; its folder exists.
        parameters: Written as A1111 does, in the chunk `parameters`.
        details: JSON for the chunk `sdxl_reg`.
    """
    chunks = PngInfo()
    _add_text(chunks, PARAMETERS_CHUNK, parameters_text(parameters))
    _add_text(chunks, OWN_CHUNK, json.dumps(details, sort_keys=True, ensure_ascii=False))
    temporary = path.with_name(path.name + ".part")
    picture.save(temporary, "PNG", pnginfo=chunks)
    temporary.replace(path)


def read_png(path: Path) -> tuple[GenerationParameters, dict[str, Any]]:
    """What a picture says of itself: the A1111 parameters and our own chunk.

    Returns:
        Both; empty where the picture has no such chunk.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no PNG, or our chunk is no JSON object.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            picture.load()
            chunks = dict(getattr(picture, "text", {}))
        details = json.loads(chunks.get(OWN_CHUNK, "{}"))
    except FileNotFoundError:
        raise NotFound("file", path) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise Corrupt(path, f"not a readable PNG: {error}") from None
    if not isinstance(details, dict):
        raise Corrupt(path, f"its chunk {OWN_CHUNK} is not a JSON object")
    return parse_parameters(chunks.get(PARAMETERS_CHUNK, "")), details


def _quoted(value: str) -> str:
    """A1111's `quote`: JSON only where a reader would otherwise split the text."""
    if any(character in value for character in ',\n:"'):
        return json.dumps(value, ensure_ascii=False)
    return value


def _unquoted(value: str) -> str:
    if not (value.startswith('"') and value.endswith('"')):
        return value.strip()
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def _without_hashes(line: str) -> tuple[str, dict[str, str]]:
    """The line without its `Hashes`, whose JSON A1111's pattern cannot read, and the hashes."""
    head, found, tail = line.rpartition(f"{HASHES}: {{")
    if not found:
        return line, {}
    try:
        hashes = json.loads("{" + tail)
    except ValueError:
        return line, {}
    return head.rstrip().removesuffix(","), {str(key): str(value) for key, value in hashes.items()}


def _is_negative(line: str) -> bool:
    return line.strip().startswith(NEGATIVE.strip())


def _add_text(chunks: PngInfo, key: str, text: str) -> None:
    """A tEXt chunk where Latin-1 holds the text, as A1111 and Civitai read it, else iTXt."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        chunks.add_itxt(key, text)
    else:
        chunks.add_text(key, text)
