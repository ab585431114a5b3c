"""`sdxl-reg run cancel` and `run resume`: runs of every kind, ended once and gone on with."""

import json
from pathlib import Path

import pytest

from sdxl_reg.catalog.generations import GenerationRequest, plan_generation
from sdxl_reg.catalog.grid_axes import GridRequest
from sdxl_reg.catalog.grids import plan
from sdxl_reg.catalog.picture_requests import PictureRequest
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import cancel, new_run
from sdxl_reg.store.database import connect, transaction, upgrade
from sdxl_reg.vocabulary import RunKind
from sdxl_reg_cli.installation import opened
from tests.cli.typing_commands import run


def test_a_run_that_waits_is_cancelled_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = connect(f"sqlite:///{home / 'registry.db'}")
    upgrade(engine)
    with transaction(engine) as session:
        new_run(session, RunKind.TRAIN, "train lora on weipin@1", {}, project=MAIN)
    engine.dispose()
    assert run("run", "cancel", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"id": 1, "state": "cancelled"}
    assert run("run", "cancel", "1") == 4
    assert "has ended: it is cancelled" in capsys.readouterr().err
    assert run("run", "cancel", "2") == 3


@pytest.mark.slow
def test_a_grid_and_a_generation_that_were_ended_are_gone_on_with_by_their_runs(
    imported: None, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = PictureRequest(base="base", settings={"num_inference_steps": 1})
    with opened() as registry:
        places = (registry.engine, registry.store, registry.settings)
        request = GridRequest(
            artifact="x-lora", prompts=("a mug",), strengths=(0.0, 1.0), picture=quick
        )
        grid = plan(*places, request)
        generation = plan_generation(
            *places, GenerationRequest(prompts=["a mug"], seeds=[5], picture=quick)
        )
        for planned in (grid, generation):
            with transaction(registry.engine) as session:
                cancel(session, planned.run_id)
    assert run("run", "resume", str(grid.run_id), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["grid"], found["rendered"], found["failed"]) == (grid.grid_id, 3, 0)
    assert run("run", "resume", str(generation.run_id), "--json") == 0
    (picture,) = json.loads(capsys.readouterr().out)["pictures"]
    assert Path(picture["path"]).is_file()
    assert run("run", "resume", str(generation.run_id)) == 4  # it is complete
