"""Selecting members of an image set: by tags, captions, sizes, quality, paths and likeness."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from sdxl_reg.catalog.captions import add_caption
from sdxl_reg.catalog.images import find_image_set, members_of, page_of_members
from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.errors import InvalidValue, NotFound, RegistryError, UnknownName
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import (
    Blob,
    Caption,
    CaptionHead,
    Crop,
    Image,
    Member,
)
from sdxl_reg.vocabulary import CaptionSource, MemberState
from tests.registry.catalog.hand_tagged import image_set_of
from tests.registry.catalog.pictures import products


@pytest.fixture
def selected(engine: Engine, store: BlobStore, tmp_path: Path) -> "Selected":
    """An ingested set of two brands, to select from."""
    ingest(engine, store, products(tmp_path / "products"))
    return Selected(engine)


class Selected:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __call__(self, selector: str) -> Sequence[str]:
        with reading(self.engine) as session:
            image_set = find_image_set(session, "weipin")
            members = members_of(session, image_set, selector)
            page = page_of_members(session, image_set, selector=selector, limit=2)
            assert page.total == len(members)
            assert len(page.members) == min(2, len(members))
        return sorted({member.tag_path for member in members})


def test_selectors_select_by_path_by_level_and_by_logic(selected: Selected) -> None:
    flawed = ["qzy/flawed/fold", "qzy/flawed/spot"]
    spots = ["lsbr/flawed/spot", "qzy/flawed/spot"]
    assert len(selected("")) == 6
    assert selected("qzy/flawed/**") == flawed
    assert selected("QZY/Flawed") == flawed
    assert selected("**/spot") == spots
    assert selected("defect:sp*") == spots
    assert selected("brand:qzy defect:spot") == ["qzy/flawed/spot"]
    assert selected("**/spot AND NOT brand:qzy") == ["lsbr/flawed/spot"]
    assert selected("(brand:lsbr OR state:flawed) AND NOT (**/fold OR **/spot)") == [
        "lsbr/flawless"
    ]
    assert selected('"qzy/flawed" **/spot') == ["qzy/flawed/spot"]
    assert selected("nothing/**") == []


def test_a_level_that_a_set_does_not_have_is_refused_with_a_near_name(selected: Selected) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'defect'"):
        selected("defects:spot")


# What the pictures of `drawer` are: one field of each is out of the ordinary.
PICTURES: list[dict[str, object]] = [
    {"width": 2000, "height": 400, "format": "PNG"},
    {"width": 512, "height": 768, "sharpness": 3.0},
    {"width": 1024, "height": 1024, "brightness": 10.0, "format": "JPEG"},
    {"width": 1024, "height": 1024, "brightness": 250.0, "format": "HEIF"},
    {"width": 1024, "height": 1024, "contrast": 1.0},
    {"width": 1024, "height": 1023, "sharpness": None, "brightness": None, "contrast": None},
]
CAPTIONS = ["A White rim", "一个斑点, ÉCLAT", "100% of it", "", None, "straße_x"]
MEANT = {
    "caption:white": [0],
    "caption:WHITE": [0],
    'caption:"white RIM"': [0],
    "caption:斑点": [1],
    "caption:éclat": [1],
    "caption:e\u0301clat": [1],
    "caption:100%": [2],
    "caption:%": [2],
    "caption:_": [5],
    "caption:none": [3, 4],
    'caption:"none"': [],
    "NOT caption:i": [1, 3, 4, 5],
    "is:captioned": [0, 1, 2, 5],
    "tokens:>10": [2, 3, 5],
    "tokens:10": [1],
    "tokens:10..20": [1, 2],
    "size:<512": [0],
    "size:<=512": [0, 1],
    "size:1023": [5],
    "width:>=1024": [0, 2, 3, 4, 5],
    "height:=400": [0],
    "pixels:<500000": [1],
    "pixels:393216..393216.5": [1],
    "quality:strip": [0],
    "quality:small": [0],
    "quality:blurred": [1],
    "quality:DARK": [2],
    "quality:bright": [3],
    "quality:flat": [4],
    "NOT quality:blurred": [0, 2, 3, 4, 5],
    "format:png": [0],
    "format:jpg": [2],
    "format:heic": [3],
    "path:a/0.jpg": [0],
    "path:*.JPG": [0, 1, 2, 3, 4, 5],
    "path:[ab].jpg": [],
    "path:B/**": [1],
    "path:**/A/*": [0],
    "path:a/**/0.JPG": [0],
    "path:*/[1": [],
    "path:?.jpg AND NOT path:**/0.*": [1, 2, 3, 4, 5],
    "brand:a OR (size:<=512 quality:blurred)": [0, 1],
    "similar:a/0.jpg~0": [0],
    "similar:a/0.jpg~2": [0, 1, 2],
    "similar:a/0.jpg": [0, 1, 2, 3, 4, 5],
    "is:present": [0, 1, 2, 3, 4, 5],
    "is:synthetic": [],
}
REFUSED: list[tuple[str, type[RegistryError], str]] = [
    ("tokens:many", InvalidValue, "tokens: takes no such number: many"),
    ("size:<", InvalidValue, "size: takes no such number"),
    ("pixels:1..", InvalidValue, "512..1024"),
    ("similar:a/0.jpg~far", InvalidValue, "0 to 64"),
    ("similar:nothing", NotFound, "no such picture of drawer: 'nothing'"),
    ("similar:0000", NotFound, "enough of its SHA-256"),
    ("quality:blury", UnknownName, "Did you mean 'blurred'"),
    ("is:gone", UnknownName, "no such word for is:"),
    ("captoin:x", UnknownName, "Did you mean 'caption'"),
]


class Drawer:
    """A set of six hand-made pictures, `a/0.jpg` to `f/5.jpg`, and the question which are meant."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with transaction(engine) as session:
            self.image_set = image_set_of(session, "drawer", ["a", "b", "c", "d", "e", "f"])
            members = session.scalars(select(Member).order_by(Member.source_path)).all()
            for number, member in enumerate(members):
                self._describe(session, member, number)

    def __call__(self, selector: str) -> list[int]:
        with reading(self.engine) as session:
            page = page_of_members(session, self.image_set, selector=selector)
            assert page.total == len(page.members)
            return sorted(int(Path(member.source_path).stem) for member in page.members)

    def _describe(self, session: Session, member: Member, number: int) -> None:
        ordinary: dict[str, object] = {
            "sharpness": 100.0,
            "brightness": 128.0,
            "contrast": 50.0,
            "format": "WEBP",
        }
        facts = ordinary | PICTURES[number] | {"phash": -1 << number}
        session.execute(update(Image).where(Image.id == member.image_id).values(**facts))
        text = CAPTIONS[number]
        if text is not None:
            add_caption(session, member.id, text, source=CaptionSource.PERSON)
            head = session.get_one(CaptionHead, member.id)
            tokens = 10 * number
            session.execute(
                update(Caption).where(Caption.id == head.caption_id).values(tokens=tokens)
            )


