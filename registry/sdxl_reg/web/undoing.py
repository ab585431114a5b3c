"""Taking back the newest change of a set, whatever it was about."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from sdxl_reg.catalog.caption_edits import undo_captions
from sdxl_reg.catalog.crops import undo_last
from sdxl_reg.catalog.journal import changes
from sdxl_reg.catalog.tag_edits import undo_tags
from sdxl_reg.errors import Conflict, NotFound
from sdxl_reg.tables import Change, ImageSet

_UNDO: Mapping[str, Callable[[Session, ImageSet], Change]] = {
    "tags": undo_tags,
    "captions": undo_captions,
    "crops": undo_last,
}
_LOOKED_AT = 1000


def newest_change(session: Session, image_set: ImageSet) -> Change | None:
    """The change of a set that would be taken back next; none where there is none."""
    known = changes(session, "", image_set=image_set, limit=_LOOKED_AT)
    return next((one for one in known if one.undone_at is None and _noun(one) in _UNDO), None)


def undo(
    session: Session, image_set: ImageSet, *, expected: int | None = None, of: str | None = None
) -> Change:
    """Take back the newest change of a set.

    Args:
        session: The transaction.
        image_set: The set.
        expected: The change that whoever asks has in mind; none for whichever it is.
        of: The newest of these, whatever else came after it: tags, captions or crops.

    Returns:
        The change, now marked as undone.

    Raises:
        NotFound: There is nothing to take back.
        Conflict: Something else was changed since.
    """
    if of is not None:
        return _UNDO[of](session, image_set)
    newest = newest_change(session, image_set)
    if newest is None:
        raise NotFound("change", "the last one", (), remedy="Nothing was changed, or all is undone")
    if expected is not None and newest.id != expected:
        raise Conflict(
            f"change {expected} is not the newest any more: {newest.summary}",
            remedy="Undo what came after it first",
        )
    return _UNDO[_noun(newest)](session, image_set)


def _noun(change: Change) -> str:
    return change.verb.partition(".")[0]
