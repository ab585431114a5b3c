"""Numbers of a training: to the report, and to a TensorBoard log when one is asked for."""

from pathlib import Path
from typing import Any

from sdxl_reg.errors import UsageError
from sdxl_reg.trainers.interface import Report


class MetricsLog:
    """Where the numbers of a training go.

    Args:
        report: Always hears them.
        folder: Of a TensorBoard log; None for none.

    Raises:
        UsageError: A log is asked for, and TensorBoard is not installed.
    """

    def __init__(self, report: Report, folder: Path | None) -> None:
        self._report = report
        self._writer: Any = None
        if folder is not None:
            self._writer = _writer(folder)

    def numbers(self, step: int, **values: float) -> None:
        """Some numbers at a step."""
        self._report.metric(step, **values)
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Have everything on disk."""
        if self._writer is not None:
            self._writer.close()


def _writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        raise UsageError(
            "log_with = tensorboard: it is not installed", remedy="pip install tensorboard"
        ) from None
    return SummaryWriter(str(folder))
