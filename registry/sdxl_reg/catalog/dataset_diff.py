"""What changed between two dataset versions, of one dataset or of two.

Entries are matched by the bytes of their pictures, so that a renamed file is the same picture;
where a picture stands several times, those of the same path come first. What is left under one path
in both is a picture that was replaced.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from sdxl_reg.catalog.caption_diff import Segment, word_diff
from sdxl_reg.catalog.datasets import (
    entries_of,
    find_dataset_version,
    version_before,
    version_ref,
)
from sdxl_reg.tables import DatasetEntry, DatasetVersion


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as one version has it.

    Attributes:
        path: In its image set.
        sha256: Of its bytes.
        tags: By its folder, and those that people attached.
        caption: What is said of it.
        split: `train` or `validation`.
        repeats: Showings an epoch.
        crop: Left, top, right, bottom as fractions; None for all of it.
        image_id: Its row.
    """

    path: str
    sha256: str
    tags: tuple[str, ...]
    caption: str
    split: str
    repeats: int
    crop: tuple[float, ...] | None
    image_id: int


@dataclass(frozen=True, kw_only=True)
class Change:
    """A picture that is in both versions, and not the same in both.

    Attributes:
        before: As the first has it.
        after: As the second has it.
    """

    before: Picture
    after: Picture

    @property
    def words(self) -> list[Segment]:
        """The captions as runs of text: in both, only in the first, only in the second."""
        return word_diff(self.before.caption, self.after.caption)


@dataclass(frozen=True, kw_only=True)
class DatasetDiff:
    """What changed between two versions; a picture may stand under several of these.

    Attributes:
        before: The first version, as users write it.
        after: The second.
        added: Only in the second.
        removed: Only in the first.
        replaced: Other bytes under the same path.
        renamed: Same bytes under another path.
        retagged: Other tags.
        recaptioned: Another caption.
        moved: Trained in one, held out in the other.
        recropped: Another crop.
        repeated: Other repeats.
        unchanged: How many are the same in everything.
    """

    before: str
    after: str
    added: tuple[Picture, ...]
    removed: tuple[Picture, ...]
    replaced: tuple[Change, ...]
    renamed: tuple[Change, ...]
    retagged: tuple[Change, ...]
    recaptioned: tuple[Change, ...]
    moved: tuple[Change, ...]
    recropped: tuple[Change, ...]
    repeated: tuple[Change, ...]
    unchanged: int

    @property
    def is_empty(self) -> bool:
        """Whether both versions hold the same."""
        return not (self.added or self.removed or any(self.changes.values()))

    @property
    def counts(self) -> dict[str, int]:
        """How many pictures there are of each kind of change, and how many are unchanged."""
        counts = {"added": len(self.added), "removed": len(self.removed)}
        counts |= {kind: len(found) for kind, found in self.changes.items()}
        return counts | {"unchanged": self.unchanged}

    @property
    def changes(self) -> dict[str, tuple[Change, ...]]:
        """The pictures that are in both, by what changed of them."""
        return {
            "replaced": self.replaced,
            "renamed": self.renamed,
            "retagged": self.retagged,
            "recaptioned": self.recaptioned,
            "moved": self.moved,
            "recropped": self.recropped,
            "repeated": self.repeated,
        }


def diff_references(session: Session, after: str, before: str | None) -> DatasetDiff:
    """What changed from one dataset version to another.

    Args:
        session: The transaction.
        after: The later one: `weipin@2`.
        before: The earlier one; by default the one before it.

    Raises:
        NotFound: There is no such version, or none before it.
    """
    second = find_dataset_version(session, after)
    first = find_dataset_version(session, before) if before else version_before(session, second)
    return diff_versions(session, first, second)


def diff_versions(session: Session, before: DatasetVersion, after: DatasetVersion) -> DatasetDiff:
    """What changed from one dataset version to another."""
    first = [_picture(entry) for entry in entries_of(session, before)]
    second = [_picture(entry) for entry in entries_of(session, after)]
    pairs, removed, added = _matched(first, second)
    replaced = _at_one_path(removed, added)
    gone = {change.before.path for change in replaced}
    pairs = sorted([*pairs, *replaced], key=lambda change: change.after.path)
    return DatasetDiff(
        before=version_ref(before),
        after=version_ref(after),
        added=tuple(picture for picture in added if picture.path not in gone),
        removed=tuple(picture for picture in removed if picture.path not in gone),
        replaced=_differing(pairs, "sha256"),
        renamed=_differing(pairs, "path"),
        retagged=_differing(pairs, "tags"),
        recaptioned=_differing(pairs, "caption"),
        moved=_differing(pairs, "split"),
        recropped=_differing(pairs, "crop"),
        repeated=_differing(pairs, "repeats"),
        unchanged=sum(change.before == change.after for change in pairs),
    )


def _picture(entry: DatasetEntry) -> Picture:
    tags = [entry.tag_path, *(entry.more_tags or ())]
    return Picture(
        path=entry.source_path,
        sha256=entry.image.blob.sha256,
        tags=tuple(tag for tag in tags if tag),
        caption=entry.caption,
        split=entry.split,
        repeats=entry.repeats,
        crop=tuple(entry.crop) if entry.crop else None,
        image_id=entry.image_id,
    )


def _matched(
    first: Sequence[Picture], second: Sequence[Picture]
) -> tuple[list[Change], list[Picture], list[Picture]]:
    """The pictures that are in both by their bytes, and what is left of each version."""
    olds, news = _by_digest(first), _by_digest(second)
    pairs: list[Change] = []
    removed: list[Picture] = []
    added: list[Picture] = []
    for digest in dict.fromkeys([*olds, *news]):
        old, new = olds.get(digest, []), news.get(digest, [])
        taken = list(_paired(old, new))
        pairs += taken
        ids = {id(side) for change in taken for side in (change.before, change.after)}
        removed += [picture for picture in old if id(picture) not in ids]
        added += [picture for picture in new if id(picture) not in ids]
    return pairs, removed, added


def _paired(old: Sequence[Picture], new: Sequence[Picture]) -> Iterator[Change]:
    at = {picture.path: picture for picture in new}
    for picture in old:
        if picture.path in at:
            yield Change(before=picture, after=at[picture.path])
    shared = {picture.path for picture in old} & set(at)
    rest = [[one for one in side if one.path not in shared] for side in (old, new)]
    yield from (Change(before=one, after=other) for one, other in zip(*rest, strict=False))


def _by_digest(pictures: Iterable[Picture]) -> dict[str, list[Picture]]:
    found: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        found[picture.sha256].append(picture)
    return found


def _at_one_path(removed: Sequence[Picture], added: Sequence[Picture]) -> list[Change]:
    at = {picture.path: picture for picture in added}
    return [
        Change(before=picture, after=at[picture.path]) for picture in removed if picture.path in at
    ]


def _differing(pairs: Iterable[Change], fact: str) -> tuple[Change, ...]:
    return tuple(
        change for change in pairs if getattr(change.before, fact) != getattr(change.after, fact)
    )
