"""Pages of the members under a tag: the same as of all of them sorted, whatever lies where."""

import random

import pytest
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from sdxl_reg.catalog.images import page_of_members
from sdxl_reg.catalog.tag_pages import members_below, tag_id_at
from sdxl_reg.catalog.tags import ensure_tag
from sdxl_reg.catalog.totals import refresh_totals
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Blob, Image, ImageSet, Member, MemberTag, now

LEVELS = ("brand", "state", "defect")
COUNT = 400


@pytest.fixture
def tagged(engine: Engine) -> tuple[Engine, dict[int, set[str]]]:
    """A set of rows alone, with up to three tags a member; and what each has."""
    chance = random.Random(4)
    paths = [("a", "flawed", f"d{n}") for n in range(30)] + [("a", "flawless"), ("b", "flawed")]
    has: dict[int, set[str]] = {}
    with transaction(engine) as session:
        session.add(ImageSet(id=1, name="s", name_key="s", source="/s", layout="/".join(LEVELS)))
        tags = {"/".join(p): t.id for p in paths if (t := ensure_tag(session, p, LEVELS))}
        for key in range(1, COUNT + 1):
            _add(session, key)
            some = chance.sample(sorted(tags), chance.choice([0, 1, 1, 1, 2, 3]))
            some += ["a/flawless"] if 100 < key < 300 and "a/flawless" not in some else []
            has[key] = set(some)
            if some:
                rows = [
                    {"member_id": key, "tag_id": tags[p], "image_set_id": 1, "by_folder": not at}
                    for at, p in enumerate(some)
                ]
                session.execute(insert(MemberTag), rows)
        refresh_totals(session, session.get_one(ImageSet, 1))
    return engine, has


def _add(session: Session, key: int) -> None:
    session.execute(insert(Blob), {"id": key, "sha256": f"{key:064}", "size_bytes": 1})
    facts = {"id": key, "blob_id": key, "width": 8, "height": 8, "format": "PNG"}
    session.execute(insert(Image), facts)
    place = {"id": key, "image_set_id": 1, "image_id": key, "source_path": f"{key}.png"}
    session.execute(
        insert(Member), place | {"source_size": 1, "source_mtime_ns": 1, "seen_at": now()}
    )


def test_pages_one_after_the_other_hold_every_member_once_and_in_order(
    tagged: tuple[Engine, dict[int, set[str]]],
) -> None:
    engine, has = tagged
    with transaction(engine) as session:
        for path in ("a", "a/flawed", "a/flawed/d3", "a/flawless", "b"):
            wanted = [key for key, tags in has.items() if any(_is_below(t, path) for t in tags)]
            for limit in (7, 60, 1000):
                assert _paged(session, path, limit, total=len(wanted)) == wanted


def test_a_tag_that_is_not_there_has_no_members(
    tagged: tuple[Engine, dict[int, set[str]]],
) -> None:
    engine, _ = tagged
    with transaction(engine) as session:
        image_set = session.get_one(ImageSet, 1)
        assert tag_id_at(session, "c/d") == 0
        assert members_below(session, image_set, 0, after=0, limit=5) == []
        assert page_of_members(session, image_set, tag="c/d").total == 0


def _is_below(tag: str, path: str) -> bool:
    return f"{tag}/".startswith(f"{path}/")


def _paged(session: Session, path: str, limit: int, *, total: int) -> list[int]:
    """The members of all pages."""
    image_set = session.get_one(ImageSet, 1)
    found: list[int] = []
    after: int | None = 0
    while after is not None:
        page = page_of_members(session, image_set, tag=path, after=after, limit=limit)
        assert page.total == total
        found += [member.member_id for member in page.members]
        after = page.next
    return found
