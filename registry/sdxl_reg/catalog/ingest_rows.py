"""The rows of one ingest: pictures become blobs, images, members, tags and captions.

Everything here runs inside a transaction that holds the lock of the image set, and for a whole
batch at a time: a few statements for some dozens of pictures, because one by one they would take
longer than decoding does.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sqlalchemy import and_, delete, insert, or_, select, tuple_
from sqlalchemy.orm import Session, joinedload

from sdxl_reg.catalog.captions import caption_from_tags
from sdxl_reg.catalog.ingest_plan import PlannedPicture
from sdxl_reg.catalog.origins import new_image
from sdxl_reg.catalog.tags import ensure_tag
from sdxl_reg.catalog.twins import prove_twins
from sdxl_reg.formats.clip_tokens import token_count
from sdxl_reg.imaging.examine import PictureFacts
from sdxl_reg.imaging.layout import Layout
from sdxl_reg.imaging.problems import Code, Problem, Stage
from sdxl_reg.store.blobs import BlobStore, StoredBlob
from sdxl_reg.tables import (
    Blob,
    Caption,
    CaptionHead,
    Image,
    ImageSet,
    Member,
    MemberTag,
    Tag,
    now,
)
from sdxl_reg.vocabulary import CaptionSource, MemberState


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A picture that was read, decoded and stored."""

    picture: PlannedPicture
    facts: PictureFacts
    stored: StoredBlob


@dataclass(frozen=True, kw_only=True)
class Known:
    """A picture whose file is as it was when it was last read.

    Attributes:
        picture: Where it lies.
        member_id: Its row.
        is_missing: Whether the row says that its file is gone.
        caption: Its present caption and the source of that; None without one.
    """

    picture: PlannedPicture
    member_id: int
    is_missing: bool
    caption: tuple[str, CaptionSource] | None


@dataclass(frozen=True, kw_only=True)
class _Holder:
    """A member that has a picture already."""

    set_id: int
    set_name: str
    source_path: str
    sha256: str
    tag_path: str


