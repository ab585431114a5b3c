"""`grid`, `generate` and `run` with `--server`: begun, followed, ended and fetched."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from PIL import Image
from sqlalchemy import select

from sdxl_reg.catalog.runs import cancel, follow
from sdxl_reg.errors import RunFailed
from sdxl_reg.jobs import events
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Grid
from sdxl_reg.web.dependencies import Registry
from tests.cli.typing_commands import run
from tests.registry.web.browser import serving
from tests.registry.web.puppet import queued_run
from tests.registry.web.test_comparing import shop

QUICK = ("--strengths", "0,1", "--prompt", "red", "--steps", "1")


@pytest.fixture(scope="module")
def served(
    tiny_base: Path, tiny_loras: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Registry]]:
    registry = shop(tmp_path_factory.mktemp("served"), tiny_base, tiny_loras)
    with serving(registry) as address:
        yield address, registry
    registry.engine.dispose()


@pytest.fixture(autouse=True)
def server(served: tuple[str, Registry], monkeypatch: pytest.MonkeyPatch) -> Registry:
    """All commands of this module ask the server, and have no registry of their own to ask."""
    monkeypatch.setenv("SDXL_REG_SERVER", served[0])
    monkeypatch.setenv("SDXL_REG_DATABASE_URL", "nothing://at all")
    return served[1]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert run(*words) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def test_what_a_grid_comes_to_is_said_and_nothing_is_recorded(
    capsys: pytest.CaptureFixture[str], server: Registry
) -> None:
    out = said(capsys, "grid", "x-lora", *QUICK, "--dry-run")
    assert "2 versions x 2 strengths of x-lora; 4 cells, 3 to draw" in out
    assert "compared with: shop@1" in out
    plan = json.loads(said(capsys, "grid", "draw", "x-lora", "--dry-run", "--json"))
    assert (plan["cells"], plan["versions"]) == (2 * 11 * 2, ["x-lora@1", "x-lora@2"])
    with reading(server.engine) as session:
        assert session.scalar(select(Grid.id)) is None


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["grid", "nothing-lora"], 3, "no such artifact"),
        (["grid", "x-lora", "--strengths", "0:x"], 2, "0:1:0.1"),
        (["grid", "x-lora", "--sampler", "Eulr"], 2, "Did you mean 'Euler'"),
        (["grid", "x-lora", "--out", "grid.doc"], 2, ".html"),
        (["grid", "x-lora", "--vae", "x"], 2, "--vae"),
        (["grid", "resume", "99"], 3, "no such grid"),
        (["grid", "pick", "1"], 2, "--cell POSITION"),
        (["generate"], 2, "it takes one of"),
        (["generate", "--resume", "1", "--steps", "3"], 2, "num_inference_steps"),
        (["generate", "a mug <lora:nothing:1>"], 3, "no such lora"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str
) -> None:
    assert run(*words) == code
    assert told in capsys.readouterr().err


def test_a_run_that_ends_otherwise_ends_the_command_as_at_home(
    capsys: pytest.CaptureFixture[str], server: Registry
) -> None:
    ended = queued_run(server)
    with transaction(server.engine) as session:
        cancel(session, ended)
    assert run("run", "follow", str(ended)) == 130
    assert f"sdxl-reg run resume {ended}" in capsys.readouterr().err
    assert run("run", "follow", str(ended), "--json") == 130
    assert json.loads(capsys.readouterr().out)["run"] == {"id": ended, "state": "cancelled"}

    failed = queued_run(server)
    told = (event for event in [events.Failed(code="crash", message="out of memory")])
    with pytest.raises(RunFailed):
        follow(server.engine, failed, told, lambda event: None)
    assert run("run", "follow", str(failed)) == 6
    assert "out of memory" in capsys.readouterr().err


@pytest.mark.slow
def test_a_grid_is_drawn_there_fetched_here_and_voted_on(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = tmp_path / "fetched" / "sheet.png"
    found = json.loads(said(capsys, "grid", "x-lora", *QUICK, "--out", str(sheet), "--json"))
    assert (found["cells"], found["rendered"], found["reused"]) == (4, 3, 1)
    assert (found["state"], found["failed"]) == ("succeeded", 0)
    assert found["best"]["by"] == "scores"
    with Image.open(sheet) as picture:
        assert picture.width > 2 * 64
    number = str(found["grid"])
    assert "strength 1" in said(capsys, "grid", "show", number)
    assert number in said(capsys, "grids", "--filter", "x-* AND state:succeeded")
    table = tmp_path / "grid.csv"
    assert said(capsys, "grid", "export", number, "--to", str(table)).strip() == str(table)
    assert table.read_text().count("\n") == 1 + 4
    said(capsys, "grid", "pick", number, "--cell", "1", "--reason", "the collar")
    picked = json.loads(said(capsys, "grid", "pick", number, "--by-scores", "--json"))
    assert picked["ref"] == found["best"]["ref"]
    answers = iter(["l", "t", ""])
    monkeypatch.setattr(click, "prompt", lambda *_, **__: next(answers))
    pair = tmp_path / "pair.png"
    assert "won/lost/tied" in said(capsys, "grid", "vote", number, "--pair", str(pair))
    with Image.open(pair) as picture:
        assert picture.width > 2 * 64
    assert json.loads(said(capsys, "grid", "vote", number, "--json"))["votes"] == 2
    assert "x-lora@1" in said(capsys, "grid", "vote", number, "--ranking")
    again = json.loads(said(capsys, "grid", "x-lora", *QUICK, "--detach", "--json"))
    assert again["to_draw"] == 0
    assert run("run", "follow", str(again["run"])) == 0
    assert f"/grids/{again['id']}" in capsys.readouterr().out


@pytest.mark.slow
def test_pictures_are_drawn_there_and_fetched_here(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["generate", "a mug", "--base", "base", "--steps", "1", "--seed", "5"]
    out = said(capsys, *words, "--out", str(tmp_path))
    (path,) = tmp_path.iterdir()
    assert out.strip() == str(path)
    assert path.name.endswith("-0000-5.png")
    begun = [
        *words,
        "--init-image",
        str(path),
        "--denoising-strength",
        "1",
        "--out",
        str(tmp_path),
        "--json",
    ]
    found = json.loads(said(capsys, *begun))  # the file here is a picture that the server has
    assert found["pictures"][0]["request"]["init_image"]
    assert "a mug" in said(capsys, "generations", "--filter", "*mug*")
    assert run("generate", "--resume", str(found["generation"])) == 4
