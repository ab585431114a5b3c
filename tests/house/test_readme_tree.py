from pathlib import PurePosixPath

import pytest

from tests.house import readme_tree
from tests.house.tracked import ROOT, tracked_files


def test_the_readme_shows_every_tracked_source_file_and_no_other() -> None:
    shown = readme_tree.embedded((ROOT / "README.md").read_text("utf-8"))
    assert shown.splitlines() == readme_tree.tree(tracked_files()).splitlines(), (
        "README.md is behind the disk: run `make tree`"
    )


def test_a_file_without_a_description_is_refused() -> None:
    with pytest.raises(KeyError, match="give it a docstring"):
        readme_tree.described(PurePosixPath("nowhere/data.bin"))


def test_files_come_before_sub_folders_and_tell_their_first_sentence() -> None:
    paths = [
        PurePosixPath("registry/sdxl_reg/store/database.py"),
        PurePosixPath("registry/sdxl_reg/settings.py"),
        PurePosixPath("tests/house/tracked.py"),
        PurePosixPath("tests/conftest.py"),
    ]
    lines = readme_tree.tree(paths).splitlines()
    assert [line.split()[0] for line in lines] == [
        "registry/",
        "sdxl_reg/",
        "settings.py",
        "store/",
        "database.py",
        "tests/",
    ]
    assert lines[4].endswith("engine, sessions, and bringing its tables up to date")


def test_a_tree_is_written_once_however_often() -> None:
    once = readme_tree.with_tree("# Title\n\ntext\n", "a.py  b")
    assert readme_tree.with_tree(once, "a.py  b") == once
    assert readme_tree.embedded(once) == "a.py  b"
