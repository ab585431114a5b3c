"""Base checkpoints: registering the built-in one, folders and single files; laying them out."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.artifacts import (
    REFINER,
    NewVersion,
    add_version,
    ensure_artifact,
    find_version,
    scan_files,
    version_ref,
)
from sdxl_reg.catalog.references import MAIN, SHARED, parse_reference
from sdxl_reg.diffusion.full_size import CONTEXT_WIDTH, full_size_config_files
from sdxl_reg.diffusion.micro import micro_base_files, write_files
from sdxl_reg.errors import InvalidValue, NotFound, UsageError
from sdxl_reg.formats.checkpoint import (
    context_width,
    native_resolution,
    require_sdxl,
    unet_widths,
)
from sdxl_reg.formats.refiner import is_refiner
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.formats.single_file import scheduler_for
from sdxl_reg.jobs.spec import BaseSpec
from sdxl_reg.store.blobs import BlobStore, StoredBlob
from sdxl_reg.tables import ArtifactVersion
from sdxl_reg.vocabulary import ArtifactKind, BaseFormat

MICRO = "micro"
CONFIG_FOLDER = "config"
SCHEDULER = "scheduler/scheduler_config.json"
_LEFT_OUT = frozenset({".git", ".cache", "__pycache__"})


def find_base(
    session: Session, store: BlobStore, base: str, *, config_path: Path | None = None
) -> ArtifactVersion:
    """The checkpoint version that a user's word for a base means.

    Args:
        session: The transaction; a folder or file not yet known is registered in it.
        store: Receives its files.
        base: `micro` (built in), a registered reference, a diffusers folder, or a single
            `.safetensors` file.
        config_path: For a single file: a diffusers folder with its configuration and tokenizers.

    Returns:
        A ready version of a checkpoint; the same bytes always give the same version.

    Raises:
        NotFound: Neither registered nor on disk.
        UsageError: It is not SDXL.
        Corrupt: Its files are not what they claim to be.
        InvalidValue: The reference is of an artifact that is no checkpoint.
    """
    path = Path(base).expanduser()
    if path.exists() and base != MICRO:  # a folder of that name is ./micro
        return register_base(session, store, path.absolute(), config_path=config_path)
    if parse_reference(base).name == MICRO:
        _register_micro(session, store)
    try:
        version = find_version(session, base)
    except NotFound as error:
        raise NotFound("base", base, error.known, remedy=_remedy(error)) from None
    if version.family == REFINER:
        raise InvalidValue(
            "not a base", f"{base} is SDXL's refiner", remedy="Give it with --refiner"
        )
    if version.artifact.kind != ArtifactKind.CHECKPOINT:
        raise InvalidValue(
            "not a checkpoint",
            f"{base} is a {version.artifact.kind}",
            remedy="Give the base that adapters are trained on, such as micro",
        )
    return version


def find_refiner(session: Session, store: BlobStore, refiner: str) -> ArtifactVersion:
    """The checkpoint version that a user's word for a refiner means.

    Args:
        session: The transaction; a folder not yet known is registered in it.
        store: Receives its files.
        refiner: As for `find_base`, or a diffusers folder of SDXL's refiner.

    Raises:
        NotFound: Neither registered nor on disk.
        UsageError: It is neither a refiner nor a base, or a refiner in a single file.
        InvalidValue: The reference is of an artifact that is no checkpoint.
    """
    path = Path(refiner).expanduser()
    if path.exists() and refiner != MICRO and is_refiner(path):
        if path.is_file():
            raise UsageError(
                f"{path}: a refiner in a single file does not say how its parts are configured",
                remedy="Give its diffusers folder",
            )
        files = _stored_folder(store, path, prefix="")
        artifact = ensure_artifact(session, path.absolute().name, ArtifactKind.CHECKPOINT)
        new = NewVersion(files=files, format=BaseFormat.DIFFUSERS, family=REFINER)
        return scan_files(session, store, add_version(session, artifact, new))
    if not path.exists() and parse_reference(refiner).name != MICRO:
        found = find_version(session, refiner)
        if found.family == REFINER:
            return found
    return find_base(session, store, refiner)


def lay_out(store: BlobStore, version: ArtifactVersion, into: Path) -> BaseSpec:
    """The files of a checkpoint version in a folder, by link, as a job reads them.

    One that was trained here is a single file without configuration; it gets that of the base it
    was trained on, with the scheduler that its own marks ask for.

    Args:
        store: Holds the bytes.
        version: A checkpoint.
        into: Folder of the job that receives them.
    """
    files = {file.path: file.blob.sha256 for file in version.files}
    with shown_to(None):  # who may draw with a version need not see what it was trained on
        is_trained = _is_trained(version)
        configuration = _configuration(version) if is_trained else {}
    single = is_trained or version.format == BaseFormat.SINGLE_FILE
    weights = next((path for path in files if "/" not in path), "") if single else ""
    store.materialise(files | configuration, into)
    if is_trained:
        _reschedule(into / CONFIG_FOLDER / SCHEDULER, into / weights)
    return BaseSpec(
        ref=version_ref(version),
        path=into / weights if single else into,
        format=BaseFormat.SINGLE_FILE if single else BaseFormat.DIFFUSERS,
        config_path=into / CONFIG_FOLDER if single else None,
        sha256=version.digest,
        file_sha256=files[weights] if single else "",
    )


def resolution_of_version(store: BlobStore, version: ArtifactVersion) -> int:
    """Side in pixels of the pictures a checkpoint version was made for."""
    with TemporaryDirectory() as folder:
        return resolution_of(lay_out(store, version, Path(folder)))


def widths_of_version(store: BlobStore, version: ArtifactVersion) -> tuple[int, ...]:
    """What adapters of a checkpoint version have to fit, see `formats.checkpoint.unet_widths`."""
    with TemporaryDirectory() as folder:
        spec = lay_out(store, version, Path(folder))
        return unet_widths(spec.config_path or spec.path)


def resolution_of(spec: BaseSpec) -> int:
    """Side in pixels of the pictures a base was made for."""
    return native_resolution(spec.config_path or spec.path)


def register_base(
    session: Session,
    store: BlobStore,
    path: Path,
    *,
    config_path: Path | None = None,
    name: str = "",
    project: str = MAIN,
    stored: StoredBlob | None = None,
) -> ArtifactVersion:
    """Record a checkpoint on disk as a version; its bytes are stored before any row is touched.

    Args:
        session: The transaction.
        store: Receives its files.
        path: A diffusers folder or a single `.safetensors` file.
        config_path: For a single file: a diffusers folder with its configuration and tokenizers.
        name: Of the artifact; by default that of the folder, or the stem of the file.
        project: Whose a new artifact is.
        stored: Of a single file: what the store holds of it already.

    Returns:
        The version; the one that is already there when the artifact has these very bytes.

    Raises:
        NotFound: There is no such file.
        UsageError: It is not SDXL.
        Corrupt: Its files are not what they claim to be.
        Conflict: The name is taken by an artifact of another kind.
    """
    if path.is_dir():
        require_sdxl(path)
        files = _stored_folder(store, path, prefix="")
        return _add(
            session, store, files, BaseFormat.DIFFUSERS, name=name or path.name, project=project
        )
    with TemporaryDirectory() as temporary:
        config = config_path or write_files(known_configuration(path), Path(temporary))
        require_sdxl(path, config_path=config)
        files = _stored_folder(store, config, prefix=CONFIG_FOLDER + "/")
    files[path.name] = stored or store.put_file(path)
    return _add(
        session, store, files, BaseFormat.SINGLE_FILE, name=name or path.stem, project=project
    )


def known_configuration(path: Path) -> dict[str, bytes]:
    """The configuration of a single file, which does not carry it, told by its shapes.

    Returns:
        Relative path → bytes of a diffusers folder without weights: full-size SDXL's or the
        built-in micro base's, with the scheduler that the file's marks of v-prediction ask for.

    Raises:
        UsageError: It is no SDXL base, or of a size that is neither.
    """
    width = context_width(path)
    if width == CONTEXT_WIDTH:
        return _scheduled(full_size_config_files(), path)
    micro = {name: data for name, data in micro_base_files().items() if _is_config(name)}
    if width == json.loads(micro["unet/config.json"])["cross_attention_dim"]:
        return _scheduled(micro, path)
    raise UsageError(
        f"{path}: its text context is {width} wide, SDXL's is {CONTEXT_WIDTH}",
        remedy="Give its configuration with --base-config: a diffusers folder, weights not needed",
    )


def _scheduled(files: dict[str, bytes], path: Path) -> dict[str, bytes]:
    """Configuration files with the scheduler that a single file is marked to need."""
    said = json.loads(files[SCHEDULER])
    asked = scheduler_for(read_header(path).tensors.keys(), said)
    return files if asked == said else {**files, SCHEDULER: json.dumps(asked, indent=2).encode()}


def _is_trained(version: ArtifactVersion) -> bool:
    return version.format is None and version.base is not None


def _configuration(version: ArtifactVersion) -> dict[str, str]:
    """The configuration of the base that a trained version goes back to: path → digest."""
    base = version
    while base.base is not None and base.format is None:
        base = base.base
    prefix = f"{CONFIG_FOLDER}/" if base.format == BaseFormat.SINGLE_FILE else ""
    return {
        f"{CONFIG_FOLDER}/{file.path.removeprefix(prefix)}": file.blob.sha256
        for file in base.files
        if file.path.startswith(prefix) and _is_config(file.path)
    }


def _reschedule(scheduler: Path, weights: Path) -> None:
    """Put the scheduler that a single file is marked to need in the place of a link to another."""
    said = {SCHEDULER: scheduler.read_bytes()}
    asked = _scheduled(said, weights)
    if asked != said:
        scheduler.unlink()  # what it links to is the store's
        scheduler.write_bytes(asked[SCHEDULER])


def _register_micro(session: Session, store: BlobStore) -> None:
    files = {path: store.put_bytes(data) for path, data in micro_base_files().items()}
    _add(session, store, files, BaseFormat.DIFFUSERS, name=MICRO, project=SHARED)


def _is_config(name: str) -> bool:
    return not name.endswith(".safetensors")


def _stored_folder(store: BlobStore, folder: Path, *, prefix: str) -> dict[str, StoredBlob]:
    """Every file of a diffusers folder; of a configuration folder all but the weights."""
    stored = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        unwanted = _LEFT_OUT & set(relative.parts) or (prefix and not _is_config(path.name))
        if path.is_file() and not unwanted:
            stored[prefix + relative.as_posix()] = store.put_file(path)
    return stored


def _add(
    session: Session,
    store: BlobStore,
    files: dict[str, StoredBlob],
    form: BaseFormat,
    *,
    name: str,
    project: str,
) -> ArtifactVersion:
    artifact = ensure_artifact(session, name, ArtifactKind.CHECKPOINT, project=project)
    version = add_version(session, artifact, NewVersion(files=files, format=form))
    return scan_files(session, store, version)


def _remedy(error: NotFound) -> str:
    hint = error.remedy if error.remedy.endswith("?") else f"{error.remedy}."
    return f"{hint} A diffusers folder or a .safetensors file of SDXL will do too"
