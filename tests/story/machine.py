"""A user's machine: an installation of its own, and the command `sdxl-reg` in it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from sdxl_reg_cli.main import main; main()"]
SMALL_TRAINING = (
    *("--set", "resolution=64", "--set", "rank=2", "--set", "train_batch_size=2"),
    *("--set", "learning_rate=1e-3"),
)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """An installation of its own.

    Attributes:
        home: Its `SDXL_REG_HOME`.
        products: The rendered example set.
    """

    home: Path
    products: Path

    @property
    def environment(self) -> dict[str, str]:
        """What its commands see."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SDXL_REG_")}
        return kept | {"SDXL_REG_HOME": str(self.home), "OMP_NUM_THREADS": "1"}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command and do not wait for it."""
        return subprocess.Popen(
            [*COMMAND, *words],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> Any:
        """Run a command with `--json`; it must succeed, and its document is returned."""
        process = self.start(*words, "--json")
        out, err = process.communicate()
        assert process.returncode == 0, err
        return json.loads(out)
