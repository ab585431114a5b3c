"""Pictures as a CLIP sees them: looked at once, then searched by words or by likeness, exactly.

Vectors are kept by the bytes of the network's files, so that another copy of the same weights finds
them again, and other weights do not mix with them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.selection import selects
from sdxl_reg.catalog.stored_pictures import files_of
from sdxl_reg.errors import Conflict, InvalidValue, WorkFailed
from sdxl_reg.evaluation.networks.names import CLIP, family_and_source, identity
from sdxl_reg.jobs.looking import Seen, look
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Blob, Image, ImageEmbedding, ImageSet, Member
from sdxl_reg.vocabulary import MemberState

Advance = Callable[[int, int, str], None]
_KEPT_TOGETHER = 256
"""Vectors written in one transaction: what a kill can cost."""


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """What looking at a set came to.

    Attributes:
        network: What scores and rows call the network.
        looked_at: Pictures that it looked at now.
        known: Pictures that it had looked at before.
        faults: Picture → why it could not be looked at.
    """

    network: str
    looked_at: int
    known: int
    faults: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A picture that was found.

    Attributes:
        image_id: Its row.
        sha256: Of its bytes.
        source_path: Where it is in the set; the first of its places.
        cosine: How much it is alike, −1…1.
    """

    image_id: int
    sha256: str
    source_path: str
    cosine: float


def network_name(weights: str) -> str:
    """The CLIP that a user means, by a path, a name of the hub, or `clip:` before either.

    Raises:
        InvalidValue: It is of another family.
    """
    name = weights if weights.startswith(f"{CLIP}:") else f"{CLIP}:{weights}"
    if weights.startswith("dinov2:") or family_and_source(name)[0] != CLIP:
        raise InvalidValue("this network reads no words", weights, remedy="Give a CLIP")
    return name


def embed(
    engine: Engine,
    store: BlobStore,
    image_set: str,
    *,
    weights: str,
    batch_size: int = 16,
    device: str = "",
    progress: Advance = lambda done, total, what: None,
) -> Embedded:
    """Have a CLIP look at every present picture of a set that it has not looked at yet.

    What it has looked at is kept a few hundred pictures at a time: after a kill, the same call goes
    on from there.

    Args:
        engine: The database.
        store: Holds the pictures.
        image_set: Name of the set.
        weights: As `network_name` takes it.
        batch_size: Pictures looked at together.
        device: `cpu` or `cuda`; empty takes a GPU where there is one.
        progress: Is told done, total and what.

    Raises:
        InvalidValue: No such network.
        NotFound: No such set, or the network is not on this machine.
        Corrupt: The network's files cannot be read.
        WorkFailed: The process that looks ended without a word.
    """
    network = network_name(weights)
    row_name = identity(network)
    with reading(engine) as session:
        found = find_image_set(session, image_set)
        missing, known = _missing(session, found, row_name)
    paths, faults = files_of(store, missing.values())
    pictures = [(str(row), paths[sha256]) for row, sha256 in missing.items() if sha256 in paths]
    waiting: list[Seen] = []
    done = 0
    looking = look(network, pictures=pictures, batch_size=batch_size, device=device)
    for seen in looking if pictures else ():
        done += 1
        progress(done, len(pictures), "look")
        if seen.fault:
            faults[missing[int(seen.key)]] = seen.fault
            continue
        waiting.append(seen)
        if len(waiting) >= _KEPT_TOGETHER:
            _keep(engine, row_name, waiting)
            waiting = []
    _keep(engine, row_name, waiting)
    return Embedded(
        network=row_name, looked_at=len(missing) - len(faults), known=known, faults=faults
    )


def text_vector(weights: str, text: str) -> NDArray[np.float32]:
    """A text as a CLIP sees it; (D,), unit length.

    Args:
        weights: As `network_name` takes it.
        text: What to look for.

    Raises:
        NotFound: The network is not on this machine.
        WorkFailed: The process that reads it ended without a word.
    """
    return _only(look(network_name(weights), texts=[text]))


def picture_vector(weights: str, path: Path) -> NDArray[np.float32]:
    """A picture file as a CLIP sees it; (D,), unit length.

    Args:
        weights: As `network_name` takes it.
        path: The file.

    Raises:
        InvalidValue: It is no picture.
        NotFound: The network is not on this machine.
        WorkFailed: The process that looks at it ended without a word.
    """
    return _only(look(network_name(weights), pictures=[(str(path), path)]))


def image_vector(session: Session, image: Image, *, weights: str) -> NDArray[np.float32] | None:
    """A recorded picture as a CLIP saw it; None where it has not looked at it yet."""
    row = session.get(ImageEmbedding, (image.id, identity(network_name(weights))))
    return _read(row.vector) if row is not None else None


