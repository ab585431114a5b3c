"""The event log: one line for everything that changed, in the transaction that changed it."""

from typing import Any

from sqlalchemy.orm import Session

from sdxl_reg.tables import EventLog


def note(session: Session, verb: str, subject: str, **payload: Any) -> None:
    """Write down that something happened.

    Args:
        session: The transaction in which it happened.
        verb: What happened, as `noun.participle`: `run.succeeded`.
        subject: What it happened to: `weipin-lora@3`.
        **payload: Facts worth keeping, as JSON.
    """
    session.add(EventLog(verb=verb, subject=subject, payload=payload))
