"""Tags, captions, crops and datasets of a server, changed by the commands of one's own machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdxl_reg.web.dependencies import Registry
from sdxl_reg_cli.installation import opened
from tests.cli.typing_commands import run
from tests.registry.catalog.dataset_exports.exported import files
from tests.registry.web.browser import serving
from tests.registry.web.example_registry import build

FIRST, SECOND = "lsbr/flawed/spot/xxx1.jpg", "lsbr/flawed/spot/xxx2.jpg"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Registry]]:
    registry = build(tmp_path_factory.mktemp("served"))
    with serving(registry) as address:
        yield address, registry
    registry.engine.dispose()


@pytest.fixture(autouse=True)
def server(served: tuple[str, Registry], monkeypatch: pytest.MonkeyPatch) -> str:
    """All commands of this module ask the server."""
    monkeypatch.setenv("SDXL_REG_SERVER", served[0])
    return served[0]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command says on both of its streams."""
    capsys.readouterr()
    assert run(*words) == 0, capsys.readouterr().err
    told = capsys.readouterr()
    return told.out + told.err


def test_tags_are_edited_attached_and_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tags", "attach", "weipin", "qzy", "--select", "lsbr/**"]
    assert "Dry run" in said(capsys, *words, "--dry-run")
    assert "8 images" in said(capsys, *words)
    assert "Undone: Attached qzy" in said(capsys, "tags", "undo", "weipin")
    said(capsys, "tags", "add", "weipin", "qzy/flawed/dent")
    said(capsys, "tags", "rename", "weipin", "qzy/flawed/dent", "dint")
    said(capsys, "tags", "move", "weipin", "qzy/flawed/dint", "/")
    said(capsys, "tags", "merge", "weipin", "dint", "qzy/flawed/spot")
    assert "Merged dint" in said(capsys, "tags", "history", "weipin")
    assert "spot" in said(capsys, "tags", "weipin")
    assert json.loads(said(capsys, "tags", "show", "weipin", "--json"))["tags"]
    for _ in range(4):
        said(capsys, "tags", "undo", "weipin")
    assert run("tags", "attach", "weipin", "qzy") == 2
    assert run("tags", "remove", "weipin", "nothing") == 3


def test_captions_are_written_looked_back_at_and_changed_in_bulk(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = said(capsys, "captions", "list", "weipin", "--select", f"path:{SECOND}")
    said(capsys, "captions", "set", "weipin", SECOND, "a spot", "--author", "mei")
    history = json.loads(said(capsys, "captions", "history", "weipin", SECOND, "--json"))["items"]
    assert [entry["is_present"] for entry in history] == [True, False]
    assert "mei" in said(capsys, "captions", "show", "weipin", SECOND)
    said(capsys, "captions", "revert", str(history[1]["id"]))
    for _ in range(2):
        said(capsys, "captions", "undo", "weipin")
    replaced = ["captions", "replace", "weipin", "spot", "stain", "--tag"]
    assert "7 of" in said(capsys, *replaced, "--dry-run")
    assert "7 of" in said(capsys, *replaced)
    said(capsys, "captions", "tags", "sort", "weipin")
    said(capsys, "captions", "template", "weipin", "{brand} | {state}", "--over", "person,tags")
    assert "The template" in said(capsys, "captions", "changes", "weipin")
    for _ in range(3):
        said(capsys, "captions", "undo", "weipin")
    assert said(capsys, "captions", "list", "weipin", "--select", f"path:{SECOND}") == before
    assert "members" in said(capsys, "captions", "stats", "weipin")
    assert run("captions", "set", "weipin", "nowhere.jpg", "x") == 3


@pytest.mark.parametrize("where", ["there", "here"])
def test_captions_of_a_file_are_each_answered(
    capsys: pytest.CaptureFixture[str],
    served: tuple[str, Registry],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    where: str,
) -> None:
    if where == "here":
        monkeypatch.delenv("SDXL_REG_SERVER")
        monkeypatch.setenv("SDXL_REG_HOME", str(served[1].settings.home))
        with opened():
            pass
    table = tmp_path / "captions.csv"
    table.write_text(f"file_name,caption\n{FIRST},one\nnowhere.jpg,two\n", "utf-8")
    words = ["captions", "import", "weipin", str(table), "--json"]
    for more, statuses in (
        (["--dry-run"], ["written", "refused"]),
        ([], ["written", "refused"]),
        ([], ["unchanged", "refused"]),
    ):
        capsys.readouterr()
        assert run(*words, *more) == 2
        results = json.loads(capsys.readouterr().out)["results"]
        assert [one["status"] for one in results] == statuses
    assert run(*words[:-1], "--atomic") == 2
    assert "none was done" in capsys.readouterr().err
    said(capsys, "captions", "undo", "weipin")


def test_crops_are_chosen_and_cleared(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["crops", "set", "weipin", FIRST, SECOND]
    assert "2 pictures" in said(capsys, *words, "--focus", "0.5,0.4", "--aspect", "1:1")
    assert "Nothing differs" in said(capsys, *words, "--focus", "0.5,0.4", "--aspect", "1:1")
    assert "1 picture" in said(capsys, *words[:-1], "--box", "0,0,0.5,1")
    assert "2 pictures" in said(capsys, "crops", "clear", "weipin", "--select", "lsbr/**")
    said(capsys, "crops", "undo", "weipin")
    assert "2 pictures" in said(capsys, "crops", "clear", "weipin", FIRST, SECOND)
    assert "#102030" in said(capsys, "crops", "background", "weipin", "#102030")
    assert "background" in said(capsys, "crops", "changes", "weipin")
    said(capsys, "crops", "undo", "weipin")
    assert run("crops", "set", "weipin", "nowhere.jpg", "--box", "0,0,1,1") == 3


def test_a_set_is_frozen_listed_and_compared(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["dataset", "freeze", "far", "--image-set", "weipin", "--select", "**/spot"]
    assert "Dry run" in said(capsys, *words, "--dry-run")
    assert "far@1: 8 images" in said(capsys, *words, "--validation", "0.25")
    assert json.loads(said(capsys, "dataset", "freeze", "far", "--json"))["is_new"] is False
    listed = said(capsys, "datasets", "--filter", "name:far")
    assert "far@1" in listed
    assert "weipin@1" not in listed
    assert "removed" in said(capsys, "dataset", "diff", "weipin@1", "far@1")
    said(capsys, "dataset", "manifest", "far@1", str(tmp_path / "far.jsonl"))
    assert len((tmp_path / "far.jsonl").read_text("utf-8").splitlines()) == 8


@pytest.mark.parametrize("form", ["kohya", "folder", "coco", "webdataset"])
def test_an_export_lies_there_as_if_it_were_made_here(
    capsys: pytest.CaptureFixture[str],
    served: tuple[str, Registry],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    form: str,
) -> None:
    to = tmp_path / "out"
    words = ["dataset", "export", "weipin@1", "--format", form, "--to", str(to)]
    fetched = json.loads(said(capsys, *words, "--json"))
    there = files(to)
    assert fetched["files"] == len(there)
    said(capsys, *words)  # again: nothing changes
    folders = {path.relative_to(to) for path in to.rglob("*") if path.is_dir()}
    to.rename(tmp_path / "aside")
    monkeypatch.delenv("SDXL_REG_SERVER")
    monkeypatch.setenv("SDXL_REG_HOME", str(served[1].settings.home))
    said(capsys, *words)
    assert files(to) == there
    assert {path.relative_to(to) for path in to.rglob("*") if path.is_dir()} == folders


def test_an_export_beside_other_pictures_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "out" / "image" / "3_cat").mkdir(parents=True)
    assert run("dataset", "export", "weipin@1", "--to", str(tmp_path / "out")) == 4
    assert "other pictures" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
