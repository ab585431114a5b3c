"""What an ingest passes over."""

from pathlib import Path

from sdxl_reg.imaging.scan import scan


def _files(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def _rules(folder: Path, text: str) -> None:
    (folder / ".sdxlregignore").write_text(text, encoding="utf-8")


def _left(root: Path) -> list[str]:
    return [picture.name for picture in scan(root).pictures]


def test_patterns_are_those_of_gitignore(tmp_path: Path) -> None:
    _files(
        tmp_path, "a.jpg", "raw/b.jpg", "x/raw/c.jpg", "x/keep.jpg", "x/d_old.jpg", "y/d_old.jpg"
    )
    _rules(tmp_path, "# not these\nraw/\n/x/*_old.jpg\n")
    assert _left(tmp_path) == ["a.jpg", "x/keep.jpg", "y/d_old.jpg"]


def test_a_deeper_file_takes_back_what_one_above_passes_over(tmp_path: Path) -> None:
    _files(tmp_path, "a.png", "x/b.png", "x/y/c.png")
    _rules(tmp_path, "*.png\n")
    _rules(tmp_path / "x" / "y", "!c.png\n")
    assert _left(tmp_path) == ["x/y/c.png"]


def test_what_is_ignored_is_counted(tmp_path: Path) -> None:
    _files(tmp_path, "a.jpg", "b.jpg", "c.txt")
    _rules(tmp_path, "b.*\n*.txt\n")
    assert scan(tmp_path).ignored == {".sdxlregignore": 3}  # the two, and the file itself


def test_a_file_that_is_no_text_ignores_nothing(tmp_path: Path) -> None:
    _files(tmp_path, "a.jpg")
    (tmp_path / ".sdxlregignore").write_bytes(bytes(range(256)))
    assert _left(tmp_path) == ["a.jpg"]
