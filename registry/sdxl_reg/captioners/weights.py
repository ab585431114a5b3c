"""The weights of captioners: where they lie, and what they are called by what is in them. No torch.

A user names a folder, or the name under which the Hugging Face hub has them; the hub is asked only
when it may be.
"""

import hashlib
import re
from pathlib import Path

from sdxl_reg.captioners.interface import Captioner
from sdxl_reg.errors import Corrupt, NotFound

_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_SUFFIXES = (".json", ".safetensors", ".txt", ".model", ".onnx", ".csv")
_SAMPLE_BYTES = 1 << 20


def folder_of_weights(captioner: Captioner, weights: str, *, may_download: bool = False) -> Path:
    """The folder with the files of a model.

    Args:
        captioner: What they are for.
        weights: A folder, or a name of the hub.
        may_download: Whether the hub may be asked; else they have to be on this machine.

    Raises:
        NotFound: There is no such folder, and no such model in the hub's cache.
        Corrupt: A file is missing there.
    """
    folder = Path(weights).expanduser()
    if not folder.is_dir():
        folder = _from_hub(captioner, weights, may_download)
    for name in captioner.files:
        if not (folder / name).is_file():
            raise Corrupt(
                folder,
                f"it has no {name}, which {captioner.name} needs",
                remedy=f"Give a folder with the files of {captioner.weights}",
            )
    return folder


def identity_of_weights(folder: Path) -> str:
    """What tells a model's files from others: 12 hexadecimal digits.

    Of files with gigabytes, the length, the beginning and the end are looked at: training changes
    every part of them.

    Args:
        folder: With the files.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in _SUFFIXES and path.is_file():
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
            with path.open("rb") as stream:
                digest.update(stream.read(_SAMPLE_BYTES))
                stream.seek(max(stream.tell(), path.stat().st_size - _SAMPLE_BYTES))
                digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:12]


def _from_hub(captioner: Captioner, weights: str, may_download: bool) -> Path:
    if not _HUB_NAME.fullmatch(weights):
        raise NotFound(
            "folder of a captioner's weights",
            weights,
            remedy=f"Give a folder with {' and '.join(captioner.files)}, or a name of the hub such "
            f"as {captioner.weights}",
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = [f"*{suffix}" for suffix in _SUFFIXES]
    try:
        found = snapshot_download(
            weights, local_files_only=not may_download, allow_patterns=patterns
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise NotFound(
            "weights on this machine",
            weights,
            remedy=f"Add --download, fetch them once with `hf download {weights}`, or give the "
            f"folder that holds them ({type(error).__name__})",
        ) from None
    return Path(found)
