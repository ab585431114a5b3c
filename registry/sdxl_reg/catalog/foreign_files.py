"""Files from elsewhere before they are kept: what they are, and pickles through the quarantine."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sdxl_reg.errors import UsageError
from sdxl_reg.formats.identity import UNKNOWN, FileIdentity, identify, identify_pickled
from sdxl_reg.jobs.conversion import Verb, convert
from sdxl_reg.vocabulary import ArtifactKind

PICKLED = frozenset({".pt", ".pth", ".ckpt", ".bin"})
FAMILIES = frozenset({"sdxl", UNKNOWN})
"""What can be kept here; a tiny base's files do not tell their family."""
_SAVE_ANEW = {
    ArtifactKind.CHECKPOINT: "Save it as .safetensors, as the checkpoint merger of A1111 does, "
    "or ask its maker for such a file",
    ArtifactKind.EMBEDDING: "Save it as .safetensors with the keys clip_l and clip_g",
    ArtifactKind.LORA: "Save it as .safetensors, as its trainer can",
}


@dataclass(frozen=True, kw_only=True)
class ForeignFile:
    """A file that can be kept.

    Attributes:
        path: A `.safetensors` file: the one that was given, or what its pickle became.
        kind: Of the artifact.
        details: For the version: where it came from, what it was taken for, and why.
    """

    path: Path
    kind: ArtifactKind
    details: dict[str, Any]


@contextmanager
def examined(path: Path, *, kind: ArtifactKind | None = None) -> Iterator[ForeignFile]:
    """A file from elsewhere as one that can be kept, for as long as the context lasts.

    Args:
        path: A `.safetensors` file, or a hypernetwork's `.pt`, which is read without running
            anything in it and converted in a process of its own.
        kind: What it is taken for, whatever its header says.

    Raises:
        NotFound: There is no such file.
        Corrupt: It is not what its name says, or a pickle that asks for anything but plain data.
        UsageError: It is of no kind that is known, for another family, or a pickle that cannot be
            kept.
    """
    if path.suffix.lower() not in PICKLED:
        yield _told(path, kind, {"imported_from": path.name})
        return
    _require_hypernetwork(path)
    with TemporaryDirectory() as folder:
        target = Path(folder) / f"{path.stem}.safetensors"
        convert(Verb.HYPERNETWORK_FROM_PT, path, target=target)
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        yield _told(target, kind, {"imported_from": path.name, "imported_sha256": sha256})


def _require_hypernetwork(path: Path) -> None:
    identity = identify_pickled(path)
    _require_family(path, identity)
    if identity.kind != ArtifactKind.HYPERNETWORK:
        raise UsageError(
            f"{path}: a pickled {identity.kind} is not opened, since pickles can run code",
            remedy=_SAVE_ANEW[identity.kind],
        )


def _told(path: Path, kind: ArtifactKind | None, details: dict[str, Any]) -> ForeignFile:
    """What a file is; a kind that is given wins, and then both are written down."""
    try:
        identity = identify(path)
    except UsageError as error:
        if kind is None:
            raise
        guess = {"guess": None, "because": error.message}
    else:
        _require_family(path, identity)
        guess = {"guess": str(identity.kind)}
        if kind in (None, identity.kind):
            return ForeignFile(path=path, kind=identity.kind, details=details)
    return ForeignFile(
        path=path, kind=kind, details=details | {"kind_overruled": guess | {"given": str(kind)}}
    )


def _require_family(path: Path, identity: FileIdentity) -> None:
    if identity.family not in FAMILIES:
        raise UsageError(
            f"{path} is of kind {identity.kind} for {identity.family}",
            remedy="Only files for SDXL can be kept here",
        )
