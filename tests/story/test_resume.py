"""A training that is killed and resumed gives the same files, byte by byte, as one left alone.

Every trainer is stopped and gone on with by what `sdxl_reg.testing` asks of it; here the processes
themselves are killed, for the smallest and the largest state.
"""

from pathlib import Path

import pytest

from tests.story.kill_and_resume import digests_after_kills
from tests.story.machine import SMALL_TRAINING, Machine

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("trainer", ["lora", "checkpoint"])
def test_a_killed_training_goes_on_to_the_same_bytes(
    tmp_path: Path, products: Path, trainer: str
) -> None:
    found = []
    for number, at in enumerate(([], [3, 9])):
        machine = Machine(home=tmp_path / f"{number}", products=products)
        machine.run("ingest", str(products))
        found.append(
            digests_after_kills(machine, trainer, name="thing", at=at, and_parent=bool(number))
        )
        (run,) = machine.run("runs")["items"]
        assert run["state"] == "succeeded"
    assert len(found[0]) == 2
    assert found[0] == found[1]


def test_a_run_that_is_done_is_not_resumed(machine: Machine) -> None:
    machine.run("ingest", str(machine.products))
    machine.run(
        "train", "lora", "--dataset", "weipin", *SMALL_TRAINING, "--set", "max_train_steps=1"
    )
    process = machine.start("run", "resume", "1")
    _, err = process.communicate()
    assert process.returncode == 4
    assert "has done all it had to" in err
