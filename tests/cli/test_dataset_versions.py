"""`sdxl-reg dataset freeze`, `show` and `diff`, and `sdxl-reg balance`."""

from pathlib import Path

import pytest

from tests.cli.typing_commands import json_of, run
from tests.registry.catalog.pictures import jpeg, products, write


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, home: Path) -> Path:
    """An ingested folder in a home of its own."""
    root = products(tmp_path / "products")
    write(root, {f"weipin/qzy/flawless/more-{n}.jpg": jpeg(50 + n) for n in range(4)})
    assert run("ingest", root) == 0
    return root


def test_freezing_holds_out_a_share_and_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    document = json_of(capsys, "dataset", "freeze", "weipin", "--validation", "0.25")
    assert document["splits"] == {"train": 12, "validation": 4}
    assert run("dataset", "freeze", "weipin") == 0
    assert "weipin@1: 16 images (12 train, 4 validation)" in capsys.readouterr().err
    shown = json_of(capsys, "dataset", "show", "weipin")
    assert shown["splits"] == document["splits"]
    assert shown["trained"] == []
    assert json_of(capsys, "datasets")["items"][0]["trained"] == []


def test_freezing_holds_out_a_selection_and_keeps_the_balance(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("dataset", "freeze", "weipin", "--validation", "brand:lsbr", "--balance", "state")
    assert json_of(capsys, *arguments)["splits"] == {"train": 10, "validation": 6}
    entries = json_of(capsys, "dataset", "show", "weipin")["entries"]
    assert {e["tags"] for e in entries if e["split"] == "validation"} == {
        "lsbr/flawless",
        "lsbr/flawed/fold",
        "lsbr/flawed/spot",
    }
    assert {e["repeats"] for e in entries if e["tags"] == "qzy/flawed/spot"} == {2}


def test_a_diff_says_what_was_added_moved_and_repeated(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("dataset", "freeze", "weipin") == 0
    write(folder, {"weipin/qzy/flawed/spot/new.jpg": jpeg(99)})
    assert run("ingest", folder) == 0
    assert run("dataset", "freeze", "weipin", "--validation", "brand:lsbr") == 0
    found = json_of(capsys, "dataset", "diff", "weipin@1", "weipin@2")
    assert [picture["path"] for picture in found["added"]] == ["qzy/flawed/spot/new.jpg"]
    assert len(found["moved"]) == 6
    assert found["unchanged"] == 10
    assert run("dataset", "diff", "weipin@1", "weipin@2") == 0
    said = capsys.readouterr()
    assert "added: 1\n  qzy/flawed/spot/new.jpg" in said.out
    assert "train → validation" in said.out
    assert "10 pictures are the same" in said.err


def test_a_version_alone_is_compared_with_the_one_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("dataset", "freeze", "weipin") == 0
    assert run("dataset", "diff", "weipin") == 3
    assert "It is the first" in capsys.readouterr().err
    assert run("tags", "rename", "weipin", "qzy/flawed/spot", "stain") == 0
    assert run("dataset", "freeze", "weipin") == 0
    found = json_of(capsys, "dataset", "diff", "weipin")
    assert (found["before"], found["after"]) == ("weipin@1", "weipin@2")
    assert found == json_of(capsys, "dataset", "diff", "weipin@1", "weipin@2")


def test_a_diff_with_a_version_that_is_not_there_is_refused() -> None:
    assert run("dataset", "diff", "weipin@1", "weipin@2") == 3


def test_balance_tells_counts_and_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of(capsys, "balance", "weipin", "--level", "defect")
    assert found["levels"][0]["rows"] == [
        {"value": "", "images": 8, "repeats": 1},
        {"value": "fold", "images": 4, "repeats": 2},
        {"value": "spot", "images": 4, "repeats": 2},
    ]
    assert run("balance", "weipin") == 0
    said = capsys.readouterr()
    assert "no defect" in said.out
    assert "fold has 4 pictures, no defect 8, 2 times as many" in said.err
    assert run("balance", "weipin", "--level", "colour") == 2
