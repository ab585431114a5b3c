"""Killing and interrupting the commands in the middle: nothing is lost, nothing half-made shows."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import EVENTS
from tests.story.machine import SMALL_TRAINING, Machine

pytestmark = pytest.mark.slow

DATASET = ("--dataset", "weipin")
LONG_TRAINING = (
    *SMALL_TRAINING,
    *("--set", "max_train_steps=2000", "--set", "save_every_n_steps=2"),
)
PATIENCE_S = 120


def _wait_until(condition: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, "it ended before it could be interrupted"
        assert time.monotonic() < deadline, "it did not get far enough in time"
        time.sleep(0.3)


def _versions(machine: Machine) -> int:
    artifacts = machine.run("artifacts")["items"]
    return sum(len(item["versions"]) for item in artifacts if item["name"] == "weipin-lora")


def _workers(machine: Machine) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if f"{machine.home}/runs" in line]


def test_a_killed_training_is_lost_keeps_its_versions_and_leaves_no_process(
    machine: Machine,
) -> None:
    machine.run("ingest", str(machine.products))
    training = machine.start("train", "lora", *DATASET, *LONG_TRAINING)
    _wait_until(lambda: _versions(machine) >= 1, training)
    training.kill()
    training.communicate()

    (run,) = machine.run("runs")["items"]
    assert run["state"] == "lost"
    kept = _versions(machine)
    assert kept >= 1
    deadline = time.monotonic() + 30
    while _workers(machine) and time.monotonic() < deadline:
        time.sleep(0.3)
    assert _workers(machine) == []
    assert machine.run("fsck")["missing"] == []

    steps = ("--set", "max_train_steps=2")
    again = machine.run("train", "lora", *DATASET, *SMALL_TRAINING, *steps)
    assert again["dataset"] == "weipin@1"
    assert again["versions"][0]["ref"] == f"weipin-lora@{kept + 1}"


def test_an_interrupted_training_is_cancelled_and_a_grid_of_what_it_made_can_be_drawn(
    machine: Machine,
) -> None:
    machine.run("ingest", str(machine.products))
    training = machine.start("train", "lora", *DATASET, *LONG_TRAINING)
    _wait_until(lambda: _versions(machine) >= 1, training)
    training.send_signal(signal.SIGINT)
    _, err = training.communicate()
    assert training.returncode == 130
    assert "What was finished is kept" in err
    (run,) = machine.run("runs")["items"]
    assert run["state"] == "cancelled"
    words = ("--versions", "1", "--strengths", "0,1", "--steps", "2", "--prompt", "a t-shirt")
    assert machine.run("grid", "weipin-lora", *words)["rendered"] == 2


def _drawn(machine: Machine) -> set[str]:
    """Keys of the cells whose pictures are recorded."""
    with closing(sqlite3.connect(machine.home / "registry.db")) as database:
        rows = database.execute("SELECT cell_key FROM grid_cell WHERE blob_id IS NOT NULL")
        return {key for (key,) in rows}


def _said(machine: Machine) -> list[events.Event]:
    """What the grid's process says, since it was started last."""
    return events.read_events(machine.home / "runs" / "2" / EVENTS)


def _kill_grid(
    machine: Machine, process: "subprocess.Popen[str]", *, drawn_before: int
) -> set[str]:
    """Kill a grid and its process after three more cells; what is recorded then."""
    _wait_until(lambda: len(_drawn(machine)) > drawn_before + 2, process)
    started = [event for event in _said(machine) if isinstance(event, events.Started)]
    process.kill()
    os.kill(started[-1].pid, signal.SIGKILL)
    process.communicate()
    return _drawn(machine)


def test_a_grid_that_is_killed_twice_draws_no_finished_cell_again(machine: Machine) -> None:
    machine.run("ingest", str(machine.products))
    machine.run("train", "lora", *DATASET, *SMALL_TRAINING, "--set", "max_train_steps=1")
    words = ("--prompt", "a t-shirt", "--prompt", "a mug", "--steps", "6", "--batch-size", "1")
    process = machine.start("grid", "weipin-lora", *words, "--json")
    first = _kill_grid(machine, process, drawn_before=0)
    process = machine.start("grid", "resume", "1", "--json")
    second = _kill_grid(machine, process, drawn_before=len(first))
    assert first < second
    process = machine.start("grid", "resume", "1", "--json")
    _, err = process.communicate()
    assert process.returncode == 0, err
    drawn = [event.key for event in _said(machine) if isinstance(event, events.Cell)]
    assert not second & set(drawn)
    assert len(second) + len(drawn) == len(_drawn(machine)) == 22  # 0 to 1 in tenths, two prompts
