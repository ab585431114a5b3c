"""The checkout of sd-scripts that is driven: its place, its interpreter, what it can be told."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sdxl_reg.errors import UsageError
from sdxl_reg.formats.safetensors import write_file
from sdxl_reg.settings import Settings
from sdxl_reg.vocabulary import ArtifactKind

PROGRAMS = {
    ArtifactKind.LORA: "sdxl_train_network.py",
    ArtifactKind.EMBEDDING: "sdxl_train_textual_inversion.py",
    ArtifactKind.CHECKPOINT: "sdxl_train.py",
}
VARIABLE, PYTHON_VARIABLE = "SDXL_REG_SD_SCRIPTS", "SDXL_REG_SD_SCRIPTS_PYTHON"
HELP_TIMEOUT_S = 300
_OPTION = re.compile(r"(?<![\w-])--([A-Za-z][\w-]*)")
_ACCELERATORS = ("nvidia0", "kfd", "dxg")  # NVIDIA's, AMD's, and WSL's device files


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A program of sd-scripts that can be run.

    Attributes:
        path: Of the checkout.
        python: The interpreter of its environment.
        program: The program.
        commit: Of the checkout; empty where it is no git repository.
    """

    path: Path
    python: Path
    program: Path
    commit: str


def find_checkout(settings: Settings, kind: ArtifactKind) -> Checkout:
    """The program for a kind in the checkout that the settings name.

    Args:
        settings: Of this installation.
        kind: What shall be made.

    Raises:
        UsageError: There is none, it is no checkout, or it has no environment.
    """
    path = settings.sd_scripts_path
    if path is None:
        raise UsageError(
            "no checkout of kohya's sd-scripts is named",
            remedy=f"Clone it, install its requirements into its venv and set {VARIABLE}=<folder>",
        )
    program = path / PROGRAMS[kind]
    if not program.is_file():
        raise UsageError(
            f"{VARIABLE}={path} is no checkout of sd-scripts: it has no {program.name}",
            remedy="Name the folder that git cloned",
        )
    return Checkout(
        path=path, python=_python(settings, path), program=program, commit=_commit(path)
    )


def options_of(checkout: Checkout, cache: Path) -> frozenset[str]:
    """The options that a program of this commit takes, as its `--help` says; asked once a commit.

    Args:
        checkout: The program.
        cache: Folder in which the answer is kept.

    Raises:
        UsageError: The program does not start.
    """
    kept = cache / f"sd-scripts-{checkout.program.stem}-{checkout.commit}.json"
    if checkout.commit and kept.is_file():
        return frozenset(json.loads(kept.read_text()))
    command = [str(checkout.python), str(checkout.program), "--help"]
    try:
        said = subprocess.run(  # noqa: S603 - the program that the user named
            command,
            cwd=checkout.path,
            env=environment(),
            capture_output=True,
            timeout=HELP_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unusable(checkout, str(error)) from error
    options = frozenset(_OPTION.findall(said.stdout.decode(errors="replace")))
    if said.returncode or "config_file" not in options:
        raise _unusable(checkout, said.stderr.decode(errors="replace").strip()[-1500:])
    if checkout.commit:
        write_file(kept, json.dumps(sorted(options)).encode())
    return options


def environment() -> dict[str, str]:
    """The environment of a program: ours without what points Python at our packages; offline."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    kept |= {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    if os.name == "posix" and Path("/proc").is_dir() and not _has_accelerator():
        kept["ACCELERATE_USE_CPU"] = "true"
    return kept


def _has_accelerator() -> bool:
    return any((Path("/dev") / name).exists() for name in _ACCELERATORS)


def _python(settings: Settings, path: Path) -> Path:
    if settings.sd_scripts_python is not None:
        if settings.sd_scripts_python.is_file():
            return settings.sd_scripts_python
        raise UsageError(
            f"{PYTHON_VARIABLE}={settings.sd_scripts_python} is not there",
            remedy="Name the interpreter of sd-scripts' environment",
        )
    for folder in ("venv", ".venv"):
        python = path / folder / "bin" / "python"
        if python.is_file():
            return python
    raise UsageError(
        f"{path} has no environment: neither venv nor .venv is in it",
        remedy=f"Make one with its requirements, or set {PYTHON_VARIABLE} to an interpreter",
    )


def _commit(path: Path) -> str:
    """The commit of a checkout without changes; empty where its programs may be others."""
    try:
        head, changes = (
            subprocess.run(  # noqa: S603
                ["git", "-C", str(path), *words],  # noqa: S607 - whichever git the user has
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
            ).stdout
            for words in (["rev-parse", "HEAD"], ["diff", "--name-only", "HEAD", "--", "*.py"])
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return "" if changes.strip() else head.strip()


def _unusable(checkout: Checkout, said: str) -> UsageError:
    return UsageError(
        f"{checkout.program.name} of {checkout.path} does not start with {checkout.python}: {said}",
        remedy="Install its requirements into that environment",
    )
