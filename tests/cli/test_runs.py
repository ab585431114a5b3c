"""`sdxl-reg run cancel`: ends a run, once."""

import json
from pathlib import Path

import pytest

from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import new_run
from sdxl_reg.store.database import connect, transaction, upgrade
from sdxl_reg.vocabulary import RunKind
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
