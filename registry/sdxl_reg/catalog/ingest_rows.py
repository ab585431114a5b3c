"""The rows of one ingest: pictures become blobs, images, members, tags and captions.

Everything here runs inside a transaction that holds the lock of the image set, and for a whole
batch at a time: a few statements for some dozens of pictures, because one by one they would take
longer than decoding does.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import Row, delete, insert, select, tuple_, update
from sqlalchemy.orm import Session

from sdxl_reg.catalog.captions import caption_from_tags
from sdxl_reg.catalog.ingest_images import Holder, Taken, ensured_images, holders_of
from sdxl_reg.catalog.ingest_plan import PlannedPicture
from sdxl_reg.catalog.tags import ensure_tag
from sdxl_reg.formats.clip_tokens import token_count
from sdxl_reg.imaging.layout import Layout
from sdxl_reg.imaging.problems import Code, Problem, Stage
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import (
    Caption,
    CaptionHead,
    ImageSet,
    Member,
    MemberTag,
    Tag,
    now,
)
from sdxl_reg.vocabulary import CaptionSource, MemberState


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
        self._images = ensured_images(self._session, self._store, taken)
        self._members = self._members_at([item.source_path for item in pictures])
        self._leavers = self._members_elsewhere()
        self._holders = holders_of(self._session, list(self._images.values()))
        self._new: list[dict[str, Any]] = []
        self._moved: list[tuple[int, PlannedPicture]] = []
        known = [(member.id, item.picture) for item in taken if (member := self._place(item))]
        known += self._restored(changed)
        self._session.flush()
        new = self._insert_members({picture.source_path: picture for picture in pictures})
        self._write_tags(new)
        self._write_captions(known, new)

    def _place(self, taken: Taken) -> Member | None:
        """The member a picture is, changed where it has to be; None where a new one will be."""
        picture, image = taken.picture, self._images[taken.stored.sha256]
        self._warn(picture, taken.facts.notes)
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
            self._moved.append((member.id, picture))
        else:
            self._count(taken)
            self._new.append(
                {
                    "image_set_id": self._image_set.id,
                    "image_id": image.id,
                    "source_path": picture.source_path,
                    **_as_seen(picture),
                }
            )
            return None
        _refresh(member, picture)
        return member

    def _count(self, taken: Taken) -> None:
        """Count a picture as new or duplicate, by the members that have it besides."""
        own = Holder(
            set_id=self._image_set.id,
            set_name=self._image_set.name,
            source_path=taken.picture.source_path,
            sha256=taken.stored.sha256,
            tag_path=self._tag_path(taken.picture),
        )
        known = self._holders[self._images[taken.stored.sha256].pixels]
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

    def _tell_duplicate(self, picture: PlannedPicture, own: Holder, first: Holder) -> None:
        what, code = (
            ("bytes", Code.DUPLICATE)
            if first.sha256 == own.sha256
            else ("pixels", Code.PIXEL_DUPLICATE)
        )
        message = f"It has the {what} of {first.source_path} in {first.set_name}"
        self._warn(picture, ((code, message),))

    def _tell_conflict(
        self, picture: PlannedPicture, own: Holder, others: Sequence[Holder]
    ) -> None:
        for other in others:
            if other.set_id == own.set_id and other.tag_path != own.tag_path:
                message = f"{other.source_path} has the same picture with other tags; keep one"
                self._warn(picture, ((Code.LABEL_CONFLICT, message),))
                return

    def _restored(self, changed: Sequence[Known]) -> list[tuple[int, PlannedPicture]]:
        if not changed:
            return []
        query = select(Member).where(Member.id.in_([known.member_id for known in changed]))
        members = {member.id: member for member in self._session.scalars(query)}
        placed = []
        for known in changed:
            member = members[known.member_id]
            if member.source_path == known.picture.source_path:  # no other process has moved it
                _refresh(member, known.picture)
                placed.append((member.id, known.picture))
        return placed

    def _insert_members(
        self, pictures: Mapping[str, PlannedPicture]
    ) -> list[tuple[int, PlannedPicture]]:
        if not self._new:
            return []
        query = insert(Member).returning(Member.id, Member.source_path)
        made = self._session.execute(query, self._new)
        return sorted((number, pictures[path]) for number, path in made)

    def _write_tags(self, new: Sequence[tuple[int, PlannedPicture]]) -> None:
        rows = [
            {
                "member_id": number,
                "tag_id": tag.id,
                "image_set_id": self._image_set.id,
                "by_folder": True,
            }
            for number, picture in (*self._moved, *new)
            if (tag := self._tags[picture.tags]) is not None
        ]
        if self._moved:
            ids = [number for number, _ in self._moved]
            given = [(row["member_id"], row["tag_id"]) for row in rows]
            # Of what people attached only the very tag goes that the folder now gives.
            again = tuple_(MemberTag.member_id, MemberTag.tag_id).in_(given)
            goes = MemberTag.by_folder.is_(True) | again
            self._session.execute(delete(MemberTag).where(MemberTag.member_id.in_(ids), goes))
        if rows:
            self._session.execute(insert(MemberTag), rows)

    def _write_captions(
        self,
        known: Sequence[tuple[int, PlannedPicture]],
        new: Sequence[tuple[int, PlannedPicture]],
    ) -> None:
        """Append a caption wherever the file asks for another one than there is."""
        heads = self._heads([number for number, _ in known])
        rows = []
        for number, picture in (*known, *new):
            text, source = self._wanted_caption(picture)
            head = heads.get(number)
            if replaces((head.text, head.source) if head else None, (text, source)):
                rows.append(
                    {
                        "member_id": number,
                        "text": text,
                        "source": source,
                        "parent_id": head.id if head else None,
                        "tokens": token_count(text),
                    }
                )
        if not rows:
            return
        query = insert(Caption).returning(Caption.member_id, Caption.id)
        made = [
            {"member_id": member, "caption_id": caption}
            for member, caption in self._session.execute(query, rows)
        ]
        followed = [row for row in made if row["member_id"] in heads]
        first = [row for row in made if row["member_id"] not in heads]
        if followed:
            self._session.execute(update(CaptionHead), followed)
        if first:
            self._session.execute(insert(CaptionHead), first)

    def _wanted_caption(self, picture: PlannedPicture) -> tuple[str, CaptionSource]:
        return wanted_caption(
            picture, self._layout, self._image_set.caption_template, self._image_set.name
        )

    def _heads(self, member_ids: Sequence[int]) -> Mapping[int, Row[*tuple[Any, ...]]]:
        """The present captions of members, as far as they have one."""
        if not member_ids:
            return {}
        query = (
            select(CaptionHead.member_id, Caption.id, Caption.text, Caption.source)
            .join(Caption, Caption.id == CaptionHead.caption_id)
            .where(CaptionHead.member_id.in_(member_ids))
        )
        return {row.member_id: row for row in self._session.execute(query)}

    def _ensured_tags(
        self, pictures: Sequence[PlannedPicture]
    ) -> Mapping[tuple[str, ...], Tag | None]:
        tags = {}
        for names in sorted({picture.tags for picture in pictures}):
            levels = [self._layout.level(depth) for depth in range(len(names))]
            tags[names] = ensure_tag(self._session, names, levels)
        return tags

    def _members_at(self, source_paths: Sequence[str]) -> Mapping[str, Member]:
        query = select(Member).where(
            Member.image_set_id == self._image_set.id, Member.source_path.in_(source_paths)
        )
        return {member.source_path: member for member in self._session.scalars(query)}

    def _members_elsewhere(self) -> Mapping[int, list[Member]]:
        """Members of the set, by image, whose own file is not there any more."""
        leavers: dict[int, list[Member]] = defaultdict(list)
        held = [image.id for image in self._images.values() if not image.is_new]
        if not held:
            return leavers
        query = select(Member).where(
            Member.image_set_id == self._image_set.id, Member.image_id.in_(held)
        )
        for member in self._session.scalars(query.order_by(Member.id)):
            if not self._is_there(member.folder, member.source_path):
                leavers[member.image_id].append(member)
        return leavers

    def _tag_path(self, picture: PlannedPicture) -> str:
        tag = self._tags[picture.tags]
        return tag.path if tag else ""

    def _warn(self, picture: PlannedPicture, notes: tuple[tuple[Code, str], ...]) -> None:
        for code, message in notes:
            self.warnings.append(
                Problem(path=picture.file.name, stage=Stage.RECORD, code=code, message=message)
            )


def _refresh(member: Member, picture: PlannedPicture) -> None:
    for column, value in _as_seen(picture).items():
        setattr(member, column, value)


def _as_seen(picture: PlannedPicture) -> dict[str, Any]:
    """What a member's row says of its file."""
    return {
        "source_size": picture.file.size_bytes,
        "source_mtime_ns": picture.file.mtime_ns,
        "source_inode": picture.file.inode,
        "state": MemberState.PRESENT,
        "seen_at": now(),
    }


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
