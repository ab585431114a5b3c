"""Faces in pictures, with and without what finds them."""

import importlib.util
from collections.abc import Iterator

import pytest
from PIL import Image

from sdxl_reg.errors import UsageError
from sdxl_reg.imaging import faces
from sdxl_reg.imaging.faces import faces_in
from tests.registry.imaging.faces import drawn_face


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """The detector is made anew for each test."""
    faces._detector.cache_clear()
    yield
    faces._detector.cache_clear()


def test_a_face_is_found_where_it_is() -> None:
    ((left, top, right, bottom),) = faces_in(drawn_face(at=(250, 180)))
    assert left < 250 / 400 < right
    assert top < 180 / 400 < bottom
    assert right - left < 0.5


def test_a_picture_without_a_face_has_none() -> None:
    assert faces_in(Image.new("RGB", (300, 200), "grey")) == []


def test_without_opencv_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"not installed.*pip install 'sdxl-reg\[faces\]'"):
        faces_in(drawn_face())


def test_an_opencv_without_cascades_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = pytest.importorskip("cv2")
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(UsageError, match="has no cascades"):
        faces_in(drawn_face())
