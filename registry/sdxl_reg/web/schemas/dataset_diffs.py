"""What changed between two dataset versions, as a document."""

from pydantic import Field

from sdxl_reg.catalog.dataset_diff import Change, DatasetDiff, Picture
from sdxl_reg.web.schemas.base import Document, Sha256, url
from sdxl_reg.web.schemas.changes import DiffPart, diff_of


class DiffPicture(Document):
    """A picture as one version has it."""

    sha256: Sha256
    path: str
    tags: list[str]
    caption: str
    split: str
    repeats: int
    crop: list[float] | None
    url: str
    thumbnail: str


class DiffChange(Document):
    """A picture that is in both versions and not the same in both."""

    before: DiffPicture
    after: DiffPicture
    caption: list[DiffPart] = Field(description="The captions word by word.")


class DatasetDiffDocument(Document):
    """What changed from one dataset version to another; a picture may stand under several."""

    before: str
    after: str
    counts: dict[str, int] = Field(
        description="added, removed, replaced, renamed, retagged, recaptioned, moved, recropped, "
        "repeated, unchanged → pictures."
    )
    added: list[DiffPicture] = Field(description="The first of them.")
    removed: list[DiffPicture]
    changes: dict[str, list[DiffChange]] = Field(
        description="replaced, renamed, retagged, recaptioned, moved, recropped, repeated."
    )


def diff_document(diff: DatasetDiff, *, limit: int) -> DatasetDiffDocument:
    """What changed between two versions.

    Args:
        diff: All of it.
        limit: How many pictures of each kind are told in full.
    """
    return DatasetDiffDocument(
        before=diff.before,
        after=diff.after,
        counts=diff.counts,
        added=[_picture(one) for one in diff.added[:limit]],
        removed=[_picture(one) for one in diff.removed[:limit]],
        changes={
            kind: [_change(one) for one in found[:limit]] for kind, found in diff.changes.items()
        },
    )


def _change(change: Change) -> DiffChange:
    return DiffChange(
        before=_picture(change.before),
        after=_picture(change.after),
        caption=diff_of(change.before.caption, change.after.caption),
    )


def _picture(picture: Picture) -> DiffPicture:
    return DiffPicture(
        sha256=picture.sha256,
        path=picture.path,
        tags=list(picture.tags),
        caption=picture.caption,
        split=picture.split,
        repeats=picture.repeats,
        crop=list(picture.crop) if picture.crop else None,
        url=url("images", picture.sha256),
        thumbnail=url("images", picture.sha256, "thumbnail"),
    )
