"""Giving many members another caption as one change: some hundreds at a time, few statements each.

A member's captions are a chain that is only ever added to; the head says which one is present. Undo
points the head back, so that the very row that was there before is there again, and the history
still shows what was undone.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from sdxl_reg.catalog.journal import record_change
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.selection import selects
from sdxl_reg.formats.clip_tokens import token_count
from sdxl_reg.tables import Caption, CaptionHead, Change, ImageSet, Member
from sdxl_reg.vocabulary import CaptionSource, MemberState

EXAMPLES = 20
TEMPLATED = "captions.templated"

Selection = str | Sequence[int]
"""Which members: a selector, or the numbers of their rows."""
Example = tuple[str, str, str]
"""Path of a picture, its caption before, its caption after."""


@dataclass(frozen=True, kw_only=True)
class CaptionTarget:
    """A member whose caption may be changed.

    Attributes:
        member_id: Its row.
        path: Of its picture, relative to the set's folder.
        caption_id: Of its present caption; None without one.
        text: What that says; empty without one.
        source: Who wrote that: `tags` also where a person had it written by a template; None
            without one.
    """

    member_id: int
    path: str
    caption_id: int | None
    text: str
    source: CaptionSource | None


@dataclass(frozen=True, kw_only=True)
class NewCaption:
    """What a member is given.

    Attributes:
        target: The member.
        text: The caption.
        source: Who wrote it.
        author: The person, where it is another one than who makes the change.
    """

    target: CaptionTarget
    text: str
    source: CaptionSource = CaptionSource.PERSON
    author: str | None = None


Rewriter = Callable[[Sequence[CaptionTarget]], list[NewCaption]]
"""From some hundreds of members to the captions of those that get another one."""


@dataclass(kw_only=True)
class CaptionReport:
    """What a change of captions came to, or would come to.

    Attributes:
        selected: How many members were looked at.
        changed: How many of them get another caption.
        kept: Captions that may not be replaced: source → how many.
        examples: The first of them: path, before, after.
        change: The entry of the journal; None where nothing was changed, or nothing was to be.
    """

    selected: int = 0
    changed: int = 0
    kept: Counter[CaptionSource] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    change: Change | None = None


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What a change of captions is called.

    Attributes:
        verb: `captions.replaced`.
        doing: What was done, for people, without its number: `"spot" became "white spot"`.
        author: Who did it, if known.
        undo: What undoing it needs besides the captions themselves.
        over: Whose captions may be replaced; a member without one is always given one.
    """

    verb: str
    doing: str
    author: str | None = None
    undo: Mapping[str, Any] = field(default_factory=dict)
    over: AbstractSet[CaptionSource] = frozenset(CaptionSource)


def rewrite(
    session: Session,
    image_set: ImageSet,
    edit: Edit,
    rewriter: Rewriter,
    *,
    select: Selection = "",
    dry_run: bool = False,
) -> CaptionReport:
    """Give members of a set other captions.

    Args:
        session: The transaction.
        image_set: The set.
        edit: What this is.
        rewriter: What the captions become.
        select: Which members; of a selector only those whose files are there.
        dry_run: Whether only to say what would be changed.

    Raises:
        InvalidValue: The selector is of the wrong form.
        UnknownName: It names a level that the set does not have.
    """
    if not dry_run:  # nobody else gives this set captions meanwhile
        session.refresh(image_set, ["caption_template"], with_for_update=True)
    report = CaptionReport()
    for targets in targets_of(session, image_set, select):
        report.selected += len(targets)
        allowed = [t for t in targets if t.source is None or t.source in edit.over]
        report.kept.update(t.source for t in targets if t.source and t.source not in edit.over)
        new = [given for given in rewriter(allowed) if given.text != given.target.text]
        report.changed += len(new)
        wanted = EXAMPLES - len(report.examples)
        report.examples += [(n.target.path, n.target.text, n.text) for n in new[:wanted]]
        if new and not dry_run:
            report.change = report.change or _opened(session, image_set, edit)
            _append(session, new, report.change, edit.author)
    if report.change is not None:
        report.change.summary = f"{edit.doing} in {report.changed:,} captions"
        _point_heads(session, report.change)
    return report


