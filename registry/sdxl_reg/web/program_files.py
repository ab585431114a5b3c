"""A version in the form in which another program takes it, made when it is asked for."""

import shutil
import tempfile
import threading
import zipfile
from pathlib import Path

from fastapi.responses import FileResponse
from sqlalchemy.orm import Session
from starlette.background import BackgroundTask

from sdxl_reg.catalog.artifacts import find_version, version_ref
from sdxl_reg.catalog.exports import export_for
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.vocabulary import Program
from sdxl_reg.web.files import INERT, disposition

_AT_ONCE = threading.BoundedSemaphore(2)
"""A conversion of a full-size checkpoint takes a process, gigabytes and a minute."""


def program_response(
    session: Session, store: BlobStore, reference: str, program: Program, *, is_packed: bool
) -> FileResponse:
    """What `sdxl-reg artifact export --for` writes, as one file that a browser saves.

    Args:
        session: The transaction.
        store: Holds the bytes.
        reference: `weipin-lora@best`.
        program: Whose form it is.
        is_packed: Whether one file is to be packed too, below the folders of the program.

    Returns:
        The file itself where there is one; else a zip that is unpacked in the program's folder. It
        is removed here once it is sent.

    Raises:
        NotFound: No such version, or a blob is missing.
        WorkFailed: A conversion did not succeed.
    """
    ref = version_ref(find_version(session, reference))
    folder = Path(tempfile.mkdtemp(prefix="sdxl-reg-export-"))
    try:
        with _AT_ONCE:
            export_for(session, store, reference, program, folder / "files")
            name = f"{ref.replace('@', '-')}-{program}.zip"
            path = _one(folder / "files", folder / name, is_packed=is_packed)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        path,
        media_type="application/zip" if path.suffix == ".zip" else "application/octet-stream",
        headers={
            "Content-Disposition": disposition(path.name, is_shown=False),
            "Content-Security-Policy": INERT,
            "Cache-Control": "no-store",
        },
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


def _one(folder: Path, archive: Path, *, is_packed: bool) -> Path:
    """The only file below a folder, or a zip of all of them, weights as they are."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(files) == 1 and not is_packed:
        return files[0]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as made:
        for path in files:
            made.write(path, path.relative_to(folder))
            path.unlink()  # there is never more than one file of it twice
    return archive
