"""The rows of one ingest: a picture becomes blob, image, member, tag and caption.

Everything here runs inside a transaction that holds the lock of the image set.
"""

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.blobs import recorded
from sdxl_reg.catalog.captions import add_caption, caption_from_tags
from sdxl_reg.catalog.ingest_plan import PlannedPicture
from sdxl_reg.catalog.tags import ensure_tag
from sdxl_reg.imaging.decode import PictureFacts
from sdxl_reg.imaging.layout import Layout
from sdxl_reg.imaging.problems import Code, Problem, Stage
from sdxl_reg.store.blobs import StoredBlob
from sdxl_reg.tables import CaptionHead, Image, ImageSet, Member, MemberTag, Tag, now
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


class RowWriter:
    """Writes the pictures of one batch.

    Attributes:
        counts: How many were `new`, `unchanged`, `duplicate`, `moved` so far.
        warnings: What is worth knowing about them.
    """

    def __init__(
        self, session: Session, image_set: ImageSet, *, layout: Layout, paths: AbstractSet[str]
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.warnings: list[Problem] = []
        self._session = session
        self._image_set = image_set
        self._layout = layout
        self._paths = paths
        self._tags: dict[tuple[str, ...], Tag | None] = {}

    def take(self, taken: Taken) -> None:
        """Record a picture that was read: as a new member, or as what it turns out to be."""
        image = self._image(taken)
        member = self._member_at(taken.picture.source_path)
        if member is not None and member.image_id == image.id:
            self.counts["unchanged"] += 1
        elif member is not None:
            self._count(taken, image)
            member.image_id = image.id
        elif moved := self._moved(image):
            member = moved
            member.source_path = taken.picture.source_path
            self.counts.update(("unchanged", "moved"))
            self._tag(member, taken.picture)
        else:
            self._count(taken, image)
            member = self._new_member(taken.picture, image)
            self._tag(member, taken.picture)
        self._refresh(member, taken.picture)
        self._caption(member, taken.picture)
        self._warn(taken.picture, taken.facts.notes)

    def restore(self, known: Known) -> None:
        """Bring a member with an unchanged file up to date: it is there, its caption is so."""
        member = self._session.get_one(Member, known.member_id)
        if member.source_path == known.picture.source_path:
            self._refresh(member, known.picture)
            self._caption(member, known.picture)

    def _image(self, taken: Taken) -> Image:
        blob = recorded(self._session, taken.stored)
        image = self._session.scalar(select(Image).where(Image.blob_id == blob.id))
        if image is None:
            facts = taken.facts
            image = Image(
                blob_id=blob.id,
                width=facts.width,
                height=facts.height,
                format=facts.format,
                phash=facts.phash,
                pixel_sha256=facts.pixel_sha256,
            )
            self._session.add(image)
            self._session.flush()
        return image

    def _count(self, taken: Taken, image: Image) -> None:
        """Count a picture at a path as new or duplicate, by the members there are besides."""
        others = self._session.execute(
            select(Member.source_path, Member.image_id, ImageSet.id, ImageSet.name, Tag.path)
            .join(Image, Image.id == Member.image_id)
            .join(ImageSet, ImageSet.id == Member.image_set_id)
            .outerjoin(MemberTag, MemberTag.member_id == Member.id)
            .outerjoin(Tag, Tag.id == MemberTag.tag_id)
            .where(Image.pixel_sha256 == image.pixel_sha256)
            .order_by(Member.id)
        )
        first = None
        labels = {}
        for path, image_id, set_id, set_name, tag_path in others:
            if (set_id, path) == (self._image_set.id, taken.picture.source_path):
                continue
            first = first or (path, image_id, set_name)
            if set_id == self._image_set.id:
                labels[tag_path or ""] = path
        self.counts["duplicate" if first else "new"] += 1
        if first:
            self._tell_duplicate(taken.picture, first, is_same_bytes=first[1] == image.id)
            self._tell_conflict(taken.picture, labels)

    def _tell_duplicate(
        self, picture: PlannedPicture, first: tuple[str, int, str], *, is_same_bytes: bool
    ) -> None:
        what, code = (
            ("bytes", Code.DUPLICATE) if is_same_bytes else ("pixels", Code.PIXEL_DUPLICATE)
        )
        self._warn(picture, ((code, f"It has the {what} of {first[0]} in {first[2]}"),))

    def _tell_conflict(self, picture: PlannedPicture, labels: dict[str, str]) -> None:
        own = self._tag_of(picture)
        others = [path for label, path in labels.items() if label != (own.path if own else "")]
        if others:
            message = f"The same picture has other tags as {others[0]}; keep one of the two"
            self._warn(picture, ((Code.LABEL_CONFLICT, message),))

    def _member_at(self, source_path: str) -> Member | None:
        return self._session.scalar(
            select(Member).where(
                Member.image_set_id == self._image_set.id, Member.source_path == source_path
            )
        )

    def _moved(self, image: Image) -> Member | None:
        """A member with this picture whose own file is not there any more."""
        for member in self._session.scalars(
            select(Member)
            .where(Member.image_set_id == self._image_set.id, Member.image_id == image.id)
            .order_by(Member.id)
        ):
            if member.source_path not in self._paths:
                return member
        return None

    def _new_member(self, picture: PlannedPicture, image: Image) -> Member:
        member = Member(
            image_set_id=self._image_set.id,
            image_id=image.id,
            source_path=picture.source_path,
            source_size=picture.file.size_bytes,
            source_mtime_ns=picture.file.mtime_ns,
            seen_at=now(),
        )
        self._session.add(member)
        self._session.flush()
        return member

    def _refresh(self, member: Member, picture: PlannedPicture) -> None:
        member.source_size = picture.file.size_bytes
        member.source_mtime_ns = picture.file.mtime_ns
        member.state = MemberState.PRESENT
        member.seen_at = now()

    def _tag_of(self, picture: PlannedPicture) -> Tag | None:
        if picture.tags not in self._tags:
            levels = [self._layout.level(depth) for depth in range(len(picture.tags))]
            self._tags[picture.tags] = ensure_tag(self._session, picture.tags, levels)
        return self._tags[picture.tags]

    def _tag(self, member: Member, picture: PlannedPicture) -> None:
        self._session.execute(delete(MemberTag).where(MemberTag.member_id == member.id))
        if tag := self._tag_of(picture):
            self._session.add(MemberTag(member_id=member.id, tag_id=tag.id))

    def _caption(self, member: Member, picture: PlannedPicture) -> None:
        text, source = wanted_caption(
            picture, self._layout, self._image_set.caption_template, self._image_set.name
        )
        head = self._session.get(CaptionHead, member.id)
        present = (head.caption.text, head.caption.source) if head else None
        if replaces(present, (text, source)):
            add_caption(self._session, member.id, text, source=source)

    def _warn(self, picture: PlannedPicture, notes: tuple[tuple[Code, str], ...]) -> None:
        for code, message in notes:
            self.warnings.append(
                Problem(path=picture.file.name, stage=Stage.RECORD, code=code, message=message)
            )


def wanted_caption(
    picture: PlannedPicture, layout: Layout, template: str, image_set: str
) -> tuple[str, CaptionSource]:
    """The caption a file asks for: that beside it, else that of its tags."""
    if picture.caption:
        return picture.caption, CaptionSource.SIDECAR
    tags = {layout.level(depth): name for depth, name in enumerate(picture.tags)}
    return caption_from_tags(template, tags=tags, image_set=image_set), CaptionSource.TAGS


def replaces(present: tuple[str, CaptionSource] | None, wanted: tuple[str, CaptionSource]) -> bool:
    """Whether an ingest gives a member another caption: never over that of a person or model."""
    if present is None:
        return bool(wanted[0])
    return present != wanted and present[1] in (CaptionSource.SIDECAR, CaptionSource.TAGS)
