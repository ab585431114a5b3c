"""Many tags given to and taken from members of one set at once: some hundreds to a statement.

Beside `TagWriter.attach`, which gives one tag to members however many they are, and takes a few
statements for each tag.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.member_runs import as_runs
from sdxl_reg.catalog.portions import portions
from sdxl_reg.tables import Member, MemberTag, Tag

Held = Mapping[int, Mapping[int, bool]]
"""Row of a member → those of its tags → whether its folder gave it."""


def held_tags(session: Session, members: Collection[int], tags: Collection[int]) -> Held:
    """Which of some tags some members have.

    Args:
        session: The transaction.
        members: Rows of them.
        tags: Rows of them.
    """
    held: dict[int, dict[int, bool]] = defaultdict(dict)
    for some in portions(sorted(set(members))):
        for those in portions(sorted(set(tags))):
            query = select(MemberTag.member_id, MemberTag.tag_id, MemberTag.by_folder).where(
                MemberTag.member_id.in_(some), MemberTag.tag_id.in_(those)
            )
            for member, tag, by_folder in session.execute(query):
                held[member][tag] = by_folder
    return held


def exchange(
    session: Session,
    image_set_id: int,
    *,
    gain: Mapping[tuple[Tag, bool], Collection[int]],
    lose: Mapping[Tag, Collection[int]],
) -> dict[str, Any] | None:
    """Give tags to members of a set, and take others from them.

    Args:
        session: The transaction.
        image_set_id: Row of the set; members of others are passed over.
        gain: A tag, and whether folders give it → rows of members.
        lose: A tag → rows of members.

    Returns:
        The step that takes it back, of what was really done; None where that is nothing.
    """
    asked = {member for members in (*gain.values(), *lose.values()) for member in members}
    held = held_tags(session, asked, {*(tag.id for tag, _ in gain), *(tag.id for tag in lose)})
    own = _own(session, image_set_id, asked)
    gained = {
        key: [one for one in members if one in own and key[0].id not in held.get(one, {})]
        for key, members in gain.items()
    }
    lost: dict[tuple[Tag, bool], list[int]] = defaultdict(list)
    for tag, members in lose.items():
        for member in members:
            if member in own and tag.id in held.get(member, {}):
                lost[tag, held[member][tag.id]].append(member)
    _delete(session, [(one, tag.id) for (tag, _), members in lost.items() for one in members])
    rows = [
        {"member_id": one, "tag_id": tag.id, "image_set_id": image_set_id, "by_folder": by_folder}
        for (tag, by_folder), members in gained.items()
        for one in members
    ]
    if rows:
        session.execute(insert(MemberTag), rows)
    if not rows and not lost:
        return None
    return {
        "do": "exchange",
        "image_set": image_set_id,
        "gain": [[tag.path, by, as_runs(some)] for (tag, by), some in lost.items()],
        "lose": [[tag.path, as_runs(some)] for (tag, _), some in gained.items() if some],
    }


def _own(session: Session, image_set_id: int, members: Collection[int]) -> set[int]:
    of_set = Member.image_set_id == image_set_id
    return {
        row
        for some in portions(sorted(members))
        for row in session.scalars(select(Member.id).where(of_set, Member.id.in_(some)))
    }


def _delete(session: Session, pairs: Sequence[tuple[int, int]]) -> None:
    rows: list[dict[str, Any]] = [{"member": member, "tag": tag} for member, tag in pairs]
    if not rows:
        return
    table = MemberTag.__table__
    one = delete(table).where(  # type: ignore[arg-type]
        table.c.member_id == bindparam("member"), table.c.tag_id == bindparam("tag")
    )
    session.connection().execute(one, rows)
