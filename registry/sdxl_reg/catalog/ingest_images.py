"""The blobs and images of one batch of an ingest: looked up, and made where they are missing.

Many rows go into one statement. For that the database must be free to give them numbers in any
order, so each new row comes back with something that tells it from the others.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, insert, or_, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.ingest_plan import PlannedPicture
from sdxl_reg.catalog.origins import picture_columns
from sdxl_reg.catalog.twins import prove_twins
from sdxl_reg.imaging.examine import PictureFacts
from sdxl_reg.store.blobs import BlobStore, StoredBlob
from sdxl_reg.tables import Blob, Image, ImageSet, Member, MemberTag, Tag


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A picture that was read, decoded and stored."""

    picture: PlannedPicture
    facts: PictureFacts
    stored: StoredBlob


@dataclass(frozen=True, kw_only=True)
class RecordedImage:
    """An image as a batch needs it.

    Attributes:
        id: Its row.
        pixels: What tells it from others: its pixels where a twin is likely, else itself.
        is_new: Whether this batch has made it.
    """

    id: int
    pixels: str
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A member that has a picture already."""

    set_id: int
    set_name: str
    source_path: str
    sha256: str
    tag_path: str


def ensured_images(
    session: Session, store: BlobStore, taken: Sequence[Taken]
) -> Mapping[str, RecordedImage]:
    """The image of every picture, by the digest of its bytes.

    Rows are made in order of digest, so that two processes cannot wait for each other. An image is
    one for all projects: here the rows of those count too that who asks does not see.

    Args:
        session: The transaction.
        store: Holds the pictures.
        taken: The pictures; the same bytes may come more than once.
    """
    with shown_to(None):
        return _ensured(session, store, taken)


def _ensured(
    session: Session, store: BlobStore, taken: Sequence[Taken]
) -> Mapping[str, RecordedImage]:
    by_digest = {item.stored.sha256: item for item in sorted(taken, key=lambda t: t.stored.sha256)}
    blobs = _ensured_blobs(session, by_digest)
    query = select(Image.blob_id, Image.id, Image.pixel_sha256).where(
        Image.blob_id.in_(blobs.values())
    )
    known = {blob: (number, pixels) for blob, number, pixels in session.execute(query)}
    rows = [
        {"blob_id": blobs[digest], **picture_columns(item.facts)}
        for digest, item in by_digest.items()
        if blobs[digest] not in known
    ]
    new: dict[int, int] = {}
    if rows:
        made = session.execute(insert(Image).returning(Image.blob_id, Image.id), rows)
        new = dict(made.all())
    hashes = {
        new[blob]: by_digest[digest].facts.hashes for digest, blob in blobs.items() if blob in new
    }
    proven = prove_twins(session, store, hashes)
    images = {}
    for digest, blob in blobs.items():
        number, pixels = known.get(blob) or (new[blob], None)
        images[digest] = RecordedImage(
            id=number,
            pixels=proven.get(number) or pixels or _by_itself(number),
            is_new=blob in new,
        )
    return images


def holders_of(session: Session, images: Sequence[RecordedImage]) -> Mapping[str, list[Holder]]:
    """Members that have some images already, or others of the same pixels, by those.

    Args:
        session: The transaction.
        images: The images.
    """
    holders: dict[str, list[Holder]] = defaultdict(list)
    held = [image.id for image in images if not image.is_new]
    twins = {image.pixels for image in images if image.pixels != _by_itself(image.id)}
    if not held and not twins:
        return holders
    query = (
        select(
            Member.image_id,
            Image.pixel_sha256,
            ImageSet.id,
            ImageSet.name,
            Member.source_path,
            Blob.sha256,
            Tag.path,
        )
        .join(Image, Image.id == Member.image_id)
        .join(ImageSet, ImageSet.id == Member.image_set_id)
        .join(Blob, Blob.id == Image.blob_id)
        .outerjoin(MemberTag, and_(MemberTag.member_id == Member.id, MemberTag.by_folder.is_(True)))
        .outerjoin(Tag, Tag.id == MemberTag.tag_id)
        .where(or_(Image.id.in_(held), Image.pixel_sha256.in_(sorted(twins))))
        .order_by(Member.id)
    )
    for image, pixels, set_id, set_name, path, digest, tag_path in session.execute(query):
        holders[pixels or _by_itself(image)].append(
            Holder(
                set_id=set_id,
                set_name=set_name,
                source_path=path,
                sha256=digest,
                tag_path=tag_path or "",
            )
        )
    return holders


def _by_itself(image_id: int) -> str:
    """What stands for the pixels of an image that nobody has compared with another."""
    return f"image {image_id}"


def _ensured_blobs(session: Session, by_digest: Mapping[str, Taken]) -> Mapping[str, int]:
    found = select(Blob.sha256, Blob.id).where(Blob.sha256.in_(by_digest))
    blobs = dict(session.execute(found).all())
    rows = [
        {"sha256": digest, "size_bytes": item.stored.size_bytes}
        for digest, item in by_digest.items()
        if digest not in blobs
    ]
    if rows:
        made = session.execute(insert(Blob).returning(Blob.sha256, Blob.id), rows)
        blobs |= dict(made.all())
    return blobs
