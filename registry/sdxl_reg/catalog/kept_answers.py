"""Answers kept for requests that are made twice, since the first answer may have been lost."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sdxl_reg.errors import Conflict, UsageError
from sdxl_reg.tables import KeptAnswer, now

KEPT = timedelta(days=1)


def claim(session: Session, *, actor: str, key: str, request: str) -> KeptAnswer:
    """The row of a key: a new one, to be answered, or one that is.

    Args:
        session: The transaction.
        actor: Who asks; keys of others are others.
        key: As the request names itself.
        request: SHA-256 of what it asks.

    Raises:
        Conflict: It is being answered, or whoever did has not lived to say so.
        UsageError: The key named another request.
    """
    session.execute(delete(KeptAnswer).where(KeptAnswer.created_at < now() - KEPT))
    query = select(KeptAnswer).where(KeptAnswer.actor == actor, KeptAnswer.key == key)
    found = session.scalar(query)
    if found is None:
        found = KeptAnswer(actor=actor, key=key, request=request)
        try:
            with session.begin_nested():
                session.add(found)
            return found
        except IntegrityError:  # the same request, at the same moment
            found = session.scalars(query).one()
    if found.request != request:
        raise UsageError(
            f"the Idempotency-Key {key!r} was given to another request",
            remedy="Make a new key for every new request",
        )
    if found.status is None:
        raise Conflict(
            f"the request with the Idempotency-Key {key!r} is being answered, or was cut off",
            remedy="Look whether it was done; if not, ask again with a new key",
        )
    return found


def keep(
    session: Session, number: int, *, status: int, headers: Mapping[str, str], body: str
) -> None:
    """Keep an answer.

    Args:
        session: The transaction.
        number: The row that was claimed.
        status: Of HTTP.
        headers: Those that say where what was made is.
        body: JSON.
    """
    found = session.get_one(KeptAnswer, number)
    found.status, found.headers, found.body = status, dict(headers), body


def let_go(session: Session, number: int) -> None:
    """Forget a request that did nothing, so that it can be made again.

    Args:
        session: The transaction.
        number: The row that was claimed.
    """
    session.execute(delete(KeptAnswer).where(KeptAnswer.id == number))
