"""Changing captions in bulk, and taking changes back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.caption_edits import (
    apply_template,
    edit_tags,
    replace,
    revert,
    set_caption,
    undo_captions,
)
from sdxl_reg.catalog.captions import add_caption, caption_entries
from sdxl_reg.catalog.images import find_image_set, find_member, members_of
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.journal import changes
from sdxl_reg.catalog.tags import ensure_tag
from sdxl_reg.errors import InvalidValue, NotFound, UnknownName
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Caption, Change, ImageSet, Member, MemberTag
from sdxl_reg.vocabulary import CaptionSource
from tests.registry.catalog.pictures import products, write

FOLDERS = ("flawed/fold", "flawed/spot", "flawless")
SPOT = "qzy/flawed/spot/xxx1.jpg"
FLAWLESS = "qzy/flawless/xxx1.jpg"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return products(tmp_path / "products", brands=("qzy",))


@pytest.fixture
def session(engine: Engine, store: BlobStore, root: Path) -> Iterator[Session]:
    """A transaction on `weipin` with two pictures in each of three folders of one brand."""
    ingest(engine, store, root)
    with transaction(engine) as session:
        yield session


@pytest.fixture
def weipin(session: Session) -> ImageSet:
    return find_image_set(session, "weipin")


def captions(session: Session, image_set: ImageSet) -> dict[str, str]:
    return {member.source_path: member.caption for member in members_of(session, image_set)}


def entry(session: Session, image_set: ImageSet, path: str) -> Caption:
    member = find_member(session, image_set, path)
    present = next(e for e in caption_entries(session, member.id) if e.is_present)
    found = session.get(Caption, present.caption_id)
    assert found is not None
    return found


def test_the_two_scripts_are_reproduced_byte_for_byte(session: Session, weipin: ImageSet) -> None:
    report = apply_template(session, weipin, "{brand}, {state}, {defect}, black background")
    assert (report.selected, report.changed) == (6, 6)
    assert captions(session, weipin)[SPOT].encode() == b"qzy, flawed, spot, black background"
    assert captions(session, weipin)[FLAWLESS].encode() == b"qzy, flawless, black background"


def test_a_change_is_one_entry_of_the_journal_with_its_captions(
    session: Session, weipin: ImageSet
) -> None:
    report = apply_template(session, weipin, "{tags}", suffix="black background", author="ann")
    assert report.change is not None
    assert (report.change.verb, report.change.author) == ("captions.templated", "ann")
    assert report.change.summary == "The template '{tags}, black background' in 6 captions"
    caption = entry(session, weipin, SPOT)
    assert (caption.change_id, caption.tokens, caption.author) == (report.change.id, 9, "ann")
    assert report.examples[0] == (
        "qzy/flawed/fold/xxx1.jpg",
        "qzy, flawed, fold",
        "qzy, flawed, fold, black background",
    )


def test_a_template_for_the_whole_set_holds_for_pictures_that_come_later(
    engine: Engine, store: BlobStore, root: Path
) -> None:
    ingest(engine, store, root)
    with transaction(engine) as session:
        apply_template(session, find_image_set(session, "weipin"), "{tags}", suffix="on black")
    (root / "weipin/qzy/flawless/xxx2.jpg").rename(root / "weipin/qzy/flawless/new.jpg")
    write(root, {"weipin/lsbr/flawless/1.jpg": (root / f"weipin/{SPOT}").read_bytes() + b"x"})
    ingest(engine, store, root)
    with transaction(engine) as session:
        found = captions(session, find_image_set(session, "weipin"))
        assert found["lsbr/flawless/1.jpg"] == "lsbr, flawless, on black"
        assert found["qzy/flawless/new.jpg"] == "qzy, flawless, on black"
        assert session.scalars(select(Caption).where(Caption.text == "qzy, flawless")).all()


@pytest.mark.parametrize("kind", ["selected", "replaced", "over sidecar"])
def test_an_ingest_leaves_what_people_changed(
    engine: Engine, store: BlobStore, root: Path, kind: str
) -> None:
    write(root, {"weipin/qzy/flawed/spot/xxx1.txt": b"from a file"})
    ingest(engine, store, root)
    with transaction(engine) as session:
        weipin = find_image_set(session, "weipin")
        if kind == "selected":
            apply_template(session, weipin, "{defect}", select="**/spot")
        elif kind == "replaced":
            replace(session, weipin, "from", "out of")
        else:
            apply_template(session, weipin, "{tags}, on black")
        before = captions(session, weipin)
    ingest(engine, store, root)
    with transaction(engine) as session:
        assert captions(session, find_image_set(session, "weipin")) == before


def test_a_template_keeps_what_persons_and_models_wrote(session: Session, weipin: ImageSet) -> None:
    mine, models = find_member(session, weipin, SPOT), find_member(session, weipin, FLAWLESS)
    set_caption(session, mine.id, "by hand")
    add_caption(session, models.id, "a shirt", source=CaptionSource.MODEL)
    report = apply_template(session, weipin, "{brand}")
    assert dict(report.kept) == {CaptionSource.PERSON: 1, CaptionSource.MODEL: 1}
    assert captions(session, weipin)[SPOT] == "by hand"
    report = apply_template(session, weipin, "{state}", over=set(CaptionSource))
    assert captions(session, weipin)[SPOT] == "flawed"
    assert report.changed == 6


def test_a_template_replaces_what_another_template_made_of_a_selection(
    session: Session, weipin: ImageSet
) -> None:
    apply_template(session, weipin, "{defect}", select="**/spot")
    report = apply_template(session, weipin, "{defect}, on black", select="**/spot")
    assert (report.changed, dict(report.kept)) == (2, {})


def test_tags_that_were_attached_besides_are_in_the_template(
    session: Session, weipin: ImageSet
) -> None:
    member = find_member(session, weipin, SPOT)
    for path in ("qzy/flawed/fold", "season/summer"):
        names = path.split("/")
        tag = ensure_tag(session, names, [""] * len(names))
        assert tag is not None
        row = {"member_id": member.id, "tag_id": tag.id, "image_set_id": weipin.id}
        session.execute(insert(MemberTag), [row | {"by_folder": False}])
    apply_template(session, weipin, "{defect} {brand}; {tags}", select=[member.id])
    assert entry(session, weipin, SPOT).text == ("spot, fold qzy; qzy, flawed, spot, fold, summer")


def test_a_caption_can_be_wrapped(session: Session, weipin: ImageSet) -> None:
    apply_template(session, weipin, "{trigger}, {caption}, on black", trigger="wpn")
    assert captions(session, weipin)[SPOT] == "wpn, qzy, flawed, spot, on black"
    assert weipin.caption_template == "{tags}"


def test_nothing_is_changed_when_it_is_only_asked_for(session: Session, weipin: ImageSet) -> None:
    before = captions(session, weipin)
    report = replace(session, weipin, "spot", "stain", dry_run=True)
    assert (report.changed, report.change) == (2, None)
    apply_template(session, weipin, "{brand}", dry_run=True)
    assert captions(session, weipin) == before
    assert weipin.caption_template == "{tags}"
    assert changes(session, "captions.") == []


def test_text_is_replaced_anywhere(session: Session, weipin: ImageSet) -> None:
    assert replace(session, weipin, "flaw", "fault").changed == 6
    assert captions(session, weipin)[SPOT] == "qzy, faulted, spot"
    assert replace(session, weipin, "FAULT", "flaw").changed == 0
    assert replace(session, weipin, "FAULT", r"\1", ignore_case=True).changed == 6
    assert captions(session, weipin)[FLAWLESS] == r"qzy, \1less"


def test_whole_tags_are_replaced_or_taken_out(session: Session, weipin: ImageSet) -> None:
    assert replace(session, weipin, "flaw", "x", how="tag").changed == 0
    assert replace(session, weipin, "FLAWED", "damaged, worn", how="tag", ignore_case=True)
    assert captions(session, weipin)[SPOT] == "qzy, damaged, worn, spot"
    assert replace(session, weipin, "worn", "", how="tag").changed == 4
    assert captions(session, weipin)[SPOT] == "qzy, damaged, spot"


def test_regular_expressions_have_groups(session: Session, weipin: ImageSet) -> None:
    report = replace(session, weipin, r"(\w+), flawed, (?P<d>\w+)", r"\g<d> on \1", how="regex")
    assert report.changed == 4
    assert captions(session, weipin)[SPOT] == "spot on qzy"


@pytest.mark.parametrize(
    ("search", "replacement", "told"),
    [("(", "x", "not a regular expression"), ("q", r"\2", "invalid group reference")],
)
def test_a_bad_expression_is_told(
    session: Session, weipin: ImageSet, search: str, replacement: str, told: str
) -> None:
    with pytest.raises(InvalidValue, match=told):
        replace(session, weipin, search, replacement, how="regex")


def test_nothing_cannot_be_looked_for(session: Session, weipin: ImageSet) -> None:
    with pytest.raises(InvalidValue, match="nothing to look for"):
        replace(session, weipin, "", "x")
    with pytest.raises(UnknownName, match="way to search"):
        replace(session, weipin, "a", "x", how="glob")  # type: ignore[arg-type]


def test_captions_that_do_not_match_keep_their_commas(session: Session, weipin: ImageSet) -> None:
    member = find_member(session, weipin, SPOT)
    add_caption(session, member.id, "odd ,,  one", source=CaptionSource.PERSON)
    assert replace(session, weipin, "qzy", "QZY").changed == 5
    assert captions(session, weipin)[SPOT] == "odd ,,  one"


def test_tags_are_added_removed_and_sorted(session: Session, weipin: ImageSet) -> None:
    edit_tags(session, weipin, add=["wpn", "Spot"], at="start", select="**/spot")
    assert captions(session, weipin)[SPOT] == "wpn, qzy, flawed, spot"
    edit_tags(session, weipin, add=["on black", "wpn"], remove=["QZY"], select="**/spot")
    assert captions(session, weipin)[SPOT] == "wpn, flawed, spot, on black"
    edit_tags(session, weipin, order="sorted", select="**/spot")
    assert captions(session, weipin)[SPOT] == "flawed, on black, spot, wpn"


def test_tags_that_stand_twice_are_removed(session: Session, weipin: ImageSet) -> None:
    member = find_member(session, weipin, SPOT)
    set_caption(session, member.id, "spot, a, Spot, b, a")
    report = edit_tags(session, weipin, member_ids=[member.id])
    assert captions(session, weipin)[SPOT] == "spot, a, b"
    assert report.change is not None
    assert report.change.summary == "Tags that stood twice were removed in 1 captions"


def test_changes_are_undone_the_newest_first(session: Session, weipin: ImageSet) -> None:
    original = {path: entry(session, weipin, path).id for path in (SPOT, FLAWLESS)}
    apply_template(session, weipin, "{tags}, on black")
    middle = captions(session, weipin)
    replace(session, weipin, "spot", "stain")
    assert undo_captions(session, weipin).verb == "captions.replaced"
    assert captions(session, weipin) == middle
    assert undo_captions(session, weipin).verb == "captions.templated"
    assert {path: entry(session, weipin, path).id for path in original} == original
    assert weipin.caption_template == "{tags}"
    with pytest.raises(NotFound, match="all is undone"):
        undo_captions(session, weipin)


def test_the_history_shows_what_was_undone(session: Session, weipin: ImageSet) -> None:
    member = find_member(session, weipin, SPOT)
    replace(session, weipin, "spot", "stain")
    undo_captions(session, weipin)
    newest, first = caption_entries(session, member.id)
    assert (newest.text, newest.is_present, newest.is_undone) == ("qzy, flawed, stain", False, True)
    assert newest.change == "'spot' became 'stain' in 2 captions"
    assert (first.text, first.is_present, first.change) == ("qzy, flawed, spot", True, None)


def test_undo_leaves_a_caption_that_was_given_since(session: Session, weipin: ImageSet) -> None:
    replace(session, weipin, "spot", "stain")
    member = find_member(session, weipin, SPOT)
    add_caption(session, member.id, "later", source=CaptionSource.SIDECAR)
    undo_captions(session, weipin)
    assert captions(session, weipin)[SPOT] == "later"
    assert captions(session, weipin)["qzy/flawed/spot/xxx2.jpg"] == "qzy, flawed, spot"


def test_a_first_caption_is_undone_to_none(session: Session, weipin: ImageSet) -> None:
    member = find_member(session, weipin, SPOT)
    other = Member(
        image_set_id=weipin.id,
        image_id=member.image_id,
        source_path="bare.jpg",
        source_size=1,
        source_mtime_ns=1,
        seen_at=member.seen_at,
    )
    session.add(other)
    session.flush()
    assert set_caption(session, other.id, "words").changed == 1
    assert [e.text for e in caption_entries(session, other.id) if e.is_present] == ["words"]
    undo_captions(session, weipin)
    assert [e.is_present for e in caption_entries(session, other.id)] == [False]


def test_an_earlier_caption_is_taken_up_again(session: Session, weipin: ImageSet) -> None:
    first = entry(session, weipin, SPOT)
    set_caption(session, first.member_id, "by hand")
    revert(session, first.id, author="ann")
    assert captions(session, weipin)[SPOT] == "qzy, flawed, spot"
    assert [e.author for e in caption_entries(session, first.member_id)] == ["ann", None, None]
    undo_captions(session, weipin)
    assert captions(session, weipin)[SPOT] == "by hand"
    with pytest.raises(NotFound, match="captions show"):
        revert(session, 12345)


def test_members_of_another_set_are_never_changed(session: Session, weipin: ImageSet) -> None:
    other = ImageSet(name="x", name_key="x", source="", layout="brand", caption_template="{tags}")
    session.add(other)
    session.flush()
    member = find_member(session, weipin, SPOT)
    assert edit_tags(session, other, add=["x"], member_ids=[member.id]).changed == 0
    assert session.scalars(select(Change)).all() == []


def test_missing_members_and_unknown_levels_are_told(session: Session, weipin: ImageSet) -> None:
    with pytest.raises(NotFound, match="member"):
        set_caption(session, 12345, "x")
    with pytest.raises(UnknownName, match=re.escape("place in the caption: 'colour'")):
        apply_template(session, weipin, "{colour}")
