"""What a program of sd-scripts says, line by line, as stages, steps and losses."""

import re
from dataclasses import dataclass

from sdxl_reg.trainers.interface import Report

_STEP = re.compile(r"steps:\s+\d+%.*?(\d+)/(\d+) \[[^\]]*?([\d.]+)(s/it|it/s)")
_LOSS = re.compile(r"\b(?:avr_loss|loss)=([\d.eE+-]+|nan|inf)")
_EPOCH = re.compile(r"^epoch (\d+)/(\d+)\s*$")
_BAR = re.compile(r"^\s*\d+%\|.*?\| (\d+)/(\d+) \[")
_STAGES = {
    "caching latents": "encode pictures",
    "caching Text Encoder": "encode captions",
    "running training": "train",
    "generating sample": "draw samples",
}
"""How a line begins → what it begins; bars without a name belong to it."""


@dataclass(kw_only=True)
class Progress:
    """How far a program is.

    Attributes:
        report: Is told.
        epoch: The present epoch, from 1; 0 before the first.
        step: Steps done.
        measured: Steps done when the last loss was said.
        loss: That loss, a mean over some steps.
        stage: What is being done.
    """

    report: Report
    epoch: int = 0
    step: int = 0
    measured: int = 0
    loss: float = float("nan")
    stage: str = ""

    def hear(self, line: str) -> None:
        """Take in a line, and report what it says."""
        if epoch := _EPOCH.match(line.strip()):
            self.epoch = int(epoch[1])
        elif step := _STEP.search(line):
            self._hear_step(line, step)
        elif bar := _BAR.match(line):
            if self.stage in ("encode pictures", "encode captions"):
                self.report.progress(int(bar[1]), int(bar[2]), self.stage)
        else:
            for beginning, stage in _STAGES.items():
                if line.strip().startswith(beginning):
                    self.stage = stage

    def _hear_step(self, line: str, found: re.Match[str]) -> None:
        done, total, pace = int(found[1]), int(found[2]), float(found[3])
        loss = _LOSS.search(line)
        if loss:
            self.loss = float(loss[1])
        if done and loss and done > self.measured:
            step_s = pace if found[4] == "s/it" else 1 / pace if pace else 0.0
            self.report.metric(done, loss=self.loss, step_s=step_s)
            self.measured = done
        if done > self.step or not done:
            self.step = done
            self.report.progress(done, total, "train")
