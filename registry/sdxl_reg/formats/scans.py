"""Whether a file could run something in the program that opens it, told without opening it.

A `.safetensors` file holds numbers and text by its format. A pickle is read by our own machine,
which lets through what tensors are made of and nothing else, and by picklescan, which knows what
has been found in the wild: both have to find nothing. The rest is told by its first bytes.

Source: https://github.com/mmaitre314/picklescan for the second opinion.
"""

import json
import logging
import zipfile
from dataclasses import dataclass
from pathlib import Path

from picklescan import scanner

from sdxl_reg.errors import Corrupt
from sdxl_reg.formats.pickles import outline
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.vocabulary import ScanVerdict

logging.getLogger("picklescan").setLevel(logging.CRITICAL)  # our verdict says what it found
_SHOWN = 5
_MAX_TEXT_BYTES = 8_000_000
_TEXTS = frozenset({".json", ".txt", ".md", ".toml", ".yaml", ".yml"})
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM")
_ZIP = b"PK\x03\x04"
_PICKLE = 0x80
_PICKLED = frozenset({".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle"})


@dataclass(frozen=True)
class Scan:
    """What a look at a file came to.

    Attributes:
        verdict: Whether a program may open it.
        reason: In a sentence.
    """

    verdict: ScanVerdict
    reason: str


def scan(path: Path, *, name: str = "") -> Scan:
    """Look at a file without running, unpickling or decoding anything in it.

    Args:
        path: The file.
        name: What it is called, where it lies under another name.

    Returns:
        What is known of it; unknown where it is of no format that can be judged.
    """
    suffix = Path(name or path.name).suffix.lower()
    numbers = _of_numbers(path)
    if numbers.verdict == ScanVerdict.SAFE:  # a pickle cannot begin as such a file does
        return numbers
    with path.open("rb") as stream:
        head = stream.read(16)
    if head.startswith(_ZIP) or (head and head[0] == _PICKLE) or suffix in _PICKLED:
        return _of_pickle(path)
    if head.startswith(_PICTURES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return Scan(ScanVerdict.SAFE, "a picture")
    if suffix in _TEXTS:
        return _of_text(path, suffix)
    return numbers


def _of_numbers(path: Path) -> Scan:
    try:
        count = len(read_header(path).tensors)
    except Corrupt as error:
        return Scan(ScanVerdict.UNKNOWN, error.fault)
    return Scan(ScanVerdict.SAFE, f"safetensors: {count} tensors and text, nothing that could run")


def _of_text(path: Path, suffix: str) -> Scan:
    if path.stat().st_size > _MAX_TEXT_BYTES:
        return Scan(ScanVerdict.UNKNOWN, "too long a text to be looked at")
    try:
        text = path.read_text(encoding="utf-8")
        if suffix == ".json":
            json.loads(text)
    except (ValueError, RecursionError):
        return Scan(ScanVerdict.UNKNOWN, f"no {suffix[1:]} file")
    return Scan(ScanVerdict.SAFE, "text")


def _of_pickle(path: Path) -> Scan:
    """Unsafe if either finds something; safe if both know all of it; else unknown."""
    named = _named_by_picklescan(path)
    if named:
        shown = ", ".join(named[:_SHOWN])
        return Scan(ScanVerdict.UNSAFE, f"its pickle can run code: it asks for {shown}")
    try:
        outline(path)
    except Corrupt as error:
        is_refused = "asks for" in error.fault or "calls" in error.fault
        verdict = ScanVerdict.UNSAFE if is_refused else ScanVerdict.UNKNOWN
        return Scan(verdict, error.fault.removeprefix("refused: "))
    return Scan(ScanVerdict.SAFE, "a pickle of plain tensors, nothing that could run")


def _named_by_picklescan(path: Path) -> list[str]:
    """What a pickle asks for that is known to be dangerous."""
    try:
        found = scanner.scan_file_path(str(path))
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, NotImplementedError):
        return []  # no archive that it can read; nor does our own machine then
    return sorted(
        f"{one.module}.{one.name}"
        for one in found.globals
        if one.safety == scanner.SafetyLevel.Dangerous
    )
