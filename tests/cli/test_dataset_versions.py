"""`sdxl-reg dataset freeze`, `show` and `diff`, and `sdxl-reg balance`."""

import json
from pathlib import Path
from typing import Any

import pytest

from sdxl_reg_cli.main import main
from tests.registry.catalog.pictures import jpeg, products, write


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ingested folder in a home of its own."""
    for name in ("SDXL_REG_DATABASE_URL", "SDXL_REG_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDXL_REG_HOME", str(tmp_path / "home"))
    root = products(tmp_path / "products")
    write(root, {f"weipin/qzy/flawless/more-{n}.jpg": jpeg(50 + n) for n in range(4)})
    assert _run("ingest", root) == 0
    return root


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def _json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert _run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_freezing_holds_out_a_share_and_says_how_many(capsys: pytest.CaptureFixture[str]) -> None:
    document = _json(capsys, "dataset", "freeze", "weipin", "--validation", "0.25")
    assert document["splits"] == {"train": 12, "validation": 4}
    assert _run("dataset", "freeze", "weipin") == 0
    assert "weipin@1: 16 images (12 train, 4 validation)" in capsys.readouterr().err
    shown = _json(capsys, "dataset", "show", "weipin")
    assert shown["splits"] == document["splits"]
    assert shown["trained"] == []
    assert _json(capsys, "datasets")["items"][0]["trained"] == []


def test_freezing_holds_out_a_selection_and_keeps_the_balance(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ("dataset", "freeze", "weipin", "--validation", "brand:lsbr", "--balance", "state")
    assert _json(capsys, *arguments)["splits"] == {"train": 10, "validation": 6}
    entries = _json(capsys, "dataset", "show", "weipin")["entries"]
    assert {e["tags"] for e in entries if e["split"] == "validation"} == {
        "lsbr/flawless",
        "lsbr/flawed/fold",
        "lsbr/flawed/spot",
    }
    assert {e["repeats"] for e in entries if e["tags"] == "qzy/flawed/spot"} == {2}


def test_a_diff_says_what_was_added_moved_and_repeated(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("dataset", "freeze", "weipin") == 0
    write(folder, {"weipin/qzy/flawed/spot/new.jpg": jpeg(99)})
    assert _run("ingest", folder) == 0
    assert _run("dataset", "freeze", "weipin", "--validation", "brand:lsbr") == 0
    found = _json(capsys, "dataset", "diff", "weipin@1", "weipin@2")
    assert [picture["path"] for picture in found["added"]] == ["qzy/flawed/spot/new.jpg"]
    assert len(found["moved"]) == 6
    assert found["unchanged"] == 10
    assert _run("dataset", "diff", "weipin@1", "weipin@2") == 0
    said = capsys.readouterr()
    assert "added: 1\n  qzy/flawed/spot/new.jpg" in said.out
    assert "train → validation" in said.out
    assert "10 pictures are the same" in said.err


def test_a_diff_with_a_version_that_is_not_there_is_refused() -> None:
    assert _run("dataset", "diff", "weipin@1", "weipin@2") == 3


def test_balance_tells_counts_and_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "balance", "weipin", "--level", "defect")
    assert found["levels"][0]["rows"] == [
        {"value": "", "images": 8, "repeats": 1},
        {"value": "fold", "images": 4, "repeats": 2},
        {"value": "spot", "images": 4, "repeats": 2},
    ]
    assert _run("balance", "weipin") == 0
    said = capsys.readouterr()
    assert "no defect" in said.out
    assert "fold has 4 pictures, no defect 8, 2 times as many" in said.err
    assert _run("balance", "weipin", "--level", "colour") == 2
