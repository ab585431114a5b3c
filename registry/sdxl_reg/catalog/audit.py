"""The event log: one line for everything that changed, in the transaction that changed it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.tables import EventLog

_actor: ContextVar[str] = ContextVar("actor", default="")


def note(session: Session, verb: str, subject: str, **payload: Any) -> None:
    """Write down that something happened, and who did it where that is known.

    Args:
        session: The transaction in which it happened.
        verb: What happened, as `noun.participle`: `run.succeeded`.
        subject: What it happened to: `weipin-lora@3`.
        **payload: Facts worth keeping, as JSON.
    """
    session.add(EventLog(verb=verb, subject=subject, actor=_actor.get(), payload=payload))


def events_page(session: Session, part: Slice) -> Page[EventLog]:
    """Some of what happened, newest first."""
    return page_of(session, select(EventLog), EventLog.id, part, newest_first=True)


def event_facts(found: EventLog) -> dict[str, Any]:
    """What is told of something that happened, as JSON."""
    return {
        "id": found.id,
        "at": found.at,
        "actor": found.actor,
        "verb": found.verb,
        "subject": found.subject,
        "payload": found.payload,
    }


def act_as(name: str) -> None:
    """Have what the present task changes noted under a name."""
    _actor.set(name)


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Have what is changed inside noted under a name."""
    before = _actor.set(name)
    try:
        yield
    finally:
        _actor.reset(before)
