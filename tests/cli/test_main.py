"""The command line as a whole: help, errors, exit codes."""

import importlib
import json
import subprocess
import sys

import click
import pytest

from sdxl_reg_cli.main import COMMANDS
from tests.cli.typing_commands import run


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists_and_its_summary_is_true(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module, attribute = COMMANDS[name][0].split(":")
    command = getattr(importlib.import_module(f"sdxl_reg_cli.{module}"), attribute)
    assert isinstance(command, click.Command)
    assert run(name, "--help") == 0
    assert "Usage: sdxl-reg " + name in capsys.readouterr().out


def test_a_mistyped_command_is_answered_with_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ingets") == 2
    assert "Did you mean 'ingest'" in capsys.readouterr().err


def test_a_missing_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "lora") == 2
    assert "--dataset" in capsys.readouterr().err


def test_with_json_an_error_is_the_one_document_on_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("artifact", "show", "nothing", "--json") == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["code"] == "not-found"
    assert "no such artifact: 'nothing'" in captured.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train", "lara", "--dataset", "weipin"], 2, "Did you mean 'lora'"),
        (["train", "lora", "--dataset", "weipin"], 3, "image set"),
        (["train", "lora", "--dataset", "weipin@1"], 3, "dataset"),
        (["train", "lora", "--dataset", "weipin", "--set", "rnak=8"], 2, "Did you mean 'rank'"),
        (["train", "lora", "--dataset", "weipin", "--set", "rank"], 2, "NAME=VALUE"),
        (["train", "lora", "--dataset", "weipin", "--config", "no.toml"], 3, "no.toml"),
        (["train", "lora", "--dataset", "weipin", "--base", "no-such-base"], 3, "no-such-base"),
        (["lineage", "nothing@best"], 3, "nothing"),
        (["run", "show", "7"], 3, "sdxl-reg runs"),
        (["dataset", "show", "weipin@"], 2, "NAME@NUMBER"),
    ],
)
def test_bad_requests_say_what_is_wrong_and_exit_by_kind(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == code
    assert message in capsys.readouterr().err


def test_every_fault_of_the_settings_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    settings = ("--set", "rank=0", "--set", "seed=-1", "--set", "max_train_stepps=3")
    assert run("train", "lora", "--dataset", "weipin", *settings) == 2
    err = capsys.readouterr().err
    assert all(name in err for name in ("rank", "seed", "max_train_stepps"))


def test_an_interrupt_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sdxl_reg.store.database.prepare", interrupted)
    monkeypatch.setattr("sdxl_reg_cli.installation.prepare", interrupted)
    assert run("runs") == 130
    assert "run the same command again" in capsys.readouterr().err


def test_an_empty_registry_lists_nothing_and_says_so_in_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("runs", "artifacts", "datasets"):
        assert run(command, "--json") == 0
        assert json.loads(capsys.readouterr().out) == {"items": []}


def test_help_and_listing_import_no_torch() -> None:
    code = (
        "import sys\n"
        "from sdxl_reg_cli.main import main\n"
        "for words in (['--help'], ['artifacts'], ['trainers', 'lora']):\n"
        "    try:\n"
        "        main(words)\n"
        "    except SystemExit as end:\n"
        "        assert end.code == 0, end.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
