"""Crops that a method finds: proposed first, for people to look at, and stored when they say so."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.orm import Session

from sdxl_reg.catalog.crops import Croppable, croppable, set_crops
from sdxl_reg.catalog.stored_pictures import stored_picture
from sdxl_reg.errors import UnknownName
from sdxl_reg.imaging.crops import CENTRE, Box, Point, checked_box, crop_box
from sdxl_reg.imaging.focus import METHODS, SIDE, focal_point
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Change, ImageSet

Progress = Callable[[int, int, str], None]
_THREADS = 4  # each holds a whole picture


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A crop that a method found; nothing is stored.

    Attributes:
        member: The picture, with its present crop.
        focus: The point that the method chose.
        box: The part that has the wanted shape and that point in its middle.
    """

    member: Croppable
    focus: Point
    box: Box


@dataclass(frozen=True, kw_only=True)
class Proposals:
    """What a method found.

    Attributes:
        found: By source path.
        unreadable: Source paths of pictures that could not be looked at → why.
    """

    found: Sequence[Proposal]
    unreadable: dict[str, str]


def propose(
    session: Session,
    store: BlobStore,
    image_set: ImageSet,
    *,
    selector: str = "",
    method: str = "edges",
    aspect: tuple[int, int] = (1, 1),
    progress: Progress = lambda _done, _total, _what: None,
) -> Proposals:
    """Crops of one shape for the pictures of a set; nothing is stored before `apply`.

    Args:
        session: The transaction.
        store: Holds the pictures.
        image_set: The set.
        selector: Which of them; empty for all.
        method: One of `imaging.focus.METHODS`.
        aspect: Width and height, of which only the ratio counts.
        progress: Told (done, total, what) after each picture.

    Raises:
        InvalidValue: The selector or the shape is of the wrong form.
        UnknownName: There is no such method, or no such level.
        UsageError: The method needs a package that is not installed.
    """
    if method not in METHODS:
        raise UnknownName("method to find what to look at", method, METHODS)
    members = croppable(session, image_set, selector=selector)
    points: dict[str, Point] = {}
    faults: dict[str, str] = {}
    digests = list(dict.fromkeys(member.sha256 for member in members))
    for done, (digest, seen) in enumerate(_looked_at(store, digests, method), start=1):
        if isinstance(seen, Unreadable):
            faults[digest] = seen.message
        else:
            points[digest] = seen
        progress(done, len(digests), "look at pictures")
    return Proposals(
        found=[
            _proposal(member, points[member.sha256], aspect)
            for member in members
            if member.sha256 in points
        ],
        unreadable={
            member.source_path: faults[member.sha256]
            for member in members
            if member.sha256 in faults
        },
    )


def apply(
    session: Session,
    image_set: ImageSet,
    proposals: Sequence[Proposal],
    *,
    author: str | None = None,
) -> Change | None:
    """Store proposed crops, as one change; those that were there are replaced.

    Args:
        session: The transaction.
        image_set: The set of all of them.
        proposals: What `propose` found, or those of it that people kept.
        author: Who did it, if known.

    Returns:
        The change; None where nothing differs.

    Raises:
        NotFound: A picture is no member of the set.
    """
    boxes = {each.member.member_id: each.box for each in proposals}
    return set_crops(session, image_set, boxes, author=author)


def _proposal(member: Croppable, focus: Point, aspect: tuple[int, int]) -> Proposal:
    box = checked_box(crop_box(member.size, aspect, focus=focus))
    return Proposal(member=member, focus=focus, box=box)


def _looked_at(
    store: BlobStore, digests: Sequence[str], method: str
) -> Iterator[tuple[str, Point | Unreadable]]:
    """Each picture with the point that the method chose, in their order; decoded in threads."""
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as threads:
        try:
            yield from threads.map(lambda digest: (digest, _focus(store, digest, method)), digests)
        finally:
            threads.shutdown(cancel_futures=True)


def _focus(store: BlobStore, sha256: str, method: str) -> Point | Unreadable:
    if method == "centre":  # needs no look
        return CENTRE
    try:
        picture = stored_picture(store, sha256, at_least=SIDE)
    except Unreadable as error:
        return error
    picture.thumbnail((SIDE, SIDE))
    return focal_point(picture, method)
