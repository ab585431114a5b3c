"""Versions going out: to a folder as they are, or to where another program looks for them.

Source: AUTOMATIC1111 stable-diffusion-webui 1.10.1 (`modules/paths.py`; a file's preview is the
picture of the same name, its notes the JSON, `modules/ui_extra_networks_user_metadata.py`); ComfyUI
`folder_paths.py`; kohya_ss' folders `image`, `model` and `log`.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_version, weights_of
from sdxl_reg.catalog.bases import lay_out
from sdxl_reg.catalog.blobs import hashes_of
from sdxl_reg.catalog.published import published
from sdxl_reg.catalog.references import parse_reference
from sdxl_reg.jobs.conversion import Verb, convert
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import ArtifactAlias, ArtifactVersion
from sdxl_reg.vocabulary import ArtifactKind, BaseFormat, Program

PLACES: Mapping[Program, Mapping[ArtifactKind, str]] = {
    Program.A1111: {
        ArtifactKind.LORA: "models/Lora",
        ArtifactKind.EMBEDDING: "embeddings",
        ArtifactKind.HYPERNETWORK: "models/hypernetworks",
        ArtifactKind.CHECKPOINT: "models/Stable-diffusion",
    },
    Program.COMFYUI: {
        ArtifactKind.LORA: "models/loras",
        ArtifactKind.EMBEDDING: "models/embeddings",
        ArtifactKind.HYPERNETWORK: "models/hypernetworks",
        ArtifactKind.CHECKPOINT: "models/checkpoints",
    },
    Program.DIFFUSERS: dict.fromkeys(ArtifactKind, "."),
    Program.KOHYA: dict.fromkeys(ArtifactKind, "model"),
}
"""Program and kind → the folder below the program's own that it looks into."""
SHOWS_PREVIEWS = frozenset({Program.A1111, Program.COMFYUI})
LOADS_PT = frozenset({Program.A1111, Program.COMFYUI})


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What went out.

    Attributes:
        files: What is there now, the weights first; of a diffusers folder, the folder.
        trigger_words: What a prompt says to call it up.
        hashes: What other programs call the file: `autov2`, `autov3`.
        has_preview: Whether a picture went with it.
    """

    files: list[Path]
    trigger_words: list[str]
    hashes: dict[str, str]
    has_preview: bool


def export_version(store: BlobStore, version: ArtifactVersion, to: Path) -> list[Path]:
    """Copy the files of a version into a folder, as they are kept.

    Raises:
        Conflict: A file of that name with other bytes is there; nothing is overwritten.
        NotFound: A blob is missing.
    """
    with published(to) as aside:
        _copy(store, {file.path: file.blob.sha256 for file in version.files}, aside)
    return [to / file.path for file in version.files]


def export_for(
    session: Session, store: BlobStore, reference: str, program: Program, to: Path
) -> Exported:
    """Put a version where a program looks for it, in the form that the program reads.

    Args:
        session: The transaction.
        store: Holds the bytes.
        reference: `weipin-lora@best`; an alias' recommended strength goes into A1111's notes.
        program: Whose folder it is.
        to: The program's own folder, such as `~/stable-diffusion-webui`.

    Raises:
        NotFound: No such version, or a blob is missing.
        Conflict: A file of that name with other bytes is there; nothing is overwritten.
        WorkFailed: A conversion did not succeed.
    """
    version = find_version(session, reference)
    place = to / PLACES[program][version.artifact.kind]
    preview = str(version.details.get("preview", ""))
    has_preview = bool(preview) and program in SHOWS_PREVIEWS
    with published(place) as aside:
        name = _weights(store, version, program, aside)
        stem = name.removesuffix(".safetensors").removesuffix(".pt")
        beside: dict[str, bytes] = {}
        if has_preview:
            beside[f"{stem}.png"] = store.read(preview)
        if program == Program.A1111:
            beside[f"{stem}.json"] = _notes(session, reference, version)
        for side, data in beside.items():
            if not (place / side).exists():  # what a person wrote or drew since then is theirs
                (aside / side).write_bytes(data)
    kept = weights_of(version).blob if program != Program.DIFFUSERS or _is_one(version) else None
    return Exported(
        files=[place / name, *(place / side for side in beside)],
        trigger_words=_words(version, stem),
        hashes=hashes_of(session, kept) if kept else {},
        has_preview=has_preview,
    )


def _weights(store: BlobStore, version: ArtifactVersion, program: Program, aside: Path) -> str:
    """Write a version's weights as a program reads them; the name of the file or folder."""
    files = {file.path: file.blob.sha256 for file in version.files}
    kind = version.artifact.kind
    if kind == ArtifactKind.CHECKPOINT and _is_one(version) == (program == Program.DIFFUSERS):
        return _converted_checkpoint(store, version, aside)
    if kind == ArtifactKind.CHECKPOINT and program == Program.DIFFUSERS:
        name = _folder_name(version)
        _copy(store, files, aside / name)
        return name
    name = weights_of(version).path
    if kind == ArtifactKind.HYPERNETWORK and program in LOADS_PT:
        target = aside / Path(name).with_suffix(".pt").name
        convert(Verb.HYPERNETWORK_TO_PT, store.path(files[name]), target=target)
        return target.name
    _copy(store, {name: files[name]}, aside)
    return name


def _converted_checkpoint(store: BlobStore, version: ArtifactVersion, aside: Path) -> str:
    """A single file as a folder, or a folder as a single file."""
    with TemporaryDirectory() as temporary:
        spec = lay_out(store, version, Path(temporary))
        if not _is_one(version):
            name = f"{_folder_name(version)}.safetensors"
            convert(Verb.CHECKPOINT_TO_FILE, spec.path, target=aside / name)
            return name
        name = spec.path.stem
        convert(
            Verb.CHECKPOINT_TO_FOLDER,
            spec.path,
            target=aside / name,
            config_path=spec.config_path,
        )
        return name


def _is_one(version: ArtifactVersion) -> bool:
    """Whether its weights are one file; a base may be a diffusers folder."""
    return version.format != BaseFormat.DIFFUSERS


def _folder_name(version: ArtifactVersion) -> str:
    return f"{version.artifact.name}-{version.version:06d}"


def _copy(store: BlobStore, files: Mapping[str, str], into: Path) -> None:
    for path, sha256 in files.items():
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with store.open(sha256) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)


def _words(version: ArtifactVersion, stem: str) -> list[str]:
    """What calls it up there; an embedding answers to the name of its file."""
    if version.artifact.kind == ArtifactKind.EMBEDDING:
        return [stem]
    return list(version.details.get("trigger_words", []))


def _notes(session: Session, reference: str, version: ArtifactVersion) -> bytes:
    """A1111's notes on a file: what to say, and how strongly."""
    alias = parse_reference(reference).alias
    pointer = session.get(ArtifactAlias, (version.artifact_id, alias)) if alias else None
    document = {
        "description": f"{version.artifact.name}, version {version.version}",
        "sd version": "SDXL",
        "activation text": ", ".join(version.details.get("trigger_words", [])),
        "preferred weight": pointer.strength if pointer and pointer.strength is not None else 0,
        "notes": f"sha256 {version.digest}",
    }
    return json.dumps(document, indent=4, ensure_ascii=False).encode() + b"\n"
