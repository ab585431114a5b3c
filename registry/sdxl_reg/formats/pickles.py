"""The quarantine for PyTorch files: what they hold is told without running anything in them.

Such a file is a zip archive whose `data.pkl` is a program for a small stack machine, and pickle's
own machine lets it call whatever it names. Here the program is only read: opcodes and names that
tensors, dictionaries and lists are made of are followed, anything else is refused.

Source: `pickletools` for the opcodes; torch's `serialization.py` and `_weights_only_unpickler.py`
for what its files are made of.
"""

import pickletools
import re
import zipfile
from pathlib import Path
from typing import Any

from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.formats.pickle_machine import REMEDY, Machine

MAX_PICKLE_BYTES = 4_000_000
"""A full-size checkpoint's is a tenth of this; reading goes opcode by opcode."""
_ENTRY = re.compile(
    r"([^/]+)/(?:data\.pkl|data/\d+|version|byteorder|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id)"
)
_END_OF_ARCHIVE = b"PK\x05\x06"
_END_BYTES = 22


def outline(path: Path) -> Any:
    """What a PyTorch file holds, with a `TensorOutline` in place of each tensor.

    Args:
        path: A `.pt`, `.ckpt` or `.bin` file.

    Returns:
        Dictionaries, lists, tuples, numbers, text and outlines.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is no such archive, is of the format before PyTorch 1.6, or asks for anything
            that is not data; the message names it.
    """
    program = _program(path)
    machine = Machine(path)
    try:
        for opcode, argument, _ in pickletools.genops(program):
            machine.step(opcode.name, argument)
        return machine.result()
    except (ValueError, IndexError, KeyError, TypeError):  # cut short, or an empty stack
        raise Corrupt(path, "refused: its pickle makes no sense", remedy=REMEDY) from None


def _program(path: Path) -> bytes:
    """The pickle of an archive that every program reads alike."""
    try:
        _require_plain_zip(path)
        with zipfile.ZipFile(path) as archive:
            return archive.read(_pickle_entry(path, archive.infolist()))
    except (FileNotFoundError, IsADirectoryError):
        raise NotFound("file", path) from None
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):  # encrypted, odd versions
        raise Corrupt(path, "a damaged archive", remedy=REMEDY) from None


def _pickle_entry(path: Path, entries: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    names = [entry.filename for entry in entries]
    roots = {match[1] if (match := _ENTRY.fullmatch(name)) else "" for name in names}
    pickles = [entry for entry in entries if entry.filename.endswith("/data.pkl")]
    if len(roots) != 1 or "" in roots or len(set(names)) < len(names) or len(pickles) != 1:
        raise Corrupt(path, "no PyTorch archive of plain tensors", remedy=REMEDY)
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise Corrupt(path, "compressed, as PyTorch writes no archive", remedy=REMEDY)
    if pickles[0].file_size > MAX_PICKLE_BYTES:
        raise Corrupt(
            path, f"its pickle has {pickles[0].file_size} bytes: no plain tensors", remedy=REMEDY
        )
    return pickles[0]


def _require_plain_zip(path: Path) -> None:
    """Refuse archives with something before or behind, which programs read differently."""
    with path.open("rb") as stream:
        head = stream.read(4)
        stream.seek(max(0, stream.seek(0, 2) - _END_BYTES))
        tail = stream.read(_END_BYTES)
    if head != b"PK\x03\x04" or not tail.startswith(_END_OF_ARCHIVE):
        raise Corrupt(
            path,
            "no zip archive as PyTorch writes since 1.6, and older formats are not opened",
            remedy=REMEDY,
        )
