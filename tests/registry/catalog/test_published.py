"""Folders that appear whole or not at all."""

from pathlib import Path

import pytest

from sdxl_reg.catalog.published import published
from sdxl_reg.errors import Conflict
from tests.registry.catalog.pictures import write


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_appears_with_all_that_was_written(tmp_path: Path) -> None:
    target = tmp_path / "a" / "out"
    with published(target) as aside:
        write(aside, {"x/1": b"one", "2": b"two"})
        assert not target.exists()
    assert files(target) == {"x/1": b"one", "2": b"two"}
    assert list(target.parent.iterdir()) == [target]


def test_after_an_error_nothing_is_there(tmp_path: Path) -> None:
    def fail() -> None:
        with published(tmp_path / "out") as aside:
            write(aside, {"1": b"one"})
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_equal_files_stay_and_new_ones_are_added(tmp_path: Path) -> None:
    target = write(tmp_path / "out", {"x/1": b"one", "theirs.npz": b"cache"})
    before = (target / "x/1").stat().st_ino
    with published(target, owned=frozenset({".png"})) as aside:
        write(aside, {"x/1": b"one", "x/2": b"two", "y/3": b"three"})
    assert files(target) == {
        "x/1": b"one",
        "x/2": b"two",
        "y/3": b"three",
        "theirs.npz": b"cache",
    }
    assert (target / "x/1").stat().st_ino == before


@pytest.mark.parametrize(
    "there",
    [{"x/1.png": b"other"}, {"x/1.png/z": b""}, {"x/old.PNG": b"o"}, {"x": b"a file"}],
)
def test_what_differs_or_would_be_mixed_in_is_refused_and_nothing_changes(
    tmp_path: Path, there: dict[str, bytes]
) -> None:
    target = write(tmp_path / "out", there)

    def publish() -> None:
        with published(target, owned=frozenset({".png"})) as aside:
            write(aside, {"a.txt": b"new", "x/1.png": b"one"})

    with pytest.raises(Conflict):
        publish()
    assert files(target) == there
