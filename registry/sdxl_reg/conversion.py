"""The process of a conversion: `python -m sdxl_reg.conversion VERB SOURCE TARGET [CONFIG]`.

It opens one file or folder with torch and writes another. An error of ours is told on stdout as
one JSON object; the exit code is the error's. Started by `sdxl_reg.jobs.conversion`.
"""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from sdxl_reg.errors import NO_ROOM, Conflict, OutOfSpace, RegistryError, as_facts
from sdxl_reg.jobs.conversion import Verb


def main(arguments: list[str]) -> int:
    """Do one conversion.

    Args:
        arguments: The verb, the source, the target and, for a checkpoint that becomes a folder,
            the folder with its configuration.

    Returns:
        The exit code: 0, or that of the error, which is told on stdout.
    """
    try:
        _convert(arguments)
    except RegistryError as error:
        return _told(error)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        return _told(OutOfSpace(error.filename or arguments[-1]))
    return 0


def hypernetwork_from_pt(source: Path, target: Path) -> None:
    """Keep A1111's `.pt` as the registry does."""
    from sdxl_reg.diffusion.hypernetwork_files import read_pt, save_hypernetwork

    weights, facts = read_pt(source)
    save_hypernetwork(target, weights, facts, metadata={})


def hypernetwork_to_pt(source: Path, target: Path) -> None:
    """Write a `.pt` for A1111 and ComfyUI."""
    from sdxl_reg.diffusion.hypernetwork_files import write_pt

    write_pt(source, target)


def checkpoint_to_file(source: Path, target: Path) -> None:
    """Write a diffusers folder as one file in the original layout, each weight as it is."""
    from sdxl_reg.diffusion.base_folder import SCHEDULER, read_base_folder
    from sdxl_reg.diffusion.single_file import save_single_file
    from sdxl_reg.formats.single_file import marks_for

    parts = read_base_folder(source)
    marks = marks_for(json.loads((source / SCHEDULER).read_bytes()))
    save_single_file(target, parts, metadata={}, marks=marks)


def checkpoint_to_folder(source: Path, target: Path, config_path: Path) -> None:
    """Write a single file as a diffusers folder, each weight as it is."""
    from sdxl_reg.diffusion.base_folder import write_base_folder
    from sdxl_reg.diffusion.single_file import read_single_file
    from sdxl_reg.formats.checkpoint import require_sdxl
    from sdxl_reg.formats.safetensors import read_header
    from sdxl_reg.formats.single_file import MARKS

    require_sdxl(source, config_path=config_path)
    marks = [mark for mark in MARKS if mark in read_header(source).tensors]
    aside = target.with_name(target.name + ".part")
    try:
        write_base_folder(aside, read_single_file(source), config_path=config_path, marks=marks)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


VERBS: Mapping[Verb, Callable[..., None]] = {
    Verb.HYPERNETWORK_FROM_PT: hypernetwork_from_pt,
    Verb.HYPERNETWORK_TO_PT: hypernetwork_to_pt,
    Verb.CHECKPOINT_TO_FILE: checkpoint_to_file,
    Verb.CHECKPOINT_TO_FOLDER: checkpoint_to_folder,
}


def _convert(arguments: list[str]) -> None:
    verb, *paths = arguments
    source, target, *config = (Path(path) for path in paths)
    if target.exists():
        raise Conflict(f"{target} is there already", remedy="Give a new name")
    VERBS[Verb(verb)](source, target, *config)


def _told(error: RegistryError) -> int:
    sys.stdout.write(json.dumps(as_facts(error)))
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