@pytest.fixture
def drawer(engine: Engine) -> Drawer:
    return Drawer(engine)


def test_a_field_selects_what_it_says(drawer: Drawer) -> None:
    assert {selector: drawer(selector) for selector in MEANT} == MEANT


def test_missing_and_cropped_pictures_are_found(drawer: Drawer) -> None:
    with transaction(drawer.engine) as session:
        members = session.scalars(select(Member).order_by(Member.source_path)).all()
        members[1].state = MemberState.MISSING
        session.add(Crop(member_id=members[2].id, left=0, top=0, right=1, bottom=1))
    assert (drawer("is:missing"), drawer("is:cropped")) == ([1], [2])
    assert drawer("NOT is:present OR is:cropped") == [1, 2]


def test_a_picture_is_like_itself_by_the_beginning_of_its_digest(drawer: Drawer) -> None:
    with reading(drawer.engine) as session:
        image = session.scalar(select(Image).where(Image.phash == -1 << 3))
        assert image is not None
        digest = session.get_one(Blob, image.blob_id).sha256
    assert drawer(f"similar:{digest}~1") == [2, 3, 4]


def test_a_field_says_what_it_cannot_take(drawer: Drawer) -> None:
    for selector, error, told in REFUSED:
        with pytest.raises(error, match=told):
            drawer(selector)


def test_a_picture_without_a_hash_has_nothing_to_be_compared_by(drawer: Drawer) -> None:
    with transaction(drawer.engine) as session:
        session.execute(update(Image).values(phash=None))
    with pytest.raises(InvalidValue, match="Ingest the set again"):
        drawer("similar:a/0.jpg")
