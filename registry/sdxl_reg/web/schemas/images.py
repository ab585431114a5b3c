"""Image sets, tags and images as documents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy.orm import Session

from sdxl_reg.catalog.captions import CaptionEntry, caption_entries
from sdxl_reg.catalog.crops import crops_of
from sdxl_reg.catalog.datasets import version_ref, versions_with
from sdxl_reg.catalog.images import ImageSetSummary, SetMember, members_of_image
from sdxl_reg.catalog.journal import changed_at
from sdxl_reg.catalog.tags import TagNode, tag_tree
from sdxl_reg.imaging.quality import Measures, flags
from sdxl_reg.tables import Image, ImageSet, Member
from sdxl_reg.vocabulary import CaptionSource, MemberState
from sdxl_reg.web.schemas.base import Document, Sha256, url
from sdxl_reg.web.schemas.changes import DiffPart, diff_of


class ImageSetItem(Document):
    """An image set in a list."""

    name: str
    source: str = Field(description="The folder it was last ingested from.")
    layout: str = Field(description="What the levels of its tags are called: `brand/state/defect`.")
    images: int = Field(description="Different pictures among its present members.")
    members: int = Field(description="Present members; a picture under two paths counts twice.")
    missing: int = Field(description="Members whose file was not there at the last ingest.")
    created_at: datetime
    url: str


class TagItem(Document):
    """A tag with what lies below it."""

    name: str
    path: str = Field(description="Names from the root, joined by /.")
    level: str = Field(description="What the layout calls its depth: `brand`.")
    members: int = Field(description="Present members with exactly this tag.")
    members_below: int = Field(description="Present members with this tag or one below it.")
    children: list["TagItem"]


class TagEntry(Document):
    """A tag of the tree that all image sets share."""

    path: str = Field(description="Names from the root, joined by /.")
    name: str
    level: str = Field(description="What its depth was called when it was made: `brand`.")
    depth: int = Field(description="0 at the root.")
    formerly: list[str] = Field(description="Names that lead to it: its own, or of merged tags.")


class ImageSetDocument(ImageSetItem):
    """One image set with its tree of tags."""

    tags: list[TagItem]
    background: str = Field(description="Behind transparent parts of its pictures: `#rrggbb`.")
    changed_at: datetime | None = Field(
        description="When somebody last changed its tags, captions or crops, or took that back."
    )


class MemberItem(Document):
    """An image under one path of a set."""

    member: int = Field(description="Its number in the registry, by which changes name it.")
    sha256: Sha256
    path: str = Field(description="Relative to the set's folder, with /.")
    tags: str = Field(description="Its tag, names joined by /; empty without one.")
    more_tags: list[str] = Field(description="Tags that people gave it besides.")
    caption: str
    caption_source: CaptionSource | None
    width: int = Field(description="Pixels, upright as EXIF says.")
    height: int = Field(description="Pixels, upright.")
    format: str = Field(description="As found in its bytes: JPEG, PNG, …")
    state: MemberState
    url: str
    thumbnail: str


class CaptionItem(Document):
    """A caption an image had at some time."""

    id: int = Field(description="By which it can be taken up again.")
    text: str
    source: CaptionSource
    author: str | None
    tokens: int = Field(description="Of CLIP's tokenizer, without start and end.")
    created_at: datetime
    is_present: bool
    change: str | None = Field(description="What it was part of, in a sentence.")
    is_undone: bool = Field(description="Whether that was undone.")
    diff: list[DiffPart] = Field(description="Against the caption before it; empty for the first.")


class Appearance(Document):
    """One place where an image is a member of a set."""

    member: int = Field(description="Its number in the registry, by which changes name it.")
    image_set: str
    path: str
    tags: str
    more_tags: list[str] = Field(description="Tags that people gave it besides.")
    state: MemberState
    crop: tuple[float, float, float, float] | None = Field(
        description="Left, top, right and bottom as fractions of the upright picture; null: all."
    )
    captions: list[CaptionItem] = Field(description="The newest first.")

    @property
    def caption(self) -> str:
        """Its present caption; empty without one."""
        return next((caption.text for caption in self.captions if caption.is_present), "")


class ImageDocument(Document):
    """One image with everything that is known of it."""

    sha256: Sha256
    width: int = Field(description="Pixels, upright as EXIF says.")
    height: int = Field(description="Pixels, upright.")
    format: str
    size_bytes: int
    brightness: float | None = Field(description="Mean of the grey values, 0 to 255.")
    contrast: float | None = Field(description="Their standard deviation.")
    sharpness: float | None = Field(description="Variance of the Laplacian of a small copy.")
    flags: list[str] = Field(description="blurred, dark, bright, flat, small, strip.")
    exif: dict[str, Any] = Field(description="Camera and time, where the file says so.")
    created_at: datetime
    appearances: list[Appearance]
    datasets: list[str] = Field(description="The dataset versions it is in: `weipin@1`.")
    bytes: str = Field(description="Where its bytes are.")
    thumbnail: str
    lineage: str = Field(description="Where its lineage is.")


def image_set_item(summary: ImageSetSummary) -> ImageSetItem:
    """An image set for a list."""
    return ImageSetItem(**_set_facts(summary))


def image_set_document(session: Session, summary: ImageSetSummary) -> ImageSetDocument:
    """One image set with its tags."""
    tags = [tag_item(node) for node in tag_tree(session, summary.image_set)]
    return ImageSetDocument(
        **_set_facts(summary),
        tags=tags,
        background=summary.image_set.background,
        changed_at=changed_at(session, summary.image_set),
    )


def tag_item(node: TagNode) -> TagItem:
    """A tag with what lies below it."""
    return TagItem(
        name=node.name,
        path=node.path,
        level=node.level,
        members=node.members,
        members_below=node.members_below,
        children=[tag_item(child) for child in node.children],
    )


def member_item(member: SetMember) -> MemberItem:
    """An image of a set."""
    return MemberItem(
        member=member.member_id,
        sha256=member.sha256,
        path=member.source_path,
        tags=member.tag_path,
        more_tags=list(member.more_tags),
        caption=member.caption,
        caption_source=member.caption_source,
        width=member.width,
        height=member.height,
        format=member.format,
        state=member.state,
        url=url("images", member.sha256),
        thumbnail=url("images", member.sha256, "thumbnail"),
    )


def image_document(session: Session, image: Image) -> ImageDocument:
    """One image with its places, captions and datasets."""
    sha256 = image.blob.sha256
    return ImageDocument(
        sha256=sha256,
        width=image.width,
        height=image.height,
        format=image.format,
        size_bytes=image.blob.size_bytes,
        brightness=image.brightness,
        contrast=image.contrast,
        sharpness=image.sharpness,
        flags=[str(flag) for flag in flags(image.width, image.height, _measures(image))],
        exif=image.exif or {},
        created_at=image.created_at,
        appearances=[_appearance(session, found) for found in members_of_image(session, image)],
        datasets=[version_ref(version) for version in versions_with(session, image.id)],
        bytes=url("images", sha256, "bytes"),
        thumbnail=url("images", sha256, "thumbnail"),
        lineage=url("lineage", f"image:{sha256}"),
    )


def _set_facts(summary: ImageSetSummary) -> dict[str, Any]:
    found = summary.image_set
    return {
        "name": found.name,
        "source": found.source,
        "layout": found.layout,
        "images": summary.images,
        "members": summary.members,
        "missing": summary.missing,
        "created_at": found.created_at,
        "url": url("image-sets", found.name),
    }


def appearance(session: Session, member: Member) -> Appearance:
    """One member of a set, with every caption it has had."""
    places = members_of_image(session, member.image)
    return _appearance(session, next(found for found in places if found.member_id == member.id))


def _appearance(session: Session, found: SetMember) -> Appearance:
    member = session.get_one(Member, found.member_id)
    return Appearance(
        member=found.member_id,
        image_set=session.get_one(ImageSet, member.image_set_id).name,
        path=found.source_path,
        tags=found.tag_path,
        more_tags=list(found.more_tags),
        state=found.state,
        crop=crops_of(session, [found.member_id]).get(found.member_id),
        captions=caption_items(caption_entries(session, found.member_id)),
    )


def caption_items(entries: Sequence[CaptionEntry]) -> list[CaptionItem]:
    """The captions of a member, each with what changed from the one before.

    Args:
        entries: The newest first.
    """
    return [
        CaptionItem(
            id=entry.caption_id,
            text=entry.text,
            source=entry.source,
            author=entry.author,
            tokens=entry.tokens,
            created_at=entry.created_at,
            is_present=entry.is_present,
            change=entry.change,
            is_undone=entry.is_undone,
            diff=_diff(entry, entries[at + 1 :]),
        )
        for at, entry in enumerate(entries)
    ]


def _diff(entry: CaptionEntry, earlier: Sequence[CaptionEntry]) -> list[DiffPart]:
    """Against the caption that it followed: what was undone was followed by nothing."""
    before = next((other for other in earlier if not other.is_undone), None)
    return diff_of(before.text, entry.text) if before else []


def _measures(image: Image) -> Measures | None:
    if image.brightness is None or image.contrast is None or image.sharpness is None:
        return None
    return Measures(brightness=image.brightness, contrast=image.contrast, sharpness=image.sharpness)
