"""`sdxl-reg artifact diff`."""

from pathlib import Path

import pytest

from tests.cli.typing_commands import json_of, run


@pytest.fixture
def imported(home: Path, tiny_loras: list[Path]) -> None:
    """x@1 and x@2, imported from files."""
    for path in tiny_loras:
        assert run("artifact", "import", path, "--name", "x") == 0


@pytest.mark.usefixtures("imported")
def test_what_differs_from_the_version_before_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of(capsys, "artifact", "diff", "x")
    assert (found["before"], found["after"]) == ("x@1", "x@2")
    assert found["facts"]["sha256"]["before"] != found["facts"]["sha256"]["after"]
    assert "kind" not in found["facts"]
    assert (found["settings"], found["pictures"]) == ({}, None)
    assert run("artifact", "diff", "x@2", "x@1") == 0
    told = capsys.readouterr().out
    assert "sha256" in told
    assert told.index("x@2") < told.index("x@1")


@pytest.mark.usefixtures("imported")
def test_a_version_and_itself_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("artifact", "diff", "x@1", "x@1") == 0
    assert "x@1 and x@1 are the same" in capsys.readouterr().err


@pytest.mark.usefixtures("imported")
def test_without_one_before_it_the_other_has_to_be_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("artifact", "diff", "x@1") == 3
    assert "Name the other one to compare with" in capsys.readouterr().err
