"""The journal of what people changed in bulk: each entry knows how it is undone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.audit import note
from sdxl_reg.errors import NotFound
from sdxl_reg.tables import Change, ImageSet, now


def record_change(
    session: Session,
    verb: str,
    summary: str,
    *,
    image_set: ImageSet | None = None,
    author: str | None = None,
    undo: Mapping[str, Any],
) -> Change:
    """Write down a change, in the transaction that makes it.

    Args:
        session: The transaction.
        verb: What was done, as `noun.participle`: `tags.merged`, `captions.replaced`.
        summary: A sentence for people.
        image_set: The set it is about; none where it is about the tag tree as a whole.
        author: Who did it, if known.
        undo: What was before, as JSON; only the module that made the change reads it.
    """
    change = Change(
        image_set_id=image_set.id if image_set else None,
        verb=verb,
        summary=summary,
        author=author,
        undo=dict(undo),
    )
    session.add(change)
    session.flush()
    note(session, verb, image_set.name if image_set else "tags", change=change.id)
    return change


def changes(
    session: Session, prefix: str, *, image_set: ImageSet | None = None, limit: int = 50
) -> Sequence[Change]:
    """The latest changes whose verb begins so (`tags.`), the newest first, undone ones included.

    Args:
        session: The transaction.
        prefix: Beginning of the verb.
        image_set: Only those of this set, and those of no set; none for all.
        limit: How many at most.
    """
    query = select(Change).where(Change.verb.startswith(prefix, autoescape=True))
    if image_set is not None:
        query = query.where((Change.image_set_id == image_set.id) | Change.image_set_id.is_(None))
    return session.scalars(query.order_by(Change.id.desc()).limit(limit)).all()


def changed_at(session: Session, image_set: ImageSet) -> datetime | None:
    """When something of a set was last changed, or a change taken back; None: never."""
    of_set = (Change.image_set_id == image_set.id) | Change.image_set_id.is_(None)
    query = select(func.max(Change.created_at), func.max(Change.undone_at)).where(of_set)
    moments = [found for found in session.execute(query).one() if found is not None]
    return max(moments, default=None)


def take_last(session: Session, prefix: str, *, image_set: ImageSet | None = None) -> Change:
    """The newest change that is not undone yet, now marked as undone; the caller undoes it.

    Args:
        session: The transaction.
        prefix: Beginning of the verb: `tags.`, `captions.`.
        image_set: As `changes` takes it.

    Raises:
        NotFound: There is nothing to undo.
    """
    for change in changes(session, prefix, image_set=image_set, limit=1000):
        if change.undone_at is None:
            change.undone_at = now()
            note(session, f"{change.verb}.undone", change.summary, change=change.id)
            return change
    raise NotFound("change", "the last one", (), remedy="Nothing was changed, or all is undone")
