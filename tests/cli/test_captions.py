"""The commands of captions."""

import json
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.typing_commands import run
from tests.registry.captioners.tiny_tagger import write_tagger
from tests.registry.catalog.pictures import products

SPOT = "qzy/flawed/spot/xxx1.jpg"


@pytest.fixture(autouse=True)
def weipin(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Six pictures of one brand, ingested."""
    root = products(tmp_path / "products", brands=("qzy",))
    assert run("ingest", root) == 0
    capsys.readouterr()
    return root


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def texts(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    items = answer(capsys, "captions", "list", "weipin")["items"]
    return {item["path"]: item["caption"] for item in items}


@pytest.mark.parametrize(
    "options",
    [["{brand}, {state}, {defect}, black background"], ["--suffix", "black background"]],
)
def test_the_two_script_habit_is_one_option_away(
    capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert run("captions", "template", "weipin", *options) == 0
    assert "6 of 6 captions changed" in capsys.readouterr().err
    found = texts(capsys)
    assert found[SPOT] == "qzy, flawed, spot, black background"
    assert found["qzy/flawless/xxx1.jpg"] == "qzy, flawless, black background"


def test_words_and_a_trigger_are_options(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--trigger", "wpn", "--word", "flawless=", "--word", "spot=white spot"]
    report = answer(capsys, "captions", "template", "weipin", *options, "--select", "NOT **/fold")
    assert report["changed"] == 4
    assert texts(capsys)[SPOT] == "wpn, qzy, flawed, white spot"
    assert texts(capsys)["qzy/flawless/xxx1.jpg"] == "wpn, qzy"


def test_a_change_is_previewed_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("captions", "replace", "weipin", "spot", "stain", "--dry-run", "--show", "1") == 0
    shown = capsys.readouterr().out
    assert f"{SPOT}\n  qzy, flawed, [-spot-]{{+stain+}}\n" in shown
    assert "… and 1 more\n2 of 6 captions change\n" in shown
    assert texts(capsys)[SPOT] == "qzy, flawed, spot"


@pytest.mark.parametrize(("said", "code", "caption"), [(True, 0, "stain"), (False, 130, "spot")])
def test_in_a_terminal_it_is_asked_before(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    said: bool,
    code: int,
    caption: str,
) -> None:
    def confirm(question: str, **options: Any) -> None:
        assert question == "Change 2 captions?"
        if not said:
            raise click.Abort

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(click, "confirm", confirm)
    assert run("captions", "replace", "weipin", "spot", "stain") == code
    assert texts(capsys)[SPOT] == f"qzy, flawed, {caption}"


def test_whole_tags_and_expressions_are_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "captions", "replace", "weipin", "flaw", "x", "--tag")["changed"] == 0
    assert run("captions", "replace", "weipin", r"flaw(\w+)", r"fault\1", "--regex") == 0
    assert texts(capsys)[SPOT] == "qzy, faulted, spot"
    assert run("captions", "replace", "weipin", "(", "x", "--regex") == 2
    assert "not a regular expression" in capsys.readouterr().err


def test_tags_are_added_removed_sorted_and_made_unique(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("captions", "tags", "add", "weipin", "wpn", "on black", "--at", "start") == 0
    assert texts(capsys)[SPOT] == "wpn, on black, qzy, flawed, spot"
    assert run("captions", "tags", "remove", "weipin", "wpn", "qzy") == 0
    assert run("captions", "tags", "sort", "weipin", "--select", "**/spot") == 0
    assert texts(capsys)[SPOT] == "flawed, on black, spot"
    assert answer(capsys, "captions", "tags", "deduplicate", "weipin")["changed"] == 0


def test_changes_are_undone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("captions", "template", "weipin", "{brand}") == 0
    undone = answer(capsys, "captions", "undo", "weipin")["undone"]
    assert undone["verb"] == "captions.templated"
    assert texts(capsys)[SPOT] == "qzy, flawed, spot"
    assert run("captions", "undo", "weipin") == 3


def test_the_history_of_a_picture_is_shown_word_by_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("captions", "set", "weipin", SPOT, "qzy, white spot", "--author", "ann") == 0
    assert run("captions", "show", "weipin", SPOT) == 0
    shown = capsys.readouterr().out
    assert "qzy, [-flawed,-]{+white+} spot" in shown
    assert "ann  5 tokens  present" in shown
    first = answer(capsys, "captions", "history", "weipin", SPOT)["items"][-1]
    assert run("captions", "revert", first["caption_id"]) == 0
    assert texts(capsys)[SPOT] == "qzy, flawed, spot"
    assert run("captions", "history", "weipin", SPOT) == 0
    assert "present" in capsys.readouterr().out


def test_tokens_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    items = answer(capsys, "captions", "list", "weipin", "--tokens", "--tag", "**/spot")["items"]
    assert [item["tokens"] for item in items] == [6, 6]
    assert run("captions", "list", "weipin", "--tokens") == 0
    assert "tokens" in capsys.readouterr().out
    found = answer(capsys, "captions", "stats", "weipin")
    assert found["lengths"] == {"4": 2, "6": 4}
    assert found["words"][0] == {"text": "qzy", "tokens": ["q", "zy</w>"], "captions": 6}
    assert run("captions", "tokens", "weipin", "--top", "1") == 0
    told = capsys.readouterr()
    assert "q zy</w>" in told.out
    assert "more words; --top shows more" in told.err


def test_mistakes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("captions", "template", "weipin", "{brnad}") == 2
    assert "Did you mean 'brand'" in capsys.readouterr().err
    assert run("captions", "template", "weipin", "--over", "persons") == 2
    assert "Did you mean 'person'" in capsys.readouterr().err
    assert run("captions", "template", "weipin", "--word", "spot") == 2


def test_whose_captions_stay_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("captions", "set", "weipin", SPOT, "by hand") == 0
    assert run("captions", "template", "weipin", "{brand}") == 0
    assert "1 of a person stay; --over person replaces them too" in capsys.readouterr().err
    assert run("captions", "template", "weipin", "{brand}", "--over", "tags,person") == 0
    assert texts(capsys)[SPOT] == "qzy"


def test_a_model_captions_by_a_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = write_tagger(tmp_path / "tagger", [("white_shirt", 0)])
    command = ["captions", "model", "weipin", "--with", "wd14", "--weights", folder]
    command += ["--set", "general_threshold=0", "--over", "tags", "--select", "**/spot"]
    assert answer(capsys, *command, "--dry-run")["to_look_at"] == 2
    report = answer(capsys, *command, "--template", "{trigger}, {caption}", "--trigger", "wpn")
    assert (report["changed"], report["failed"]) == (2, {})
    assert texts(capsys)[SPOT] == "wpn, white shirt"
    assert run(*command, "--over", "model") == 0
    told = capsys.readouterr().err
    assert "2 were looked at before; 0 are left" in told
    assert "2 of 2 captions changed" in told
    assert run(*command, "--set", "threshold") == 2
    assert run(*command, "--max-tokens", "5") == 2


def test_captioners_are_listed_with_what_they_need(capsys: pytest.CaptureFixture[str]) -> None:
    items = answer(capsys, "captioners")["items"]
    assert [item["name"] for item in items] == ["blip", "blip2", "florence2", "wd14"]
    assert run("captioners") == 0
    assert run("captioners", "wd14") == 0
    assert "general_threshold" in capsys.readouterr().out
    assert "general_threshold" in answer(capsys, "captioners", "wd14")["properties"]
    assert run("captioners", "wd15") == 2