class RowWriter:
    """Writes the pictures of one batch.

    Attributes:
        counts: How many were `new`, `unchanged`, `duplicate`, `moved`.
        warnings: What is worth knowing about them.
    """

    def __init__(
        self,
        session: Session,
        store: BlobStore,
        image_set: ImageSet,
        *,
        layout: Layout,
        is_there: Callable[[str, str], bool],
    ) -> None:
        """A writer for one batch.

        Args:
            session: The transaction, which holds the lock of the set.
            store: Holds the bytes of the pictures.
            image_set: The set.
            layout: What the levels of its folders are called.
            is_there: Whether a picture lies at (folder, source path) now.
        """
        self.counts: Counter[str] = Counter()
        self.warnings: list[Problem] = []
        self._session = session
        self._image_set = image_set
        self._layout = layout
        self._store = store
        self._is_there = is_there

    def write(self, taken: Sequence[Taken], changed: Sequence[Known]) -> None:
        """Record a batch.

        Args:
            taken: Pictures that were read: new members, or what they turn out to be.
            changed: Members with an unchanged file that are to be brought up to date: the file is
                there again, or its caption is another.
        """
        pictures = [item.picture for item in taken]
        self._tags = self._ensured_tags(pictures)
        self._images = self._ensured_images(taken)
        self._members = self._members_at([item.source_path for item in pictures])
        self._leavers = self._members_elsewhere()
        self._holders = self._holders_of(list(self._images.values()))
        self._untagged: list[tuple[Member, PlannedPicture]] = []
        placed = [(self._place(item), item.picture) for item in taken]
        placed += self._restored(changed)
        self._session.flush()
        self._write_tags()
        self._write_captions(placed)

    def _place(self, taken: Taken) -> Member:
        """The member a picture is, made or changed where it has to be."""
        picture, image = taken.picture, self._images[taken.stored.sha256]
        member = self._members.get(picture.source_path)
        if member is not None and member.image_id == image.id:
            self.counts["unchanged"] += 1
        elif member is not None:
            self._count(taken)
            member.image_id = image.id
        elif leavers := self._leavers[image.id]:
            member = leavers.pop(0)
            member.source_path = picture.source_path
            member.folder = picture.source_path.rpartition("/")[0]
            self.counts.update(("unchanged", "moved"))
            self._untagged.append((member, picture))
        else:
            self._count(taken)
            member = Member(
                image_set_id=self._image_set.id,
                image_id=image.id,
                source_path=picture.source_path,
            )
            self._session.add(member)
            self._untagged.append((member, picture))
        _refresh(member, picture)
        self._warn(picture, taken.facts.notes)
        return member

    def _count(self, taken: Taken) -> None:
        """Count a picture as new or duplicate, by the members that have it besides."""
        own = _Holder(
            set_id=self._image_set.id,
            set_name=self._image_set.name,
            source_path=taken.picture.source_path,
            sha256=taken.stored.sha256,
            tag_path=self._tag_path(taken.picture),
        )
        known = self._holders[_pixels(self._images[taken.stored.sha256])]
        others = [
            holder
            for holder in known
            if (holder.set_id, holder.source_path) != (own.set_id, own.source_path)
        ]
        known.append(own)
        self.counts["duplicate" if others else "new"] += 1
        if others:
            self._tell_duplicate(taken.picture, own, others[0])
            self._tell_conflict(taken.picture, own, others)

    def _tell_duplicate(self, picture: PlannedPicture, own: _Holder, first: _Holder) -> None:
        what, code = (
            ("bytes", Code.DUPLICATE)
            if first.sha256 == own.sha256
            else ("pixels", Code.PIXEL_DUPLICATE)
        )
        message = f"It has the {what} of {first.source_path} in {first.set_name}"
        self._warn(picture, ((code, message),))

    def _tell_conflict(
        self, picture: PlannedPicture, own: _Holder, others: Sequence[_Holder]
    ) -> None:
        for other in others:
            if other.set_id == own.set_id and other.tag_path != own.tag_path:
                message = f"{other.source_path} has the same picture with other tags; keep one"
                self._warn(picture, ((Code.LABEL_CONFLICT, message),))
                return

    def _restored(self, changed: Sequence[Known]) -> list[tuple[Member, PlannedPicture]]:
        members = {
            member.id: member
            for member in self._session.scalars(
                select(Member).where(Member.id.in_([known.member_id for known in changed]))
            )
        }
        placed = []
        for known in changed:
            member = members[known.member_id]
            if member.source_path == known.picture.source_path:  # no other process has moved it
                _refresh(member, known.picture)
                placed.append((member, known.picture))
        return placed

    def _write_tags(self) -> None:
        if not self._untagged:
            return
        rows = [
            {
                "member_id": member.id,
                "tag_id": tag.id,
                "image_set_id": self._image_set.id,
                "by_folder": True,
            }
            for member, picture in self._untagged
            if (tag := self._tags[picture.tags]) is not None
        ]
        ids = [member.id for member, _ in self._untagged]
        given = [(row["member_id"], row["tag_id"]) for row in rows]
        # Of what people attached only the very tag goes that the folder now gives.
        again = tuple_(MemberTag.member_id, MemberTag.tag_id).in_(given)
        goes = MemberTag.by_folder.is_(True) | again
        self._session.execute(delete(MemberTag).where(MemberTag.member_id.in_(ids), goes))
        if rows:
            self._session.execute(insert(MemberTag), rows)

    def _write_captions(self, placed: Sequence[tuple[Member, PlannedPicture]]) -> None:
        """Append a caption wherever the file asks for another one than there is."""
        heads = self._heads([member.id for member, _ in placed])
        changes: list[tuple[CaptionHead | None, Caption]] = []
        for member, picture in placed:
            wanted = self._wanted_caption(picture)
            head = heads.get(member.id)
            present = (head.caption.text, head.caption.source) if head else None
            if replaces(present, wanted):
                caption = Caption(
                    member_id=member.id,
                    text=wanted[0],
                    source=wanted[1],
                    parent_id=head.caption_id if head else None,
                    tokens=token_count(wanted[0]),
                )
                changes.append((head, caption))
        self._session.add_all([caption for _, caption in changes])
        self._session.flush()
        for head, caption in changes:
            if head is None:
                self._session.add(CaptionHead(member_id=caption.member_id, caption=caption))
            else:
                head.caption = caption
        self._session.flush()

    def _wanted_caption(self, picture: PlannedPicture) -> tuple[str, CaptionSource]:
        return wanted_caption(
            picture, self._layout, self._image_set.caption_template, self._image_set.name
        )

    def _heads(self, member_ids: Sequence[int]) -> Mapping[int, CaptionHead]:
        query = (
            select(CaptionHead)
            .options(joinedload(CaptionHead.caption))
            .where(CaptionHead.member_id.in_(member_ids))
        )
        return {head.member_id: head for head in self._session.scalars(query)}

    def _ensured_tags(
        self, pictures: Sequence[PlannedPicture]
    ) -> Mapping[tuple[str, ...], Tag | None]:
        tags = {}
        for names in sorted({picture.tags for picture in pictures}):
            levels = [self._layout.level(depth) for depth in range(len(names))]
            tags[names] = ensure_tag(self._session, names, levels)
        return tags

    def _ensured_images(self, taken: Sequence[Taken]) -> Mapping[str, Image]:
        """Blob and image of every picture by digest; made where missing, in order of digest.

        One order for all, so that two processes cannot wait for each other.
        """
        by_digest = {item.stored.sha256: item for item in taken}
        query = select(Blob).where(Blob.sha256.in_(by_digest))
        blobs = {blob.sha256: blob for blob in self._session.scalars(query)}
        for digest in sorted(by_digest.keys() - blobs.keys()):
            size = by_digest[digest].stored.size_bytes
            blobs[digest] = Blob(sha256=digest, size_bytes=size)
            self._session.add(blobs[digest])
        self._session.flush()
        digests = {blob.id: digest for digest, blob in blobs.items()}
        query_images = select(Image).where(Image.blob_id.in_(digests))
        images = {digests[i.blob_id]: i for i in self._session.scalars(query_images)}
        new: dict[Image, tuple[int, ...]] = {}
        for digest in sorted(by_digest.keys() - images.keys()):
            images[digest] = new_image(blobs[digest], by_digest[digest].facts)
            new[images[digest]] = by_digest[digest].facts.hashes
        self._session.add_all(new)
        self._session.flush()
        prove_twins(self._session, self._store, new)
        return images

    def _members_at(self, source_paths: Sequence[str]) -> Mapping[str, Member]:
        query = select(Member).where(
            Member.image_set_id == self._image_set.id, Member.source_path.in_(source_paths)
        )
        return {member.source_path: member for member in self._session.scalars(query)}

    def _members_elsewhere(self) -> Mapping[int, list[Member]]:
        """Members of the set, by image, whose own file is not there any more."""
        leavers: dict[int, list[Member]] = defaultdict(list)
        query = select(Member).where(
            Member.image_set_id == self._image_set.id,
            Member.image_id.in_([image.id for image in self._images.values()]),
        )
        for member in self._session.scalars(query.order_by(Member.id)):
            if not self._is_there(member.folder, member.source_path):
                leavers[member.image_id].append(member)
        return leavers

    def _holders_of(self, images: Sequence[Image]) -> Mapping[str, list[_Holder]]:
        """Members that have these pictures already, or others of the same pixels."""
        holders: dict[str, list[_Holder]] = defaultdict(list)
        pixels = {image.pixel_sha256 for image in images if image.pixel_sha256 is not None}
        same = or_(
            Image.id.in_([image.id for image in images]), Image.pixel_sha256.in_(sorted(pixels))
        )
        query = (
            select(Image, ImageSet.id, ImageSet.name, Member.source_path, Blob.sha256, Tag.path)
            .join(Member, Member.image_id == Image.id)
            .join(ImageSet, ImageSet.id == Member.image_set_id)
            .join(Blob, Blob.id == Image.blob_id)
            .outerjoin(
                MemberTag, and_(MemberTag.member_id == Member.id, MemberTag.by_folder.is_(True))
            )
            .outerjoin(Tag, Tag.id == MemberTag.tag_id)
            .where(same)
            .order_by(Member.id)
        )
        for image, set_id, set_name, path, digest, tag_path in self._session.execute(query):
            holders[_pixels(image)].append(
                _Holder(
                    set_id=set_id,
                    set_name=set_name,
                    source_path=path,
                    sha256=digest,
                    tag_path=tag_path or "",
                )
            )
        return holders

    def _tag_path(self, picture: PlannedPicture) -> str:
        tag = self._tags[picture.tags]
        return tag.path if tag else ""

    def _warn(self, picture: PlannedPicture, notes: tuple[tuple[Code, str], ...]) -> None:
        for code, message in notes:
            self.warnings.append(
                Problem(path=picture.file.name, stage=Stage.RECORD, code=code, message=message)
            )


