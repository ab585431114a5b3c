"""Contact sheets of an image set: every bucket with its pictures, or what a method proposes."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from PIL import Image

from sdxl_reg.catalog.buckets import BucketedPicture, BucketRow
from sdxl_reg.catalog.crop_proposals import Proposal
from sdxl_reg.catalog.stored_pictures import stored_picture
from sdxl_reg.errors import Conflict
from sdxl_reg.imaging.backgrounds import rgb_of
from sdxl_reg.imaging.contact_sheet import SIDE, Exhibit, Shelf, contact_sheet
from sdxl_reg.imaging.decode import flattened
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.store.blobs import BlobStore

Progress = Callable[[int, int, str], None]
MOST = 24
"""Pictures of a shelf that are shown, when nothing else is said."""

_Shown = TypeVar("_Shown")


def bucket_title(row: BucketRow) -> str:
    """A bucket in one line: its size, its pictures, what they lose."""
    if row.size is None:
        return f"too small for any bucket: {row.count}"
    parts = [
        f"{row.size[0]} × {row.size[1]}",
        f"{row.count} picture{'' if row.count == 1 else 's'}",
        f"{row.cut_away_share:.0%} cut away",
        *([f"{row.enlarged} enlarged"] if row.enlarged else []),
    ]
    return " · ".join(parts)


def bucket_sheet(
    store: BlobStore,
    rows: Sequence[BucketRow],
    *,
    background: str,
    most: int = MOST,
    progress: Progress = lambda _done, _total, _what: None,
) -> Image.Image:
    """Every bucket with its pictures, and on each what is trained of it.

    Args:
        store: Holds the pictures.
        rows: From `buckets.bucket_report`.
        background: Behind transparency, `#rrggbb`.
        most: Pictures of a bucket that are shown, ≥ 1, from all over the set.
        progress: Told (done, total, what) after each picture.

    Returns:
        A picture in mode RGB.

    Raises:
        Conflict: There is no bucket to show.
    """
    shown = [(row, _spread(row.pictures, most)) for row in rows]
    total, done = sum(len(pictures) for _, pictures in shown), 0
    shelves = []
    for row, pictures in shown:
        exhibits: list[Exhibit] = []
        for picture in pictures:
            done += 1
            exhibits += _exhibit(store, picture, background)
            progress(done, total, "draw pictures")
        shelves.append(Shelf(title=bucket_title(row) + _more(row.count, most), exhibits=exhibits))
    return _sheet(shelves)


def proposal_sheet(
    store: BlobStore, proposals: Sequence[Proposal], *, background: str, most: int = 4 * MOST
) -> Image.Image:
    """Proposed crops, each on its picture, with the crop that is there.

    Args:
        store: Holds the pictures.
        proposals: From `crop_proposals.propose`.
        background: Behind transparency, `#rrggbb`.
        most: Pictures that are shown, ≥ 1, from all over the set.

    Returns:
        A picture in mode RGB.

    Raises:
        Conflict: Nothing is proposed.
    """
    exhibits: list[Exhibit] = []
    for each in _spread(proposals, most):
        for small in _small(store, each.member.sha256, background):
            x, y = each.focus
            exhibits.append(
                Exhibit(
                    picture=small,
                    kept=each.box,
                    chosen=each.member.crop,
                    name=each.member.source_path,
                    note=f"looks at {x:.2f}, {y:.2f}",
                )
            )
    title = f"{len(proposals)} proposed" + _more(len(proposals), most)
    return _sheet([Shelf(title=title, exhibits=exhibits)])


def _exhibit(store: BlobStore, picture: BucketedPicture, background: str) -> Iterable[Exhibit]:
    member = picture.member
    for small in _small(store, member.sha256, background):
        yield Exhibit(
            picture=small,
            kept=picture.taken,
            chosen=picture.crop,
            name=member.source_path,
            note=f"{member.width} × {member.height}, {picture.cut_away_share:.0%} cut",
            is_enlarged=picture.is_enlarged,
        )


def _small(store: BlobStore, sha256: str, background: str) -> Iterable[Image.Image]:
    """The picture, small; none where it cannot be read, which other commands tell of."""
    try:
        picture = stored_picture(store, sha256, at_least=SIDE)
    except Unreadable:
        return
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    yield flattened(picture, rgb_of(background))


def _spread(items: Sequence[_Shown], most: int) -> Sequence[_Shown]:
    """So many of them at most, evenly from the first to the last."""
    count = min(most, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def _more(count: int, most: int) -> str:
    return f" · {most} of them here" if count > most else ""


def _sheet(shelves: Sequence[Shelf]) -> Image.Image:
    if not any(shelf.exhibits for shelf in shelves):
        raise Conflict(
            "there is no picture to show", remedy="Select others, or see: sdxl-reg images"
        )
    return contact_sheet(shelves)
