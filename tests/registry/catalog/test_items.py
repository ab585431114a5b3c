"""Many members changed at once, each in its own way."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.caption_edits import undo_captions
from sdxl_reg.catalog.caption_items import CaptionItem, write_captions
from sdxl_reg.catalog.crop_items import CropItem, write_crops
from sdxl_reg.catalog.crops import crops_of, undo_last
from sdxl_reg.catalog.items import ItemsReport, MemberName
from sdxl_reg.catalog.journal import changes
from sdxl_reg.catalog.tag_edits import undo_tags
from sdxl_reg.catalog.tag_items import MOST_TAGS, TagItem, write_tags
from sdxl_reg.errors import InvalidValue, ItemsRefused
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Blob, Caption, CaptionHead, Image, ImageSet, Member, MemberTag
from tests.registry.catalog.hand_tagged import (
    assert_the_tree_is_true,
    image_set_of,
    tables,
    tags_on,
)
from tests.registry.catalog.statements import counted

PATHS = ["qzy/flawed/0.jpg", "qzy/flawed/1.jpg", "lsbr/2.jpg", "3.jpg"]


def _set(session: Session) -> ImageSet:
    return image_set_of(session, "weipin", ["qzy/flawed", "qzy/flawed", "lsbr", ""])


def _member(session: Session, path: str) -> int:
    return session.scalars(select(Member.id).where(Member.source_path == path)).one()


def _statuses(report: ItemsReport) -> list[str]:
    return [str(result.status) for result in report.results]


def _codes(report: ItemsReport) -> list[str | None]:
    return [result.problem.code if result.problem else None for result in report.results]


def _captions(session: Session) -> dict[str, tuple[str, str | None]]:
    rows = session.execute(
        select(Member.source_path, Caption.text, Caption.author)
        .join(CaptionHead, CaptionHead.member_id == Member.id)
        .join(Caption, Caption.id == CaptionHead.caption_id)
    )
    return {path: (text, author) for path, text, author in rows}


def _named(*names: MemberName) -> Sequence[CaptionItem]:
    return [CaptionItem(which=name, text=f"words {place}") for place, name in enumerate(names)]


def test_captions_are_written_by_every_name_and_taken_back_as_one(engine: Engine) -> None:
    with transaction(engine) as session:
        found = _set(session)
        sha256 = session.scalars(
            select(Blob.sha256).join(Image).join(Member).where(Member.source_path == PATHS[1])
        ).one()
        items = [
            *_named(
                MemberName(member=_member(session, PATHS[0])), MemberName(sha256=sha256.upper())
            ),
            CaptionItem(which=MemberName(path=PATHS[2]), text=" a,  b ,", author="mei"),
            CaptionItem(which=MemberName(path=PATHS[3]), text=""),
        ]
        report = write_captions(session, found, items, author="anna")
        assert _statuses(report) == ["written", "written", "written", "unchanged"]
        assert _captions(session) == {
            PATHS[0]: ("words 0", "anna"),
            PATHS[1]: ("words 1", "anna"),
            PATHS[2]: ("a, b", "mei"),
        }
        again = write_captions(session, found, items, author="anna")
        assert (again.change, set(_statuses(again))) == (None, {"unchanged"})
        assert len(changes(session, "", image_set=found)) == 1
        undo_captions(session, found)
        assert _captions(session) == {}


def test_what_cannot_be_written_is_refused_by_itself(engine: Engine) -> None:
    with transaction(engine) as session:
        found, other = _set(session), image_set_of(session, "other", ["", ""])
        strange = session.scalars(
            select(Member.id).where(Member.image_set_id == other.id).limit(1)
        ).one()
        twin = session.scalars(select(Member).where(Member.source_path == PATHS[1])).one()
        first = session.scalars(select(Member).where(Member.source_path == PATHS[0])).one()
        twin.image_id = first.image_id
        session.flush()
        names = [
            MemberName(path=PATHS[2]),
            MemberName(path="nowhere.jpg"),
            MemberName(member=strange),
            MemberName(sha256=first.image.blob.sha256),  # there twice
            MemberName(member=_member(session, PATHS[2])),  # the first once more
            MemberName(),
            MemberName(path=PATHS[0], member=1),
        ]
        items = _named(*names)
        report = write_captions(session, found, items)
        assert _statuses(report) == ["written", *["refused"] * 6]
        assert _codes(report) == [None, *["not-found"] * 2, *["invalid-value"] * 4]
        assert "item 0" in str(report.results[4].problem)
        assert str(first.id) in str(report.results[3].problem)
        with pytest.raises(ItemsRefused) as refusal:
            write_captions(session, found, items, atomic=True)
        assert sorted(refusal.value.faults) == [f"items.{place}" for place in range(1, 7)]


def test_tags_are_given_and_taken_and_all_of_it_is_undone(engine: Engine) -> None:
    with transaction(engine) as session:
        found = _set(session)
        before = tables(session)
        items = [
            TagItem(which=MemberName(path=PATHS[0]), attach=["review/new"], detach=["qzy/flawed"]),
            TagItem(which=MemberName(path=PATHS[1]), attach=["QZY/flawed"]),
            TagItem(which=MemberName(path=PATHS[2]), attach=["review/new", "qzy"]),
            TagItem(which=MemberName(path=PATHS[3]), detach=["nothing/so"]),
            TagItem(which=MemberName(path="nowhere"), attach=["other"]),
        ]
        report = write_tags(session, found, items, make=True)
        assert _statuses(report) == ["written", "unchanged", "written", "refused", "refused"]
        assert tags_on(session, PATHS[0]) == {"review/new": False}
        assert tags_on(session, PATHS[2]) == {"lsbr": True, "review/new": False, "qzy": False}
        assert "other" not in {row[4] for row in tables(session)["tags"]}
        assert_the_tree_is_true(session)
        undo_tags(session, found)
        assert tables(session) == before


def test_a_tag_that_is_not_there_is_refused_unless_it_is_to_be_made(engine: Engine) -> None:
    with transaction(engine) as session:
        found = _set(session)
        items = [
            TagItem(which=MemberName(path=PATHS[0]), attach=["qzy/flawd"]),
            TagItem(which=MemberName(path=PATHS[1]), attach=["lsbr"], detach=["LSBR"]),
            TagItem(which=MemberName(path=PATHS[2]), attach=["a//b"]),
        ]
        report = write_tags(session, found, items)
        assert _codes(report) == ["not-found", "invalid-value", "not-found"]
        assert "qzy/flawed" in str(report.results[0].problem)
        assert report.change is None
        made = write_tags(session, found, items, make=True)
        assert _codes(made) == [None, "invalid-value", "invalid-value"]
        with pytest.raises(ItemsRefused):
            write_tags(session, found, items, make=True, atomic=True)
        many = [str(number) for number in range(MOST_TAGS + 1)]
        with pytest.raises(InvalidValue, match="different tags"):
            write_tags(session, found, [TagItem(which=MemberName(path=PATHS[0]), attach=many)])


def test_crops_are_chosen_and_taken_away(engine: Engine) -> None:
    with transaction(engine) as session:
        found = _set(session)
        rows = [_member(session, path) for path in PATHS]
        half, right = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
        names = [MemberName(member=row) for row in rows]
        write_crops(session, found, [CropItem(which=names[0], box=half)])
        items = [
            CropItem(which=names[0], box=None),
            CropItem(which=names[1], box=right),
            CropItem(which=names[2], box=(0.9, 0, 0.1, 1)),
            CropItem(which=names[3], box=None),
        ]
        report = write_crops(session, found, items)
        assert _statuses(report) == ["written", "written", "refused", "unchanged"]
        assert crops_of(session, rows) == {rows[1]: right}
        with pytest.raises(ItemsRefused):
            write_crops(session, found, items, atomic=True)
        undo_last(session, found)
        assert crops_of(session, rows) == {rows[0]: half}


def test_thousands_take_a_few_statements_for_each_portion(engine: Engine) -> None:
    with transaction(engine) as session:
        found = image_set_of(session, "large", ["qzy"] * 2000)
        rows = session.scalars(select(Member.id)).all()
        names = [MemberName(member=row) for row in rows]
        captions = [CaptionItem(which=name, text=f"number {name.member}") for name in names]
        with counted(engine) as statements:
            report = write_captions(session, found, captions)
        assert set(_statuses(report)) == {"written"}
        assert len(statements) < 25
        tags = [
            TagItem(which=name, attach=["lsbr", f"lot/{place % 3}"], detach=["qzy"])
            for place, name in enumerate(names)
        ]
        with counted(engine) as statements:
            write_tags(session, found, tags, make=True)
        assert len(statements) < 100
        assert len(session.scalars(select(MemberTag.member_id)).all()) == 4000
