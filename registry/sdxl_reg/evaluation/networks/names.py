"""Which networks look at the pictures: as a user names them, and as scores name them. No torch.

A user names a family and where its files are: `dinov2:/models/dinov2-base`, or by the name under
which the Hugging Face hub has it, `clip:openai/clip-vit-large-patch14`. A score names what the
files say, so that two copies of one network are one scorer, and other weights are another.
"""

import functools
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.evaluation.references import SCORER

SHIPPED = "efficientnet-lite0"
DINOV2, CLIP = "dinov2", "clip"
FAMILIES = (DINOV2, CLIP)
SCHEMA = 1
"""Part of every identity: goes up when the same files come to give other features."""
_FILES = (".json", ".safetensors", ".txt")
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+")
_REMEDY = (
    f"Give {SHIPPED} (an ImageNet classifier that ships with a package), dinov2:PATH-OR-HUB-NAME "
    "or clip:PATH-OR-HUB-NAME"
)


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The networks of a scoring.

    Attributes:
        image: What compares pictures: `efficientnet-lite0`, `dinov2:…` or `clip:…`.
        text: What compares pictures with words: `clip:…`; empty: nothing does.
        cache_path: Folder where features are kept; None: nowhere.
        may_download: Whether a hub name may be fetched. Otherwise it has to be there.
    """

    image: str = SHIPPED
    text: str = ""
    cache_path: Path | None = None
    may_download: bool = False

    def __post_init__(self) -> None:
        """Refuse names that are none.

        Raises:
            InvalidValue: A name is of no family, or `text` is of one that reads no words.
        """
        family_and_source(self.image)
        if self.text and family_and_source(self.text)[0] != CLIP:
            raise InvalidValue(
                "this network reads no words", self.text, remedy="Give clip:PATH-OR-HUB-NAME"
            )


def family_and_source(name: str) -> tuple[str, str]:
    """A network's name taken apart; the one that ships with a package has no source.

    Args:
        name: As a user writes it.

    Raises:
        InvalidValue: It is of no family that we know, or names no source.
    """
    family, _, source = name.partition(":")
    if name == SHIPPED:
        return SHIPPED, ""
    if family not in FAMILIES or not source.strip():
        raise InvalidValue("no such network", repr(name), remedy=_REMEDY)
    return family, source.strip()


def folder_of(name: str, *, may_download: bool) -> Path:
    """The folder with a network's files.

    Args:
        name: `dinov2:…` or `clip:…`.
        may_download: Whether the hub may be asked.

    Raises:
        InvalidValue: No such name, see `family_and_source`.
        NotFound: There is no such folder, and no such network in the hub's cache.
    """
    _, source = family_and_source(name)
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if not _HUB_NAME.fullmatch(source):
        raise NotFound("folder of a network", name, remedy="It needs config.json and the weights")
    return _from_hub(name, source, may_download)


def require_published(name: str) -> str:
    """A network that ships, or that the hub's cache of this machine has; never a path.

    Args:
        name: As somebody elsewhere wrote it.

    Raises:
        InvalidValue: It is of no family that we know, or names no source.
        NotFound: It is not in the hub's cache, or it is a path.
    """
    _, source = family_and_source(name)
    if not source:
        return name
    if not _HUB_NAME.fullmatch(source) or Path(source).exists():
        raise NotFound(
            "network on this machine", name, remedy="Give it by the name that the hub has it under"
        )
    folder_of(name, may_download=False)
    return name


def identity(name: str, *, may_download: bool = False) -> str:
    """What scores call a network.

    Args:
        name: As a user writes it.
        may_download: As for `folder_of`.

    Returns:
        Such as `efficientnet-lite0/1` or `dinov2-0a1b2c3d4e5f/1`, by the bytes of its files.

    Raises:
        InvalidValue: As `folder_of` does.
        NotFound: Likewise.
    """
    if name == SHIPPED:
        return SCORER
    family, _ = family_and_source(name)
    digest = hashlib.sha256()
    for path in sorted(folder_of(name, may_download=may_download).iterdir()):
        if path.suffix in _FILES:
            stat = path.stat()
            digest.update(f"{path.name} {_file_sha256(path, stat.st_mtime_ns)}\n".encode())
    return f"{family}-{digest.hexdigest()[:12]}/{SCHEMA}"


def _from_hub(name: str, source: str, may_download: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        found = snapshot_download(
            source,
            local_files_only=not may_download,
            allow_patterns=[f"*{suffix}" for suffix in _FILES],
        )
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise NotFound(
            "network on this machine",
            name,
            remedy=f"Fetch it once with `hf download {source}`, or give the folder that holds it "
            f"({type(error).__name__})",
        ) from None
    return Path(found)


@functools.cache
def _file_sha256(path: Path, mtime_ns: int) -> str:
    """Of a file; read once for each time it changed."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