def targets_of(
    session: Session, image_set: ImageSet, selection: Selection
) -> Iterator[list[CaptionTarget]]:
    """The members that a selection means with their captions, some hundreds at a time.

    Args:
        session: The transaction.
        image_set: The set.
        selection: As `rewrite` takes it.

    Raises:
        InvalidValue: As `rewrite` does.
        UnknownName: Likewise.
    """
    numbers = _numbers(session, image_set, selection)
    query = (
        select(
            Member.id,
            Member.image_set_id,
            Member.source_path,
            Caption.id.label("caption_id"),
            Caption.text,
            Caption.source,
            Change.verb,
        )
        .outerjoin(CaptionHead, CaptionHead.member_id == Member.id)
        .outerjoin(Caption, Caption.id == CaptionHead.caption_id)
        .outerjoin(Change, Change.id == Caption.change_id)
        .order_by(Member.id)
    )
    for batch in portions(numbers):
        rows = session.execute(query.where(Member.id.in_(batch)))
        yield [
            CaptionTarget(
                member_id=row.id,
                path=row.source_path,
                caption_id=row.caption_id,
                text=row.text or "",
                source=_source(row.source, row.verb),
            )
            for row in rows  # SQLite would look through the whole set for it
            if row.image_set_id == image_set.id
        ]


def point_back(session: Session, change: Change) -> int:
    """Make the captions before a change present again, wherever its own still are.

    Args:
        session: The transaction.
        change: Whose captions are taken back.

    Returns:
        How many members have their earlier caption, or none, again.
    """
    own = select(Caption.id).where(Caption.change_id == change.id)
    before = select(Caption.parent_id).where(Caption.id == CaptionHead.caption_id).scalar_subquery()
    first = select(Caption.id).where(Caption.change_id == change.id, Caption.parent_id.is_(None))
    apart = {"synchronize_session": False}
    gone: Any = session.execute(
        delete(CaptionHead).where(CaptionHead.caption_id.in_(first)), execution_options=apart
    )
    back: Any = session.execute(
        update(CaptionHead).where(CaptionHead.caption_id.in_(own)).values(caption_id=before),
        execution_options=apart,
    )
    _forget_heads(session)
    return int(gone.rowcount + back.rowcount)


def _opened(session: Session, image_set: ImageSet, edit: Edit) -> Change:
    return record_change(
        session,
        edit.verb,
        edit.doing,
        image_set=image_set,
        author=edit.author,
        undo=edit.undo,
    )


def _append(
    session: Session, new: Sequence[NewCaption], change: Change, author: str | None
) -> None:
    rows = [
        {
            "member_id": given.target.member_id,
            "text": given.text,
            "source": given.source,
            "author": given.author or author,
            "parent_id": given.target.caption_id,
            "tokens": token_count(given.text),
            "change_id": change.id,
        }
        for given in new
    ]
    session.execute(insert(Caption), rows)


def _point_heads(session: Session, change: Change) -> None:
    """Make the captions of a change the present ones: two statements, however many there are."""
    own = Caption.change_id == change.id
    apart = {"synchronize_session": False}
    session.execute(
        update(CaptionHead)
        .where(CaptionHead.member_id == Caption.member_id, own)
        .values(caption_id=Caption.id),
        execution_options=apart,
    )
    first = select(Caption.member_id, Caption.id).where(own, Caption.parent_id.is_(None))
    session.execute(insert(CaptionHead).from_select(["member_id", "caption_id"], first))
    _forget_heads(session)


def _forget_heads(session: Session) -> None:
    """Have heads that this session has read be read again."""
    for row in session.identity_map.values():
        if isinstance(row, CaptionHead):
            session.expire(row)


def _numbers(session: Session, image_set: ImageSet, selection: Selection) -> Sequence[int]:
    if not isinstance(selection, str):
        return sorted(set(selection))
    return session.scalars(
        select(Member.id)
        .where(
            Member.image_set_id == image_set.id,
            Member.state == MemberState.PRESENT,
            selects(session, image_set, selection),
        )
        .order_by(Member.id)
    ).all()


def _source(source: CaptionSource | None, verb: str | None) -> CaptionSource | None:
    """Who wrote a caption; what a template made is of the tags, whoever had it made."""
    return CaptionSource.TAGS if verb == TEMPLATED else source
