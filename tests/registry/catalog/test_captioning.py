"""Captions by models: in a process of their own, remembered, and recorded as one change."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from sdxl_reg.catalog.caption_edits import set_caption, undo_captions
from sdxl_reg.catalog.captioning import CaptioningRequest, carry_out, plan_captions
from sdxl_reg.catalog.captions import caption_entries
from sdxl_reg.catalog.images import find_image_set, find_member, members_of
from sdxl_reg.catalog.ingest import IngestOptions, ingest
from sdxl_reg.catalog.journal import changes
from sdxl_reg.errors import Corrupt, InvalidSettings, InvalidValue, UnknownName, WorkFailed
from sdxl_reg.jobs.events import Event, Progress, Started
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, transaction
from sdxl_reg.vocabulary import CaptionSource
from tests.registry.captioners.tiny_tagger import write_tagger
from tests.registry.catalog.pictures import jpeg, products

SPOT = "qzy/flawed/spot/xxx1.jpg"
ALL = frozenset(CaptionSource)


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger whose one tag fits every picture."""
    return write_tagger(tmp_path_factory.mktemp("weights") / "tagger", [("white_shirt", 0)])


@pytest.fixture
def only_sqlite(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Engine]:
    """SQLite alone: the processes take their time, and ask nothing of the database."""
    copy = tmp_path / "only.db"
    copy.write_bytes(migrated_sqlite.read_bytes())
    engine = connect(f"sqlite:///{copy}")
    yield engine
    engine.dispose()


@pytest.fixture
def request_(tagger: Path) -> CaptioningRequest:
    return CaptioningRequest(
        image_set="weipin",
        captioner="wd14",
        weights=str(tagger),
        settings={"general_threshold": "0"},
        over=frozenset({CaptionSource.TAGS}),
        batch_size=2,
    )


@pytest.fixture
def weipin(only_sqlite: Engine, store: BlobStore, tmp_path: Path) -> Engine:
    """Six pictures of one brand, captioned by their tags."""
    ingest(only_sqlite, store, products(tmp_path / "products", brands=("qzy",)))
    return only_sqlite


def captions(session: Session) -> dict[str, str]:
    members = members_of(session, find_image_set(session, "weipin"))
    return {member.source_path: member.caption for member in members}


def quiet(event: Event) -> None:
    """Hear nothing."""


def test_a_model_captions_a_set_as_one_change(
    weipin: Engine, store: BlobStore, settings: Settings, request_: CaptioningRequest
) -> None:
    heard: list[Event] = []
    planned = plan_captions(weipin, store, settings, request_)
    done = carry_out(weipin, planned, heard.append)
    assert (done.report.changed, done.reused, done.failed) == (6, 0, {})
    assert [e.done for e in heard if isinstance(e, Progress)] == [0, 2, 4, 6]
    with transaction(weipin) as session:
        member = find_member(session, find_image_set(session, "weipin"), SPOT)
        newest = caption_entries(session, member.id)[0]
        assert (newest.text, newest.source) == ("white shirt", CaptionSource.MODEL)
        assert newest.author == planned.author
        assert planned.author.startswith("wd14 ")
        assert newest.change == "wd14 looked at the pictures in 6 captions"
        undo_captions(session, find_image_set(session, "weipin"))
        assert captions(session)[SPOT] == "qzy, flawed, spot"


def test_what_was_said_is_not_asked_again(
    weipin: Engine, store: BlobStore, settings: Settings, request_: CaptioningRequest
) -> None:
    some = replace(request_, select="**/spot")
    assert carry_out(weipin, plan_captions(weipin, store, settings, some), quiet).reused == 0
    both = replace(request_, over=ALL, template="{trigger}, {caption}, {defect}, on black")
    planned = plan_captions(weipin, store, settings, replace(both, trigger="wpn"))
    assert (len(planned.images), len(planned.spec.images)) == (6, 4)
    done = carry_out(weipin, planned, quiet)
    assert (done.report.changed, done.reused) == (6, 2)
    planned = plan_captions(weipin, store, settings, both)
    assert planned.spec.images == {}
    heard: list[Event] = []
    carry_out(weipin, planned, heard.append)
    assert heard == []
    with transaction(weipin) as session:
        assert captions(session)[SPOT] == "white shirt, spot, on black"
        image_set = find_image_set(session, "weipin")
        assert len(changes(session, "captions.", image_set=image_set)) == 3
        undo_captions(session, image_set)
        assert captions(session)[SPOT] == "wpn, white shirt, spot, on black"


