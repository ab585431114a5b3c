"""Judging pictures that an older release recorded without a preview: once, from their own bytes."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import joinedload

from sdxl_reg.catalog.origins import judgement
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.twins import prove_twins
from sdxl_reg.errors import Corrupt, NotFound
from sdxl_reg.imaging.decode import ANY_SIZE
from sdxl_reg.imaging.examine import PictureFacts, examine
from sdxl_reg.imaging.problems import Code, Problem, Stage, Unreadable
from sdxl_reg.imaging.thumbnails import PREVIEW_SIDE, encoded, keep, thumbnail_path
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Image, Member

_BATCH = 64


def keep_thumbnail(folder: Path | None, sha256: str, facts: PictureFacts) -> None:
    """Write the small picture of a picture that was just judged.

    Args:
        folder: Of the thumbnails; none where there are none.
        sha256: Of the picture's bytes.
        facts: What was found.
    """
    if folder is not None:
        keep(encoded(facts.preview), thumbnail_path(folder, sha256, PREVIEW_SIDE))


def derive_pending(
    engine: Engine,
    store: BlobStore,
    image_set_id: int,
    *,
    thumbnails: Path | None,
    pool: Executor,
    progress: Callable[[int, int, str], None],
) -> list[Problem]:
    """Judge the pictures of a set that were not yet; goes on where it was stopped.

    Args:
        engine: The database.
        store: Holds the pictures.
        image_set_id: The set.
        thumbnails: As `keep_thumbnail` takes it.
        pool: Does the decoding.
        progress: Told (done, total, what).

    Returns:
        Pictures that the store cannot give any more.
    """
    pending = (
        select(Image.id)
        .join(Member, Member.image_id == Image.id)
        .where(Member.image_set_id == image_set_id, Image.preview_sha256.is_(None))
        .distinct()
    )
    with reading(engine) as session:
        ids = session.scalars(pending.order_by(Image.id)).all()
    problems: list[Problem] = []
    done = 0
    for some in portions(ids, _BATCH):
        with transaction(engine) as session:
            query = select(Image).options(joinedload(Image.blob)).where(Image.id.in_(some))
            images = session.scalars(query.order_by(Image.id)).all()
            digests = [image.blob.sha256 for image in images]
            found = list(pool.map(lambda digest: _judged(store, thumbnails, digest), digests))
            judged = dict(zip(images, found, strict=True))
            problems += _written(judged)
            session.flush()
            hashes = {i.id: f.hashes for i, f in judged.items() if isinstance(f, PictureFacts)}
            prove_twins(session, store, hashes)
        done += len(some)
        progress(done, len(ids), "judging pictures")
    return problems


def _judged(store: BlobStore, thumbnails: Path | None, sha256: str) -> PictureFacts | Problem:
    try:
        facts = examine(store.read(sha256), ANY_SIZE)
    except Unreadable as fault:
        return fault.at(sha256)
    except (NotFound, Corrupt) as error:
        return Problem(path=sha256, stage=Stage.READ, code=Code.UNREADABLE, message=str(error))
    keep_thumbnail(thumbnails, sha256, facts)
    return facts


def _written(judged: Mapping[Image, PictureFacts | Problem]) -> Iterator[Problem]:
    for image, facts in judged.items():
        if isinstance(facts, Problem):
            yield facts
        else:
            for column, value in judgement(facts).items():
                setattr(image, column, value)