def _pixels(image: Image) -> str:
    """What tells a picture from others: its pixels where a twin is likely, else itself."""
    return image.pixel_sha256 or f"image {image.id}"


def _refresh(member: Member, picture: PlannedPicture) -> None:
    member.source_size = picture.file.size_bytes
    member.source_mtime_ns = picture.file.mtime_ns
    member.source_inode = picture.file.inode
    member.state = MemberState.PRESENT
    member.seen_at = now()


def wanted_caption(
    picture: PlannedPicture, layout: Layout, template: str, image_set: str
) -> tuple[str, CaptionSource]:
    """The caption a file asks for: that beside it, else that of its tags."""
    if picture.caption:
        return picture.caption, CaptionSource.SIDECAR
    tags = {layout.level(depth): name for depth, name in enumerate(picture.tags)}
    name = PurePosixPath(picture.source_path).stem
    text = caption_from_tags(template, tags=tags, image_set=image_set, name=name)
    return text, CaptionSource.TAGS


def replaces(present: tuple[str, CaptionSource] | None, wanted: tuple[str, CaptionSource]) -> bool:
    """Whether an ingest gives a member another caption: never over that of a person or model."""
    if present is None:
        return bool(wanted[0])
    return present != wanted and present[1] in (CaptionSource.SIDECAR, CaptionSource.TAGS)