def test_other_settings_ask_again(
    weipin: Engine, store: BlobStore, settings: Settings, request_: CaptioningRequest
) -> None:
    carry_out(weipin, plan_captions(weipin, store, settings, request_), quiet)
    other = replace(request_, settings={"general_threshold": 0.01}, over=ALL)
    assert len(plan_captions(weipin, store, settings, other).spec.images) == 6


def test_a_run_that_was_killed_goes_on_where_it_stopped(
    weipin: Engine, store: BlobStore, settings: Settings, request_: CaptioningRequest
) -> None:
    pid = 0

    def kill(event: Event) -> None:
        nonlocal pid
        if isinstance(event, Started):
            pid = event.pid
        if isinstance(event, Progress) and event.done >= 1:
            os.kill(pid, signal.SIGKILL)

    slow = replace(request_, batch_size=1)
    planned = plan_captions(weipin, store, settings, slow)
    try:
        carry_out(weipin, planned, kill)
    except WorkFailed as error:
        assert "SIGKILL" in str(error)  # noqa: PT017 - it may have been faster than we
        with transaction(weipin) as session:
            assert captions(session)[SPOT] == "qzy, flawed, spot"
    again = plan_captions(weipin, store, settings, slow)
    assert len(again.spec.images) < 6
    carry_out(weipin, again, quiet)
    with transaction(weipin) as session:
        assert set(captions(session).values()) == {"white shirt"}


def test_what_a_person_wrote_stays_unless_they_are_named(
    weipin: Engine, store: BlobStore, settings: Settings, request_: CaptioningRequest
) -> None:
    with transaction(weipin) as session:
        member = find_member(session, find_image_set(session, "weipin"), SPOT)
        set_caption(session, member.id, "by hand")
    planned = plan_captions(weipin, store, settings, request_)
    assert (planned.selected, planned.kept, len(planned.images)) == (6, 1, 5)
    missing = plan_captions(weipin, store, settings, replace(request_, over=frozenset()))
    assert (missing.kept, missing.images) == (6, {})
    named = plan_captions(weipin, store, settings, replace(request_, over=ALL))
    assert len(named.images) == 6


def test_a_picture_that_cannot_be_read_is_told_and_the_rest_goes_on(
    weipin: Engine, store: BlobStore, settings: Settings, request_: CaptioningRequest
) -> None:
    planned = plan_captions(weipin, store, settings, request_)
    digest = next(iter(planned.spec.images))
    store.path(digest).unlink()
    done = carry_out(weipin, planned, quiet)
    assert list(done.failed) == [digest]
    assert done.report.changed == 5


def test_a_linked_file_that_was_changed_is_not_captioned(
    only_sqlite: Engine,
    store: BlobStore,
    settings: Settings,
    request_: CaptioningRequest,
    tmp_path: Path,
) -> None:
    root = products(tmp_path / "linked", brands=("qzy",))
    ingest(only_sqlite, store, root, options=IngestOptions(link=True))
    (root / "weipin" / SPOT).write_bytes(jpeg(99))
    planned = plan_captions(only_sqlite, store, settings, request_)
    assert (len(planned.spec.images), len(planned.unusable)) == (5, 1)
    done = carry_out(only_sqlite, planned, quiet)
    assert (done.report.changed, len(done.failed)) == (5, 1)


def test_mistakes_are_told_before_anything_is_started(
    weipin: Engine,
    store: BlobStore,
    settings: Settings,
    request_: CaptioningRequest,
    tmp_path: Path,
) -> None:
    def plan(**other: object) -> None:
        plan_captions(weipin, store, settings, replace(request_, **other))  # type: ignore[arg-type]

    with pytest.raises(UnknownName, match="Did you mean 'wd14'"):
        plan(captioner="wd15")
    with pytest.raises(InvalidSettings, match="general_threshold"):
        plan(settings={"general_threshold": 2})
    with pytest.raises(UnknownName, match="place in the caption"):
        plan(template="{colour}")
    with pytest.raises(Corrupt, match=r"no model\.onnx"):
        plan(weights=str(tmp_path))
    with pytest.raises(InvalidValue, match="batch size"):
        plan(batch_size=0)


def test_weights_that_cannot_be_used_are_told(
    weipin: Engine,
    store: BlobStore,
    settings: Settings,
    request_: CaptioningRequest,
    tmp_path: Path,
) -> None:
    folder = write_tagger(tmp_path / "broken", [("a", 0)])
    (folder / "model.onnx").write_bytes(b"x")
    planned = plan_captions(weipin, store, settings, replace(request_, weights=str(folder)))
    with pytest.raises(WorkFailed, match=r"onnxruntime cannot read it.*run the same command"):
        carry_out(weipin, planned, quiet)
