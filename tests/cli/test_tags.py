"""The command tags: the tree, edits of it, and undo, as they are typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.typing_commands import run
from tests.registry.catalog.pictures import products, write

SPOT = "qzy/flawed/spot"


@pytest.fixture(autouse=True)
def ingested(home: Path, tmp_path: Path) -> Path:
    """`weipin` as products are, and `other` with one picture under the same tag."""
    root = products(tmp_path / "products")
    source = (root / "weipin" / SPOT / "xxx1.jpg").read_bytes()
    write(root, {f"other/{SPOT}/a.jpg": source})
    assert run("ingest", root) == 0
    return root


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def paths(capsys: pytest.CaptureFixture[str], selector: str) -> list[str]:
    items = answer(capsys, "images", "weipin", "--select", selector)["items"]
    return [item["path"] for item in items]


def test_a_set_alone_shows_its_tree(capsys: pytest.CaptureFixture[str]) -> None:
    shown = answer(capsys, "tags", "show", "weipin")
    assert [node["path"] for node in shown["tags"]] == ["lsbr", "qzy"]
    assert shown == answer(capsys, "tags", "weipin") == answer(capsys, "tags", "--json", "weipin")
    assert run("tags", "weipin") == 0
    assert "spot" in capsys.readouterr().out


def test_a_misspelt_command_is_met_with_a_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tags", "renam", "weipin", SPOT, "x") == 2
    assert "Did you mean 'rename'" in capsys.readouterr().err


def test_a_new_tag_is_shown_until_something_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    added = answer(capsys, "tags", "add", "weipin", "qzy/flawed/scratch", "--author", "li")
    assert added["changed"]
    assert answer(capsys, "tags", "weipin")["unused"] == ["qzy/flawed/scratch"]
    given = ("tags", "attach", "weipin", "qzy/flawed/scratch", "--select", f"{SPOT} path:xxx1.jpg")
    assert answer(capsys, *given)["members"] == 1
    assert answer(capsys, "tags", "weipin")["unused"] == []
    (item,) = answer(capsys, "images", "weipin", "--select", "defect:scratch")["items"]
    assert (item["tags"], item["more_tags"]) == (SPOT, ["qzy/flawed/scratch"])
    assert answer(capsys, "images", "weipin", "--tag", "defect:scratch")["total"] == 1


def test_an_edit_says_which_other_sets_it_concerns(capsys: pytest.CaptureFixture[str]) -> None:
    merged = answer(capsys, "tags", "merge", "weipin", SPOT, "qzy/flawed/fold")
    assert (merged["members"], merged["elsewhere"]) == (2, [{"image_set": "other", "members": 1}])
    assert "also used by set other: 1 image" in merged["summary"]


def test_a_dry_run_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = answer(capsys, "tags", "weipin")
    capsys.readouterr()
    assert run("tags", "merge", "weipin", SPOT, "qzy/flawed/fold", "--dry-run") == 0
    assert "Dry run, nothing is changed. Merged qzy/flawed/spot" in capsys.readouterr().err
    assert not answer(capsys, "tags", "detach", "weipin", SPOT, "--all", "--dry-run")["changed"]
    assert answer(capsys, "tags", "weipin") == before
    assert answer(capsys, "tags", "history", "weipin") == {"items": []}


def test_every_edit_is_in_the_history_and_can_be_undone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = answer(capsys, "tags", "weipin")
    edits = [
        ("add", "weipin", "review"),
        ("attach", "weipin", "review", "--all"),
        ("detach", "weipin", "review", "--select", "brand:lsbr"),
        ("rename", "weipin", SPOT, "speck"),
        ("move", "weipin", "qzy/flawed", "/"),
        ("merge", "weipin", "lsbr", "qzy"),
    ]
    for edit in edits:
        assert run("tags", *edit, "--author", "li") == 0
    history = answer(capsys, "tags", "history", "weipin")["items"]
    assert [item["verb"].removeprefix("tags.")[:3] for item in history] == [
        edit[0][:3] for edit in reversed(edits)
    ]
    for item in history:
        assert answer(capsys, "tags", "undo", "weipin")["undone"]["verb"] == item["verb"]
    assert run("tags", "history", "weipin") == 0
    assert answer(capsys, "tags", "weipin") == before
    assert run("tags", "undo", "weipin") == 3


def test_an_ingest_of_the_old_folder_lands_on_the_merged_tag(
    ingested: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("tags", "merge", "weipin", SPOT, "qzy/flawed/fold") == 0
    assert run("tags", "rename", "weipin", "lsbr", "brand") == 0
    source = (ingested / "weipin" / SPOT / "xxx1.jpg").read_bytes()
    write(ingested, {f"weipin/{SPOT}/new.jpg": source, "weipin/lsbr/flawless/new.jpg": source})
    assert run("ingest", ingested) == 0
    assert f"{SPOT}/new.jpg" in paths(capsys, "qzy/flawed/fold")
    assert "lsbr/flawless/new.jpg" in paths(capsys, "brand/flawless")
    assert paths(capsys, SPOT) == []


def test_a_file_may_move_to_a_folder_whose_tag_a_person_gave_it(
    ingested: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    select = ("--select", f"path:{SPOT}/xxx2.jpg")
    assert run("tags", "attach", "weipin", "qzy/flawed/fold", *select) == 0
    assert run("tags", "attach", "weipin", "qzy/flawless", *select) == 0
    folder = ingested / "weipin" / "qzy" / "flawed"
    (folder / "spot" / "xxx2.jpg").rename(folder / "fold" / "moved.jpg")
    assert run("ingest", ingested) == 0
    (item,) = answer(capsys, "images", "weipin", "--select", "path:moved.jpg")["items"]
    assert (item["tags"], item["more_tags"]) == ("qzy/flawed/fold", ["qzy/flawless"])


def test_which_images_has_to_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tags", "attach", "weipin", SPOT) == 2
    assert "either --select SELECTOR or --all" in capsys.readouterr().err
    assert run("tags", "attach", "weipin", SPOT, "--all", "--select", "qzy") == 2


def test_a_tag_that_does_not_exist_is_met_with_a_near_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("tags", "rename", "weipin", "qzy/flawed/spott", "x") == 3
    assert "Did you mean 'qzy/flawed/spot'" in capsys.readouterr().err


def test_every_edit_explains_itself_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("add", "rename", "move", "merge", "remove", "attach", "detach", "undo"):
        assert run("tags", command, "--help") == 0
        told = capsys.readouterr().out
        assert f"sdxl-reg tags {command} weipin" in told
        assert "--json" in told
