"""What happened lately to what one may see.

A line of the log says what it is about, and not in which project that is. So a line is told where
what it is about is seen by whoever asks; what names nothing (a user who signed in) is left to the
log itself, which is for admins.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from sdxl_reg.tables import Artifact, Change, Dataset, EventLog, Grid, ImageSet, Run

_PORTION = 200
_FARTHEST = 2_000
_CHANGE = "change"

Thing = tuple[str, str | int]
"""Kind and name or number: `("artifact", "weipin-lora")`, `("run", 5)`."""

_SEEN_BY: dict[str, InstrumentedAttribute[Any]] = {
    "artifact": Artifact.name,
    "dataset": Dataset.name,
    "image_set": ImageSet.name,
    "grid": Grid.id,
    "run": Run.id,
    _CHANGE: Change.id,
}


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that happened, perhaps several times.

    Attributes:
        at: When, the last time.
        actor: Who did it; empty where that is not known.
        verb: What, as the log says it: `version.ready`.
        kind: Of what: `artifact`, `dataset`, `image_set`, `grid`, `run`; empty for all sets.
        ref: Its reference: `weipin-lora@3`, `5`.
        words: A sentence or a title, where there is one.
        times: How often.
    """

    at: datetime
    actor: str
    verb: str
    kind: str
    ref: str
    words: str
    times: int


def activity(session: Session, *, limit: int) -> list[Happening]:
    """The newest things that happened, the newest first.

    Args:
        session: The transaction.
        limit: How many at most.
    """
    groups: dict[tuple[object, ...], list[EventLog]] = {}
    before: int | None = None
    for _ in range(_FARTHEST // _PORTION):
        query = select(EventLog).order_by(EventLog.id.desc()).limit(_PORTION)
        lines = session.scalars(query if before is None else query.where(EventLog.id < before))
        found = lines.all()
        for line, thing in _seen(session, found):
            groups.setdefault(_alike(line, thing), []).append(line)
        if len(found) < _PORTION or len(groups) > limit:
            break
        before = found[-1].id
    return _told(session, list(groups.values())[:limit])


def _thing(line: EventLog) -> Thing | None:
    """What a line is about; none for users, tokens and the registry itself."""
    noun, subject = line.verb.partition(".")[0], line.subject
    if isinstance(change := line.payload.get("change"), int):
        return _CHANGE, change
    if noun in ("run", "grid"):
        number = subject.rpartition(" ")[2]
        return (noun, int(number)) if number.isdecimal() else None
    if noun in ("version", "alias"):
        return "artifact", subject.rpartition("@")[0]
    if noun == "dataset":
        return noun, subject.rpartition("@")[0]
    return (noun, subject) if noun == "image_set" else None


def _seen(session: Session, lines: Sequence[EventLog]) -> list[tuple[EventLog, Thing]]:
    """The lines about things that whoever asks sees."""
    about = [(line, thing) for line in lines if (thing := _thing(line)) is not None]
    named: dict[str, set[str | int]] = defaultdict(set)
    for _, (kind, name) in about:
        named[kind].add(name)
    seen = {
        (kind, name)
        for kind, names in named.items()
        for name in session.scalars(select(_SEEN_BY[kind]).where(_SEEN_BY[kind].in_(names)))
    }
    return [(line, thing) for line, thing in about if thing in seen]


def _alike(line: EventLog, thing: Thing) -> tuple[object, ...]:
    """Lines of which one is told for all: those of a run, and what one does again and again."""
    return thing if thing[0] == "run" else (thing, line.verb, line.actor)


def _told(session: Session, groups: Sequence[Sequence[EventLog]]) -> list[Happening]:
    titles = _titles(session, (lines[0] for lines in groups))
    changes = _changes(session, (lines[0] for lines in groups))
    return [_happening(lines, titles, changes) for lines in groups]


def _happening(
    lines: Sequence[EventLog], titles: Mapping[int, str], changes: Mapping[int, Change]
) -> Happening:
    line = lines[0]
    thing = _thing(line) or ("", "")
    actor = next((one.actor for one in lines if one.actor), "")
    kind, ref, words, times = thing[0], line.subject, "", len(lines)
    if kind == "run":
        ref, words, times = str(thing[1]), titles[int(thing[1])], 1
    elif kind == "grid":
        ref = str(thing[1])
    elif kind == _CHANGE:
        change = changes[int(thing[1])]
        is_of_set = change.image_set_id is not None
        kind, ref, words = "image_set" if is_of_set else "", line.subject, change.summary
        actor = actor or change.author or ""
    return Happening(
        at=line.at, actor=actor, verb=line.verb, kind=kind, ref=ref, words=words, times=times
    )


def _titles(session: Session, lines: Iterable[EventLog]) -> dict[int, str]:
    rows = session.execute(select(Run.id, Run.title).where(Run.id.in_(_numbers(lines, "run"))))
    return {row.id: row.title for row in rows}


def _changes(session: Session, lines: Iterable[EventLog]) -> dict[int, Change]:
    found = session.scalars(select(Change).where(Change.id.in_(_numbers(lines, _CHANGE))))
    return {change.id: change for change in found}


def _numbers(lines: Iterable[EventLog], kind: str) -> list[int]:
    things = [thing for line in lines if (thing := _thing(line)) is not None]
    return [int(name) for found, name in things if found == kind]
