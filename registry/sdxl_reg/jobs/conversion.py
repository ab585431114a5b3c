"""Having a file converted in a process of its own, which is ended when it takes too long.

What has to be opened with torch is opened there and never here: that process can be killed, has
no database, and whatever a foreign file does to it stays there.
"""

import json
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from sdxl_reg.errors import RegistryError, WorkFailed, from_facts

MODULE = "sdxl_reg.conversion"
TIMEOUT_S = 1800.0
"""Reading and writing a full-size checkpoint takes a minute or two, on a slow disk ten."""
_SHOWN_CHARACTERS = 300


class Verb(StrEnum):
    """What can be converted into what."""

    HYPERNETWORK_FROM_PT = "hypernetwork-from-pt"
    HYPERNETWORK_TO_PT = "hypernetwork-to-pt"
    CHECKPOINT_TO_FILE = "checkpoint-to-file"
    CHECKPOINT_TO_FOLDER = "checkpoint-to-folder"


def convert(
    verb: Verb,
    source: Path,
    *,
    target: Path,
    config_path: Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Convert a file or folder; the new one appears whole or not at all.

    Args:
        verb: Into what.
        source: Only read.
        target: The new file or folder, in a folder that exists; is not there yet.
        config_path: For a checkpoint that becomes a folder: a diffusers folder with its
            configuration and tokenizers.
        timeout_s: After which the process is killed.

    Raises:
        RegistryError: What the process says was wrong, of the same class.
        WorkFailed: It took too long, or ended without a word.
    """
    arguments = [str(verb), str(source), str(target), *([str(config_path)] if config_path else [])]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", MODULE, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise WorkFailed(
            f"{verb} of {source} took longer than {timeout_s:g} s",
            remedy="Try again when the machine is less busy",
        ) from None
    if done.returncode:
        raise _error_in(done.stdout) or WorkFailed(
            f"{verb} of {source} failed: {_last_line(done.stderr)}",
            remedy=f"Its process ended with exit code {done.returncode}, -9 for want of memory",
        )


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1][:_SHOWN_CHARACTERS] if lines else "it did not say why"


def _error_in(output: bytes) -> RegistryError | None:
    try:
        return from_facts(json.loads(output))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
