"""Crops that a method finds: proposed first, for people to look at, and stored when they say so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from sdxl_reg.catalog.crops import Croppable, croppable, set_crops
from sdxl_reg.errors import UnknownName
from sdxl_reg.imaging.crops import CENTRE, Box, Point, checked_box, crop_box
from sdxl_reg.imaging.decode import upright
from sdxl_reg.imaging.focus import METHODS, SIDE, focal_point
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.tables import Change, ImageSet

Progress = Callable[[int, int, str], None]


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
    found, unreadable = [], {}
    for done, member in enumerate(members, start=1):
        try:
            if member.sha256 not in points:
                points[member.sha256] = _focus(store, member.sha256, method)
        except Unreadable as error:
            unreadable[member.source_path] = error.message
            continue
        focus = points[member.sha256]
        box = checked_box(crop_box(member.size, aspect, focus=focus))
        found.append(Proposal(member=member, focus=focus, box=box))
        progress(done, len(members), "look at pictures")
    return Proposals(found=found, unreadable=unreadable)


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


def _focus(store: BlobStore, sha256: str, method: str) -> Point:
    if method == "centre":  # needs no look
        return CENTRE
    picture = upright(store.read(sha256))
    picture.thumbnail((SIDE, SIDE))
    return focal_point(picture, method)
