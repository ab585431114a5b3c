"""Killing a training at random steps and resuming it: the files are those of one left alone.

    python -m tests.story.kill_and_resume [--trainers lora embedding …] [--kills 10]

prints a line for each kill; `test_resume.py` does it once for each trainer.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import EVENTS
from tests.story.machine import ROOT, Machine

STEPS = 12
SETTINGS = {
    "max_train_steps": STEPS,
    "save_every_n_steps": 6,
    "save_state_every_n_steps": 2,
    "train_batch_size": 2,
    "resolution": 64,
    "sample_steps": 2,
    "seed": 7,
}
OWN = {"lora": {"rank": 4, "network_dropout": 0.1}}
PATIENCE_S = 300


def words_of(trainer: str) -> list[str]:
    """The command of a short training."""
    settings = SETTINGS | OWN.get(trainer, {})
    sets = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    return ["train", trainer, "--dataset", "weipin", *sets]


def digests_after_kills(
    machine: Machine, trainer: str, *, name: str, at: list[int], and_parent: bool
) -> list[str]:
    """SHA-256 of the versions of a training that is killed at some steps and resumed each time.

    Args:
        machine: An installation with the image set.
        trainer: Which.
        name: Of the artifact; part of the files.
        at: Steps after which its process is killed, ascending.
        and_parent: Whether the command that started it is killed as well.
    """
    process = machine.start(*words_of(trainer), "--name", name, "--json")
    for step in at:
        run = _kill_at(machine, process, step, and_parent=and_parent)
        process = machine.start("run", "resume", str(run), "--json")
    _, err = process.communicate()
    assert process.returncode == 0, err
    return [version["sha256"] for version in machine.run("artifact", "show", name)["versions"]]


def _kill_at(
    machine: Machine, process: "subprocess.Popen[str]", step: int, *, and_parent: bool
) -> int:
    """Kill the worker of the newest run once it has done a step; the number of the run."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        run = max((int(path.name) for path in machine.home.glob("runs/*")), default=0)
        said = events.read_events(machine.home / "runs" / str(run) / EVENTS)
        pids = [event.pid for event in said if isinstance(event, events.Started)]
        steps = [event.step for event in said if isinstance(event, events.Metric)]
        if pids and steps and steps[-1] >= step:
            break
        assert process.poll() is None, f"it ended before step {step}: {process.communicate()}"
        assert time.monotonic() < deadline, f"it did not reach step {step} in time"
        time.sleep(0.02)
    if and_parent:
        process.kill()
    os.kill(pids[-1], signal.SIGKILL)
    process.communicate()
    return run


def main() -> None:
    """Kill and resume, and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    known = ["lora", "embedding", "hypernetwork", "checkpoint"]
    parser.add_argument("--trainers", nargs="+", default=known, choices=known)
    parser.add_argument("--kills", type=int, default=10, help="for each trainer")
    parser.add_argument("--seed", type=int, default=0, help="of the steps")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        products = Path(folder) / "products"
        script = ROOT / "examples" / "render_products.py"
        subprocess.run([sys.executable, script, "--out", products], check=True, capture_output=True)
        faults = sum(
            _compare(options, trainer, Path(folder), products) for trainer in options.trainers
        )
    sys.exit(1 if faults else 0)


def _compare(options: argparse.Namespace, trainer: str, folder: Path, products: Path) -> int:
    """How many of the killed trainings gave other bytes than the one left alone."""
    chance = random.Random(f"{options.seed} {trainer}")
    faults = 0
    expected: list[str] = []
    for number in range(options.kills + 1):
        machine = Machine(home=folder / f"{trainer}-{number}", products=products)
        machine.run("ingest", str(products))
        at = [] if number == 0 else [chance.randint(1, STEPS - 1)]
        found = digests_after_kills(
            machine, trainer, name="thing", at=at, and_parent=number % 2 == 0
        )
        expected = expected or found
        verdict = "equal" if found == expected else "DIFFERENT"
        faults += found != expected
        where = f"killed after step {at[0]:2}" if at else "left alone"
        sys.stdout.write(f"{trainer:<13} {where:<22} {' '.join(d[:10] for d in found)} {verdict}\n")
        sys.stdout.flush()
    return faults


if __name__ == "__main__":
    main()
