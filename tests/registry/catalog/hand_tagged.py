"""Image sets with members and tags, written without any file: for tests of thousands of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.tags import ensure_tag
from sdxl_reg.tables import (
    Blob,
    Image,
    ImageSet,
    Member,
    MemberTag,
    Tag,
    TagAlias,
    TagClosure,
    now,
)

LEVELS = ("brand", "state", "defect")


def image_set_of(session: Session, name: str, tags: Sequence[str]) -> ImageSet:
    """A set with one picture for each of these tag paths, in their order; empty for no tag."""
    found = ImageSet(name=name, name_key=name, source="/", layout="/".join(LEVELS))
    session.add(found)
    session.flush()
    paths = [f"{tag}/{number}.jpg".lstrip("/") for number, tag in enumerate(tags)]
    digests = [f"{found.id:032x}{number:032x}" for number in range(len(tags))]
    blobs = _written(
        session, Blob, [{"sha256": d, "size_bytes": 1, "created_at": now()} for d in digests]
    )
    facts = {"width": 64, "height": 48, "format": "JPEG", "created_at": now()}
    images = _written(session, Image, [{"blob_id": blob, **facts} for blob in blobs])
    file = {"source_size": 1, "source_mtime_ns": 1, "added_at": now(), "seen_at": now()}
    rows = [
        {"image_set_id": found.id, "image_id": image, "source_path": path, **file}
        for image, path in zip(images, paths, strict=True)
    ]
    members = _written(session, Member, rows)
    ids = {path: ensure_tag(session, path.split("/"), LEVELS) for path in set(tags) if path}
    tagged = [
        {"member_id": m, "tag_id": tag.id, "image_set_id": found.id, "by_folder": True}
        for m, path in zip(members, tags, strict=True)
        if (tag := ids.get(path))
    ]
    if tagged:
        session.execute(insert(MemberTag), tagged)
    return found


def tables(session: Session) -> Mapping[str, Any]:
    """Everything that is recorded of tags, in an order of its own."""
    session.expire_all()
    return {
        "tags": _rows(session, Tag, "id parent_id name name_key path depth level"),
        "closure": _rows(session, TagClosure, "ancestor_id descendant_id depth"),
        "aliases": _rows(session, TagAlias, "parent_id name_key tag_id"),
        "members": _rows(session, MemberTag, "member_id tag_id image_set_id by_folder"),
    }


def assert_the_tree_is_true(session: Session) -> None:
    """Paths, depths and closure say what the parents say."""
    tags = {tag.id: tag for tag in session.scalars(select(Tag))}
    closure = set()
    for tag in tags.values():
        names, above, distance = [tag.name], tag, 0
        closure.add((tag.id, tag.id, 0))
        while above.parent_id is not None:
            above, distance = tags[above.parent_id], distance + 1
            names.insert(0, above.name)
            closure.add((above.id, tag.id, distance))
        assert (tag.path, tag.depth) == ("/".join(names), distance)
    found = _rows(session, TagClosure, "ancestor_id descendant_id depth")
    assert {tuple(row) for row in found} == closure


def tags_on(session: Session, source_path: str) -> Mapping[str, bool]:
    """The tags of a member, and of each whether its folder gave it."""
    rows = session.execute(
        select(Tag.path, MemberTag.by_folder)
        .join(MemberTag, MemberTag.tag_id == Tag.id)
        .join(Member, Member.id == MemberTag.member_id)
        .where(Member.source_path == source_path)
    )
    return dict(rows.all())


def _written(session: Session, table: Any, rows: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    query = insert(table).returning(table.id, sort_by_parameter_order=True)
    return list(session.scalars(query, [dict(row) for row in rows])) if rows else []


def _rows(session: Session, table: Any, columns: str) -> Sequence[tuple[Any, ...]]:
    query = select(*(getattr(table, column) for column in columns.split()))
    return sorted((tuple(row) for row in session.execute(query)), key=repr)
