"""What happened lately, as far as one may see what it happened to."""

from sqlalchemy import Engine

from sdxl_reg.catalog.access.users import add_user, set_role
from sdxl_reg.catalog.access.viewers import viewer_of
from sdxl_reg.catalog.access.visibility import shown_to
from sdxl_reg.catalog.activity import Happening, activity
from sdxl_reg.catalog.artifacts import ensure_artifact
from sdxl_reg.catalog.audit import acting_as, note
from sdxl_reg.catalog.journal import record_change
from sdxl_reg.catalog.runs import new_run
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import ImageSet
from sdxl_reg.vocabulary import ArtifactKind, Role, RunKind


def _activity(engine: Engine, *, limit: int = 12) -> list[Happening]:
    with reading(engine) as session:
        return activity(session, limit=limit)


def _set(name: str, project: str) -> ImageSet:
    return ImageSet(name=name, name_key=name, project=project, source="/", layout="brand")


def test_a_run_is_one_line_with_how_it_stands_and_who_asked_for_it(engine: Engine) -> None:
    with transaction(engine) as session:
        with acting_as("anna"):
            run = new_run(session, RunKind.TRAIN, "train lora on weipin@1", {}, project="main")
        note(session, "run.started", f"run {run.id}")
        note(session, "run.succeeded", f"run {run.id}")
    (told,) = _activity(engine)
    assert (told.verb, told.kind, told.ref) == ("run.succeeded", "run", str(run.id))
    assert (told.actor, told.words, told.times) == ("anna", "train lora on weipin@1", 1)


def test_what_one_does_again_and_again_is_told_once(engine: Engine) -> None:
    with transaction(engine) as session:
        ensure_artifact(session, "lora", ArtifactKind.LORA)
        for number in range(1, 4):
            with acting_as("ben"):
                note(session, "version.ready", f"lora@{number}")
        with acting_as("anna"):
            note(session, "version.ready", "lora@4")
    told = [(one.actor, one.ref, one.times) for one in _activity(engine)]
    assert told == [("anna", "lora@4", 1), ("ben", "lora@3", 3)]


def test_a_change_by_hand_is_told_in_its_own_words(engine: Engine) -> None:
    with transaction(engine) as session:
        image_set = _set("weipin", "main")
        session.add(image_set)
        session.flush()
        record_change(session, "tags.merged", "2 tags merged", undo={})
        record_change(
            session, "captions.replaced", "3 changed", image_set=image_set, author="mei", undo={}
        )
    of_set, of_tree = _activity(engine)
    assert (of_set.kind, of_set.ref, of_set.words) == ("image_set", "weipin", "3 changed")
    assert of_set.actor == "mei"
    assert (of_tree.kind, of_tree.words) == ("", "2 tags merged")


def test_users_tokens_and_things_that_are_gone_are_left_to_the_log(engine: Engine) -> None:
    with transaction(engine) as session:
        add_user(session, "anna", is_admin=True)
        note(session, "image_set.ingested", "gone")
        note(session, "run.queued", "run 77")
        note(session, "registry.collected", "registry", blobs=1)
    assert _activity(engine) == []


def test_nobody_reads_of_projects_in_which_they_have_no_role(engine: Engine) -> None:
    with transaction(engine) as session:
        for name, project in (("open", "main"), ("secret", "lab")):
            image_set = _set(name, project)
            session.add(image_set)
            session.flush()
            note(session, "image_set.ingested", name)
            record_change(session, "tags.merged", f"in {name}", image_set=image_set, undo={})
            new_run(session, RunKind.TRAIN, f"train on {name}", {}, project=project)
        add_user(session, "boss", is_admin=True)
        ben = add_user(session, "ben")
        set_role(session, ben, "main", Role.READER)
        viewer = viewer_of(ben, "password")
    assert len(_activity(engine)) == 6
    with shown_to(viewer):
        told = _activity(engine)
    assert [one.words or one.ref for one in told] == ["train on open", "in open", "open"]


def test_lines_of_others_do_not_hide_what_is_older(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(_set("weipin", "main"))
        note(session, "image_set.ingested", "weipin")
        for number in range(450):
            note(session, "user.signed_in", f"user {number}")
    (told,) = _activity(engine)
    assert told.ref == "weipin"
    assert _activity(engine, limit=0) == []
