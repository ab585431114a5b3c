"""Editing tags: what each edit does, what it refuses, and that undo takes it back exactly."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog import tag_edits
from sdxl_reg.catalog.images import members_of
from sdxl_reg.catalog.journal import changes
from sdxl_reg.catalog.tags import ensure_tag, find_tag, tag_tree, unused_tags
from sdxl_reg.catalog.totals import refresh_totals, totals_of
from sdxl_reg.errors import Conflict, InvalidValue, NotFound, RegistryError
from sdxl_reg.store.database import connect, reading, transaction
from sdxl_reg.tables import Base, ImageSet, Member, MemberTag, Tag, TagAlias
from tests.registry.catalog.hand_tagged import (
    LEVELS,
    assert_the_tree_is_true,
    image_set_of,
    tables,
    tags_on,
)
from tests.registry.catalog.statements import counted

SPOT, FOLD = "qzy/flawed/spot", "qzy/flawed/fold"


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


@pytest.fixture
def weipin(session: Session) -> ImageSet:
    return image_set_of(session, "weipin", [SPOT, SPOT, FOLD, "qzy/flawless", "lsbr/flawed/spot"])


@pytest.fixture
def other(session: Session) -> ImageSet:
    return image_set_of(session, "other", [SPOT])


def test_adding_a_tag_makes_what_is_missing_above_it(session: Session, weipin: ImageSet) -> None:
    report = tag_edits.add(session, weipin, "qzy/burnt/rim", author="li")
    tag = find_tag(session, "QZY/Burnt/rim")
    assert (tag.path, tag.level, tag.depth) == ("qzy/burnt/rim", "defect", 2)
    assert [unused.path for unused in unused_tags(session)] == ["qzy/burnt", "qzy/burnt/rim"]
    assert report.change is not None
    assert (report.change.verb, report.change.author) == ("tags.added", "li")
    assert tag_edits.add(session, weipin, "qzy/burnt/rim").change is None
    assert_the_tree_is_true(session)


def test_a_renamed_tag_keeps_its_pictures_and_its_old_name(
    session: Session, weipin: ImageSet, other: ImageSet
) -> None:
    report = tag_edits.rename(session, weipin, "qzy/flawed", "damaged")
    assert [member.tag_path for member in members_of(session, weipin, "qzy/damaged/**")] == [
        "qzy/damaged/fold",
        "qzy/damaged/spot",
        "qzy/damaged/spot",
    ]
    assert find_tag(session, SPOT).path == "qzy/damaged/spot"
    assert (report.members, report.elsewhere) == (3, (("other", 1),))
    assert report.summary == (
        "Renamed qzy/flawed to damaged: 3 images of weipin; also used by set other: 1 image"
    )
    assert_the_tree_is_true(session)


def test_a_moved_subtree_keeps_its_pictures(session: Session, weipin: ImageSet) -> None:
    before = members_of(session, weipin, "qzy/flawed/**")
    report = tag_edits.move(session, weipin, "qzy/flawed", "")
    assert report.members == 3
    tag = find_tag(session, "flawed/spot")
    assert (tag.depth, tag.level) == (1, "state")
    assert len(members_of(session, weipin, "flawed/**")) == len(before)
    assert [node.path for node in tag_tree(session, weipin)] == ["flawed", "lsbr", "qzy"]
    assert_the_tree_is_true(session)


def test_a_folder_with_an_old_name_lands_on_the_tag_it_had(
    session: Session, weipin: ImageSet
) -> None:
    tag_edits.rename(session, weipin, SPOT, "speck")
    tag_edits.move(session, weipin, "qzy/flawed/speck", "lsbr/flawed")
    tag_edits.merge(session, weipin, FOLD, "qzy/flawless")
    for old, new in ((SPOT, "lsbr/flawed/speck"), (FOLD, "qzy/flawless")):
        landed = ensure_tag(session, old.split("/"), LEVELS)
        assert landed is not None
        assert landed.path == new
    below = ensure_tag(session, ["qzy", "flawed", "fold", "deep"], LEVELS)
    assert below is not None
    assert (below.path, below.level) == ("qzy/flawless/deep", "defect")


def test_merging_merges_what_has_equal_names_below_and_keeps_every_picture(
    session: Session, weipin: ImageSet
) -> None:
    report = tag_edits.merge(session, weipin, "qzy", "lsbr")
    assert report.members == 4
    assert sorted(session.scalars(select(Tag.path))) == [
        "lsbr",
        "lsbr/flawed",
        "lsbr/flawed/fold",
        "lsbr/flawed/spot",
        "lsbr/flawless",
    ]
    assert len(members_of(session, weipin, "lsbr/flawed/spot")) == 3
    assert find_tag(session, FOLD).path == "lsbr/flawed/fold"
    assert_the_tree_is_true(session)


def test_a_picture_with_both_tags_has_the_one_that_stays_once(
    session: Session, weipin: ImageSet
) -> None:
    first = f"{SPOT}/0.jpg"
    tag_edits.attach(session, weipin, f"path:{first}", FOLD)
    before = tables(session)
    tag_edits.merge(session, weipin, SPOT, FOLD)
    assert tags_on(session, first) == {FOLD: True}, "that of the folder stays one of the folder"
    tag_edits.undo_tags(session, weipin)
    assert tables(session) == before
    assert tags_on(session, first) == {SPOT: True, FOLD: False}


def test_a_tag_can_be_merged_into_the_one_above_it(session: Session, weipin: ImageSet) -> None:
    tag_edits.add(session, weipin, "qzy/flawed/flawed/deep")
    before = tables(session)
    tag_edits.merge(session, weipin, "qzy/flawed", "qzy")
    assert "qzy/deep" in session.scalars(select(Tag.path)).all()
    assert find_tag(session, "qzy/flawed/flawed/spot").path == "qzy/spot"
    assert_the_tree_is_true(session)
    tag_edits.undo_tags(session, weipin)
    assert tables(session) == before


def test_other_names_go_along_when_their_tag_is_merged(session: Session, weipin: ImageSet) -> None:
    tag_edits.rename(session, weipin, SPOT, "speck")
    tag_edits.merge(session, weipin, "qzy/flawed/speck", FOLD)
    tag_edits.merge(session, weipin, "qzy/flawed", "lsbr/flawed")
    assert find_tag(session, SPOT).path == "lsbr/flawed/spot", "a tag goes before an old name"
    assert find_tag(session, "qzy/flawed/speck").path == "lsbr/flawed/fold"


def test_attaching_and_detaching_by_selector_and_by_rows(
    session: Session, weipin: ImageSet, other: ImageSet
) -> None:
    tag_edits.add(session, weipin, "shiny")
    attached = tag_edits.attach(session, weipin, "**/spot", "shiny", author="li")
    assert (attached.members, attached.summary) == (3, "Attached shiny to 3 images of weipin")
    member = members_of(session, weipin, "shiny")[0]
    assert (member.tag_path, member.more_tags) == ("lsbr/flawed/spot", ("shiny",))
    rows = [found.member_id for found in members_of(session, weipin, "qzy/**")]
    assert tag_edits.attach(session, weipin, rows, "shiny").members == 2
    assert tag_edits.attach(session, weipin, "**", "shiny").change is None
    assert members_of(session, other, "shiny") == []
    assert tag_edits.detach(session, weipin, rows, "shiny").members == 4
    assert tag_edits.detach(session, weipin, "", SPOT).members == 2
    bare = members_of(session, weipin, f"path:{SPOT}/0.jpg")[0]
    assert (bare.tag_path, bare.more_tags) == ("", ())


def test_rows_of_another_set_are_refused(
    session: Session, weipin: ImageSet, other: ImageSet
) -> None:
    rows = [found.member_id for found in members_of(session, other)]
    with pytest.raises(NotFound, match="no such member"):
        tag_edits.attach(session, weipin, rows, SPOT)


def test_only_an_empty_tag_is_removed(session: Session, weipin: ImageSet) -> None:
    tag_edits.add(session, weipin, "qzy/new")
    tag_edits.remove(session, weipin, "qzy/new")
    with pytest.raises(Conflict, match="has tags below it"):
        tag_edits.remove(session, weipin, "qzy")
    with pytest.raises(Conflict, match="is on images of 'weipin'"):
        tag_edits.remove(session, weipin, SPOT)


Edit = Callable[[Session, ImageSet], object]


@pytest.mark.parametrize(
    ("edit", "error", "told"),
    [
        (lambda s, w: tag_edits.move(s, w, "qzy", "qzy/flawed"), Conflict, "cannot lie below"),
        (lambda s, w: tag_edits.move(s, w, "qzy", "qzy"), Conflict, "cannot lie below itself"),
        (lambda s, w: tag_edits.move(s, w, SPOT, "lsbr/flawed"), Conflict, "tags merge SET"),
        (lambda s, w: tag_edits.rename(s, w, SPOT, "a/b"), InvalidValue, "not a name of a tag"),
        (lambda s, w: tag_edits.rename(s, w, SPOT, " "), InvalidValue, "not a name of a tag"),
        (lambda s, w: tag_edits.rename(s, w, SPOT, "Fold"), Conflict, "already"),
        (lambda s, w: tag_edits.add(s, w, "qzy//x"), InvalidValue, "not a name of a tag"),
        (lambda s, w: tag_edits.merge(s, w, "qzy", "qzy/flawed"), Conflict, "other way round"),
        (lambda s, w: tag_edits.merge(s, w, "qzy", "qzy"), Conflict, "Name two tags"),
        (lambda s, w: tag_edits.rename(s, w, "qzy/flawed/spott", "x"), NotFound, "Did you mean"),
        (lambda s, w: tag_edits.attach(s, w, "", "nothing"), NotFound, "no such tag"),
        (lambda s, w: tag_edits.undo_tags(s, w), NotFound, "Nothing was changed"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(
    edit: Edit, error: type[RegistryError], told: str, session: Session, weipin: ImageSet
) -> None:
    before = tables(session)
    with pytest.raises(error, match=told):
        edit(session, weipin)
    assert tables(session) == before


def test_a_name_that_led_elsewhere_can_become_a_tag_again(
    session: Session, weipin: ImageSet
) -> None:
    tag_edits.merge(session, weipin, SPOT, FOLD)
    before = tables(session)
    tag_edits.add(session, weipin, SPOT)
    assert find_tag(session, SPOT).path == SPOT
    tag_edits.undo_tags(session, weipin)
    assert tables(session) == before
    tag_edits.rename(session, weipin, FOLD, "spot")
    assert find_tag(session, SPOT).id == find_tag(session, FOLD).id
    assert session.scalars(select(TagAlias.name_key)).all() == ["fold"]


def test_edits_of_sets_are_undone_apart_and_those_of_the_tree_for_all(
    session: Session, weipin: ImageSet, other: ImageSet
) -> None:
    tag_edits.rename(session, weipin, SPOT, "speck")
    tag_edits.attach(session, weipin, "", FOLD)
    assert tag_edits.undo_tags(session, other).verb == "tags.renamed"
    assert tag_edits.undo_tags(session, weipin).verb == "tags.attached"
    with pytest.raises(NotFound):
        tag_edits.undo_tags(session, weipin)
    assert all(change.undone_at for change in changes(session, "tags."))


def test_a_tag_that_is_in_use_since_cannot_be_undone(
    session: Session, weipin: ImageSet, other: ImageSet
) -> None:
    tag_edits.add(session, weipin, "shiny")
    tag_edits.attach(session, other, "", "shiny")
    with pytest.raises(Conflict, match="is on images of 'other'"):
        tag_edits.undo_tags(session, weipin)


def test_a_removed_tag_that_an_ingest_has_made_again_is_left_as_it_is(
    session: Session, weipin: ImageSet
) -> None:
    tag_edits.add(session, weipin, "shiny")
    tag_edits.remove(session, weipin, "shiny")
    again = ensure_tag(session, ["shiny"], LEVELS)
    tag_edits.undo_tags(session, weipin)
    assert find_tag(session, "shiny") is again


def test_kept_counts_stay_true_for_every_set_that_an_edit_concerns(
    session: Session, weipin: ImageSet, other: ImageSet
) -> None:
    edits: list[Edit] = [
        lambda s, w: tag_edits.merge(s, w, SPOT, FOLD),
        tag_edits.undo_tags,
        lambda s, w: tag_edits.attach(s, w, "", FOLD),
        lambda s, w: tag_edits.detach(s, w, "qzy", FOLD),
        lambda s, w: tag_edits.move(s, w, SPOT, "lsbr"),
        lambda s, w: tag_edits.add(s, w, "x"),
    ]
    for image_set in (weipin, other):
        refresh_totals(session, image_set)
    for edit in edits:
        edit(session, weipin)
        for image_set in (weipin, other):
            kept = totals_of(session, image_set)
            assert kept == refresh_totals(session, image_set)


@pytest.fixture(scope="module")
def in_memory() -> Iterator[Engine]:
    """Tables without a row, for examples that leave none."""
    engine = connect("sqlite://")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


PATHS = st.sampled_from(["a", "b", "a/x", "a/y", "b/x", "b/X y", "a/x/x", "b/x/q", "c", "a/y/x"])
EDITS = st.one_of(
    st.tuples(st.just("add"), PATHS),
    st.tuples(st.just("remove"), PATHS),
    st.tuples(st.just("rename"), PATHS, st.sampled_from(["x", "y", "X", "z", "q"])),
    st.tuples(st.just("move"), PATHS, st.one_of(st.just(""), PATHS)),
    st.tuples(st.just("merge"), PATHS, PATHS),
    st.tuples(st.just("attach"), st.sampled_from(["", "a/**", "b", "**/x"]), PATHS),
    st.tuples(st.just("detach"), st.sampled_from(["", "a", "**/x"]), PATHS),
)


@pytest.mark.postgresql
def test_an_edit_waits_for_an_ingest_that_adds_tags(
    postgresql_server: None, migrated_postgresql: str
) -> None:
    engine = connect(migrated_postgresql)
    with transaction(engine) as session:
        image_set_of(session, "weipin", [SPOT])
    with ThreadPoolExecutor() as others:
        with transaction(engine) as ingest:
            ensure_tag(ingest, ["qzy", "flawed", "new"], LEVELS)
            moving = others.submit(_move_flawed, engine)
            sleep(0.3)
            assert not moving.done()
        moving.result(timeout=20)
    with transaction(engine) as session:
        assert "flawed/new" in session.scalars(select(Tag.path)).all()
        assert_the_tree_is_true(session)
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
    engine.dispose()


def _move_flawed(engine: Engine) -> None:
    with transaction(engine) as session:
        tag_edits.move(session, session.scalars(select(ImageSet)).one(), "qzy/flawed", "")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(PATHS, min_size=1, max_size=8),
    st.lists(PATHS, max_size=3),
    st.lists(EDITS, min_size=1, max_size=8),
)
def test_undoing_every_edit_gives_the_same_tables_back(
    in_memory: Engine, tags: list[str], others: list[str], edits: list[tuple[str, ...]]
) -> None:
    with reading(in_memory) as session:  # whose changes are dropped
        image_set, _ = image_set_of(session, "one", tags), image_set_of(session, "two", others)
        states = [tables(session)]
        for verb, *arguments in edits:
            change = _tried(session, verb, image_set, arguments)
            assert_the_tree_is_true(session)
            if change:
                states.append(tables(session))
        while len(states) > 1:
            assert tables(session) == states.pop()
            tag_edits.undo_tags(session, image_set)
            assert_the_tree_is_true(session)
        assert tables(session) == states.pop()


def _tried(session: Session, verb: str, image_set: ImageSet, arguments: list[str]) -> bool:
    """Whether an edit changed something; a refused one is taken back as its caller would."""
    before = tables(session)
    try:
        with session.begin_nested():
            report = getattr(tag_edits, verb)(session, image_set, *arguments)
    except (Conflict, NotFound):
        assert tables(session) == before
        return False
    return report.change is not None


EVERY_EDIT: tuple[Edit, ...] = (
    lambda s, w: tag_edits.attach(s, w, "brand:qzy", "shiny"),
    tag_edits.undo_tags,
    lambda s, w: tag_edits.attach(s, w, list(s.scalars(select(Member.id))), "shiny"),
    lambda s, w: tag_edits.detach(s, w, "", SPOT),
    lambda s, w: tag_edits.rename(s, w, "qzy", "brand"),
    lambda s, w: tag_edits.move(s, w, "brand/flawed", "lsbr"),
    lambda s, w: tag_edits.merge(s, w, "brand/stain", "lsbr/flawed/fold"),
    *[tag_edits.undo_tags] * 5,
)


def test_an_edit_takes_as_many_statements_for_20000_pictures_as_for_twenty(
    tmp_path: object,
) -> None:
    def statements(count: int) -> list[int]:
        engine = connect(f"sqlite:///{tmp_path}/{count}.db")
        Base.metadata.create_all(engine)
        with transaction(engine) as session:
            tags = [(SPOT, FOLD, "qzy/stain", "lsbr")[n % 4] for n in range(count)]
            image_set = image_set_of(session, "weipin", tags)
            tag_edits.add(session, image_set, "shiny")
        numbers = []
        for edit in EVERY_EDIT:
            with counted(engine) as told, transaction(engine) as session:
                edit(session, session.get_one(ImageSet, image_set.id))
            numbers.append(len(told))
        with transaction(engine) as session:
            assert len(session.scalars(select(MemberTag)).all()) == count
        engine.dispose()
        return numbers

    few, many = statements(20), statements(20_000)
    assert few == many
    assert max(many) < 120
