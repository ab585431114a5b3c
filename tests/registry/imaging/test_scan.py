"""Walking a folder."""

import os
from pathlib import Path

import pytest

from sdxl_reg.imaging.problems import Code
from sdxl_reg.imaging.scan import Contents, scan


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def _names(found: Contents) -> list[str]:
    return [picture.name for picture in found.pictures]


def _codes(found: Contents) -> dict[str, Code]:
    return {problem.path: problem.code for problem in found.problems}


JUNK = [
    ".ipynb_checkpoints/a-checkpoint.jpg",
    "Thumbs.db",
    ".DS_Store",
    "desktop.ini",
    "._x.jpg",
    "__MACOSX/a.jpg",
    "@eaDir/a.jpg",
    ".git/a.jpg",
    "a.jpg.part",
]


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_counted_and_not_entered(junk: str, tmp_path: Path) -> None:
    _touch(tmp_path / junk, tmp_path / "sub" / junk, tmp_path / "a.jpg")
    found = scan(tmp_path)
    assert _names(found) == ["a.jpg"]
    assert found.ignored.total() == 2
    assert found.problems == []


def test_pictures_come_sorted_with_their_folders(tmp_path: Path) -> None:
    _touch(tmp_path / "b" / "c" / "x.JPG", tmp_path / "a.png", tmp_path / "b" / "a.WebP")
    found = scan(tmp_path)
    assert _names(found) == ["a.png", "b/a.WebP", "b/c/x.JPG"]
    assert found.pictures[2].folders == ("b", "c")


def test_files_of_other_kinds_are_told_one_by_one_and_counted_by_suffix(tmp_path: Path) -> None:
    _touch(*(tmp_path / name for name in ("a.svg", "b.SVG", "c.mp4", "README")))
    found = scan(tmp_path)
    assert set(_codes(found).values()) == {Code.UNSUPPORTED_TYPE}
    assert found.suffixes == {".svg": 2, ".mp4": 1, "no suffix": 1}
    assert "Render it to PNG" in found.problems[1].message


def test_links_are_followed_inside_the_folder_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    _touch(root / "a.jpg", root / "sub" / "b.jpg", tmp_path / "outside.jpg")
    (root / "inside.jpg").symlink_to(root / "a.jpg")
    (root / "outside.jpg").symlink_to(tmp_path / "outside.jpg")
    (root / "dangling.jpg").symlink_to(root / "nothing.jpg")
    (root / "sub" / "up").symlink_to(root)
    (root / "me.jpg").symlink_to("me.jpg")
    found = scan(root)
    assert _names(found) == ["a.jpg", "inside.jpg", "sub/b.jpg"]
    assert _codes(found) == {
        "outside.jpg": Code.LINK_OUTSIDE,
        "dangling.jpg": Code.LINK_DANGLING,
        "sub/up": Code.LINK_TO_FOLDER,
        "me.jpg": Code.LINK_DANGLING,
    }


def test_a_pipe_called_as_a_picture_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    assert _codes(scan(tmp_path)) == {"a.jpg": Code.NOT_A_FILE}


def test_a_folder_without_permission_is_told_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _touch(tmp_path / "closed" / "a.jpg", tmp_path / "open" / "a.jpg")
    real = os.scandir

    def guarded(path: Path) -> object:  # the suite may run as root, whom no folder is closed to
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = scan(tmp_path)
    assert _names(found) == ["open/a.jpg"]
    assert _codes(found) == {"closed": Code.PERMISSION_DENIED}


def test_names_of_every_kind_are_taken(tmp_path: Path) -> None:
    names = [
        "商品 图.jpg",
        "😀.png",
        " a .jpg",
        "a,b{c|d}'e\".jpg",
        "cafe\u0301.jpg",
        "caf\u00e9.jpg",
    ]
    _touch(*(tmp_path / name for name in names))
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    found = scan(tmp_path)
    assert sorted(_names(found)) == sorted([*names, "caf\\xe9.png"])
    assert all(picture.path.read_bytes() == b"x" for picture in found.pictures)
