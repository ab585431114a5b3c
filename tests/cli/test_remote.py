"""The commands with `--server`: a registry on another machine, typed at as at one's own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdxl_reg.web.dependencies import Registry
from sdxl_reg_cli import main
from tests.cli.typing_commands import run
from tests.registry.catalog.pictures import products
from tests.registry.formats.shaped_files import TO_K, shaped_file
from tests.registry.web.browser import serving
from tests.registry.web.example_registry import build


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Registry]]:
    registry = build(tmp_path_factory.mktemp("served"))
    with serving(registry) as address:
        yield address, registry
    registry.engine.dispose()


@pytest.fixture(autouse=True)
def server(served: tuple[str, Registry], monkeypatch: pytest.MonkeyPatch) -> str:
    """All commands of this module ask the server, and have no registry of their own to ask."""
    monkeypatch.setenv("SDXL_REG_SERVER", served[0])
    monkeypatch.setenv("SDXL_REG_DATABASE_URL", "nothing://at all")
    return served[0]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run(*words) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["images"], "weipin"),
        (["images", "weipin", "--select", "**/spot"], "qzy/flawed/spot"),
        (["datasets"], "weipin@1"),
        (["dataset", "show", "weipin@1"], "weipin@1"),
        (["artifacts"], "@best → @3"),
        (["artifact", "show", "weipin-lora"], "weipin-lora@3"),
        (["artifact", "diff", "weipin-lora@3"], "step"),
        (["grids"], "weipin-lora"),
        (["lineage", "weipin-lora@best"], "weipin@1"),
        (["project", "list"], "main"),
    ],
)
def test_a_command_tells_what_the_server_knows(
    capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert told in said(capsys, *words)
    assert json.loads(said(capsys, *words, "--json"))


def test_a_version_is_fetched_as_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = said(capsys, "artifact", "export", "weipin-lora@best", "--to", str(tmp_path))
    file = tmp_path / "weipin-lora-000003.safetensors"
    assert out.strip() == str(file)
    assert file.read_bytes() == b"weipin-lora-000003.safetensors"


@pytest.mark.parametrize(
    ("program", "place"),
    [("a1111", "models/Lora"), ("comfyui", "models/loras"), ("kohya", "model")],
)
def test_a_version_is_laid_out_where_a_program_looks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, program: str, place: str
) -> None:
    words = ["artifact", "export", "weipin-lora@best", "--for", program, "--to", str(tmp_path)]
    said(capsys, *words)
    assert (tmp_path / place / "weipin-lora-000003.safetensors").is_file()
    said(capsys, *words)
    (tmp_path / place / "weipin-lora-000003.safetensors").write_bytes(b"mine")
    assert run(*words) == 4


def test_a_file_is_sent_pointed_at_and_withdrawn(
    capsys: pytest.CaptureFixture[str], served: tuple[str, Registry], tmp_path: Path
) -> None:
    path = shaped_file(tmp_path / "old.safetensors", {TO_K: (4, 2048)}, {})
    words = ["artifact", "import", str(path), "--name", "old-lora", "--json"]
    assert json.loads(said(capsys, *words))["ref"] == "old-lora@1"
    assert json.loads(said(capsys, *words))["ref"] == "old-lora@1"
    said(capsys, "artifact", "alias", "old-lora@1", "kept", "--strength", "0.7")
    assert "@kept" in said(capsys, "artifact", "show", "old-lora")
    assert run("artifact", "yank", "old-lora@1") == 4
    said(capsys, "artifact", "unyank", "old-lora@1")


def test_errors_are_those_of_the_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("artifact", "show", "weipin-lara") == 3
    assert "Did you mean 'weipin-lora'?" in capsys.readouterr().err
    assert run("artifact", "export", "weipin-lora") == 2
    assert "weipin-lora@NUMBER" in capsys.readouterr().err


def test_what_is_done_where_the_registry_lies_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fsck") == 2
    assert "'fsck' is done where the registry lies" in capsys.readouterr().err


def test_the_option_goes_before_the_environment(
    capsys: pytest.CaptureFixture[str], server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDXL_REG_SERVER", "http://127.0.0.1:9")
    assert "weipin" in said(capsys, "--server", server, "images")


def test_every_command_of_a_server_is_one_of_the_commands() -> None:
    assert set(main.REMOTE) <= set(main.COMMANDS)


@pytest.mark.slow
def test_a_training_on_the_server_is_followed_to_its_versions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["train", "lora", "--dataset", "weipin@1", "--name", "far-lora"]
    settings = ["rank=2", "max_train_steps=2", "train_batch_size=1"]
    words += [part for setting in settings for part in ("--set", setting)]
    told = json.loads(said(capsys, *words, "--json"))
    assert told["run"]["state"] == "succeeded"
    assert told["versions"] == ["far-lora@1"]
    number = str(told["run"]["id"])
    assert "succeeded" in said(capsys, "run", "show", number)
    assert "far-lora@1" in said(capsys, "run", "follow", number)
    assert said(capsys, "run", "logs", "1").startswith("step 1")
    assert number in said(capsys, "runs")
    assert run("run", "cancel", number) == 4


def test_settings_are_checked_before_anything_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "lora", "--dataset", "weipin@1", "--set", "rank=0") == 2
    assert "rank" in capsys.readouterr().err


def test_a_folder_of_this_machine_is_ingested_by_the_server(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = products(tmp_path / "far")
    words = ["ingest", str(root), "--as", "far", "--caption", "a shirt, {tags}"]
    assert run(*words) == 0
    told = capsys.readouterr()
    assert "The folder is the image set 'far'" in told.err
    assert "To send: 12 files" in told.err
    assert "12 seen · 12 new" in told.err
    assert "far" in told.out
    report = json.loads(said(capsys, *words, "--json"))
    assert (report["unchanged"], report["new"]) == (12, 0)
    assert "a shirt, " in said(capsys, "images", "far")


@pytest.mark.parametrize(
    ("words", "code"),
    [(["nowhere"], 3), ([".", "--link"], 2), ([".", "--layout", "a//b", "--as", "x"], 2)],
)
def test_an_ingest_that_cannot_be_ends_as_on_ones_own_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("ingest", *words) == code
