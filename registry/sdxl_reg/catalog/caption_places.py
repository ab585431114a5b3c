"""What stands in the places of a caption template, for members that are recorded already."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.caption_rows import CaptionTarget
from sdxl_reg.tables import ImageSet, MemberTag, Tag

Places = Mapping[str, Sequence[str]]
"""Place → its words."""


def places_of_members(
    session: Session, image_set: ImageSet, targets: Sequence[CaptionTarget]
) -> dict[int, Places]:
    """Member → the places of its template: its levels, `tags`, `set` and `name`.

    The tag of the folder gives the levels. Tags that were attached besides add to the level they
    lie in, if they have the same root; else they stand among `tags` alone, by their last name.

    Args:
        session: The transaction.
        image_set: The set.
        targets: Some hundreds of its members.
    """
    paths = _tag_paths(session, [target.member_id for target in targets])
    levels = image_set.layout.split("/")
    return {
        target.member_id: {
            **tag_places(paths[target.member_id], levels),
            "set": [image_set.name],
            "name": [PurePosixPath(target.path).stem],
        }
        for target in targets
    }


def tag_places(paths: Sequence[str], levels: Sequence[str]) -> dict[str, list[str]]:
    """The levels and `tags` of a member with tags at some paths.

    Args:
        paths: Names of each tag from the root, joined by /; that of the folder first.
        levels: What the depths are called.
    """
    places: dict[str, list[str]] = defaultdict(list)
    others: list[str] = []
    for path in paths:
        names = path.split("/")
        if names[0] != paths[0].split("/")[0]:
            others.append(names[-1])
            continue
        for depth, name in enumerate(names):
            level = levels[depth] if depth < len(levels) else f"level{depth + 1}"
            if name not in places[level]:
                places[level].append(name)
    tags = [name for names in places.values() for name in names]
    return {**places, "tags": [*tags, *(name for name in others if name not in tags)]}


def _tag_paths(session: Session, member_ids: Sequence[int]) -> dict[int, list[str]]:
    rows = session.execute(
        select(MemberTag.member_id, Tag.path)
        .join(Tag, Tag.id == MemberTag.tag_id)
        .where(MemberTag.member_id.in_(member_ids))
        .order_by(MemberTag.by_folder.desc(), Tag.path)
    )
    paths: dict[int, list[str]] = defaultdict(list)
    for member_id, path in rows:
        paths[member_id].append(path)
    return paths