def search(
    session: Session,
    image_set: ImageSet,
    vector: NDArray[np.float32],
    *,
    weights: str,
    select: str = "",
    limit: int = 20,
) -> list[Hit]:
    """The pictures of a set that are most alike, the likest first: compared with every one.

    Args:
        session: The transaction.
        image_set: The set.
        vector: Of a text or a picture, from the same network.
        weights: As `network_name` takes it.
        select: Only members that this selector selects.
        limit: How many at most.

    Raises:
        Conflict: The network has not looked at the set yet.
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a level that the set does not have.
    """
    ids, matrix = _matrix(session, image_set, identity(network_name(weights)), select)
    if not ids:
        raise Conflict(
            f"this network has not looked at a picture of {image_set.name!r} that is meant",
            remedy=f"Run: sdxl-reg embed {image_set.name} --weights {weights}",
        )
    cosines = _cosines(matrix, vector)
    best = np.argsort(-cosines, kind="stable")[:limit]
    places = _places(session, image_set, [ids[at] for at in best])
    return [
        Hit(
            image_id=ids[at],
            sha256=places[ids[at]][0],
            source_path=places[ids[at]][1],
            cosine=float(cosines[at]),
        )
        for at in best
    ]


def _missing(session: Session, image_set: ImageSet, network: str) -> tuple[dict[int, str], int]:
    """Images that were not looked at, with the digest of their bytes, and how many were."""
    query = (
        select(Image.id, Blob.sha256, ImageEmbedding.image_id)
        .join(Blob, Blob.id == Image.blob_id)
        .join(Member, Member.image_id == Image.id)
        .outerjoin(
            ImageEmbedding,
            (ImageEmbedding.image_id == Image.id) & (ImageEmbedding.network == network),
        )
        .where(Member.image_set_id == image_set.id, Member.state == MemberState.PRESENT)
        .distinct()
        .order_by(Image.id)
    )
    rows = session.execute(query).all()
    missing = {image: sha256 for image, sha256, seen in rows if seen is None}
    return missing, len(rows) - len(missing)


def _keep(engine: Engine, network: str, seen: list[Seen]) -> None:
    if not seen:
        return
    rows = [{"image_id": int(one.key), "network": network, "vector": one.vector} for one in seen]
    ids = [row["image_id"] for row in rows]
    with transaction(engine) as session:  # another process may have looked at the same
        session.execute(
            delete(ImageEmbedding).where(
                ImageEmbedding.network == network, ImageEmbedding.image_id.in_(ids)
            )
        )
        session.execute(insert(ImageEmbedding), rows)


def _matrix(
    session: Session, image_set: ImageSet, network: str, selector: str
) -> tuple[list[int], NDArray[np.float16]]:
    members = select(Member.image_id).where(
        Member.image_set_id == image_set.id,
        Member.state == MemberState.PRESENT,
        selects(session, image_set, selector),
    )
    query = (
        select(ImageEmbedding.image_id, ImageEmbedding.vector)
        .where(ImageEmbedding.network == network, ImageEmbedding.image_id.in_(members))
        .order_by(ImageEmbedding.image_id)
    )
    ids: list[int] = []
    data = bytearray()
    for image, vector in session.execute(query.execution_options(yield_per=10_000)):
        ids.append(image)
        data += vector
    matrix = np.frombuffer(bytes(data), dtype="<f2")
    return ids, matrix.reshape(len(ids), -1) if ids else matrix.reshape(0, 0)


def _cosines(matrix: NDArray[np.float16], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """A block at a time: in float32 the whole matrix would take twice its memory again."""
    blocks = np.array_split(matrix, max(1, len(matrix) // 65_536))
    found: NDArray[np.float32] = np.concatenate(
        [block.astype(np.float32) @ vector for block in blocks]
    )
    return found


def _places(session: Session, image_set: ImageSet, ids: list[int]) -> dict[int, tuple[str, str]]:
    query = (
        select(Member.image_id, Blob.sha256, Member.source_path)
        .join(Image, Image.id == Member.image_id)
        .join(Blob, Blob.id == Image.blob_id)
        .where(
            Member.image_set_id == image_set.id,
            Member.state == MemberState.PRESENT,
            Member.image_id.in_(ids),
        )
        .order_by(Member.source_path.desc())
    )
    return {image: (sha256, path) for image, sha256, path in session.execute(query)}


def _only(seen: Iterator[Seen]) -> NDArray[np.float32]:
    found = list(seen)
    if len(found) != 1:
        raise WorkFailed("the process that looks at pictures gave no answer")
    if found[0].fault:
        raise InvalidValue("this is no picture", found[0].key, remedy=found[0].fault)
    return _read(found[0].vector)


def _read(vector: bytes) -> NDArray[np.float32]:
    return np.frombuffer(vector, dtype="<f2").astype(np.float32)
