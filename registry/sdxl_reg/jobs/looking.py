"""Having pictures and texts looked at by a network, in a process of its own.

Only that process imports torch. It is asked by lines on its input and answers each at once on its
output, so that whatever was looked at before it is killed is kept.
"""

import base64
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sdxl_reg.errors import RegistryError, WorkFailed, from_facts

MODULE = "sdxl_reg.looking"
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a network made of a picture or a text.

    Attributes:
        key: What the caller called it.
        vector: Float16 in little-endian order, of unit length; empty where it could not be read.
        fault: Why it could not.
    """

    key: str
    vector: bytes
    fault: str = ""


def look(
    network: str,
    *,
    pictures: Sequence[tuple[str, Path]] = (),
    texts: Sequence[str] = (),
    batch_size: int = 16,
    device: str = "",
) -> Iterator[Seen]:
    """What a network makes of pictures and of texts, as it goes.

    Args:
        network: `clip:PATH-OR-HUB-NAME`.
        pictures: Keys and files.
        texts: Their keys are themselves.
        batch_size: Pictures looked at together.
        device: `cpu` or `cuda`; empty takes a GPU where there is one.

    Yields:
        One for each picture, in order, then one for each text. Closing the iterator ends the
        process.

    Raises:
        RegistryError: What the process says was wrong, of the same class.
        WorkFailed: It ended without a word.
    """
    command = [sys.executable, "-m", MODULE, network, str(batch_size), device]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        ) as process,
    ):
        asking = threading.Thread(target=_ask, args=(process.stdin, pictures, texts))
        asking.start()  # beside the answers: each pipe holds only so much
        try:
            for line in process.stdout or ():
                yield _seen(json.loads(line))
            if process.wait():
                raise _silent(process.returncode, said)
        finally:
            process.kill()
            asking.join()


def _seen(answer: dict[str, str]) -> Seen:
    if "code" in answer:
        raise from_facts(answer)
    return Seen(
        key=answer["key"],
        vector=base64.b64decode(answer["vector"]),
        fault=answer.get("fault", ""),
    )


def _ask(pipe: IO[bytes], pictures: Sequence[tuple[str, Path]], texts: Sequence[str]) -> None:
    try:
        with pipe:
            for key, path in pictures:
                pipe.write(json.dumps({"key": key, "path": str(path)}).encode() + b"\n")
            for text in texts:
                pipe.write(json.dumps({"key": text, "text": text}).encode() + b"\n")
    except OSError:  # it has ended, and says why
        return


def _silent(returncode: int, said: IO[bytes]) -> RegistryError:
    said.seek(0)
    lines = said.read().decode(errors="replace").strip().splitlines()
    return WorkFailed(
        f"looking at pictures failed: {lines[-1][:_SHOWN_CHARACTERS] if lines else 'no word'}",
        remedy=f"Its process ended with exit code {returncode}, -9 for want of memory",
    )
