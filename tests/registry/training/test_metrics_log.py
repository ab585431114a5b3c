"""Numbers of a training: always reported, and in a TensorBoard log when one is asked for."""

import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sdxl_reg.errors import UsageError
from sdxl_reg.testing import Heard
from sdxl_reg.training.metrics_log import MetricsLog


def test_tensorboard_reads_what_was_reported(tmp_path: Path) -> None:
    heard = Heard()
    log = MetricsLog(heard, tmp_path / "log")
    log.numbers(1, loss=0.5, lr_unet=1e-4)
    log.numbers(2, loss=0.25)
    log.close()
    assert heard.metrics == [(1, {"loss": 0.5, "lr_unet": 1e-4}), (2, {"loss": 0.25})]
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss")] == [(1, 0.5), (2, 0.25)]
    assert [event.step for event in events.Scalars("lr_unet")] == [1]


def test_nothing_is_written_unless_it_is_asked_for(tmp_path: Path) -> None:
    log = MetricsLog(Heard(), None)
    log.numbers(1, loss=0.5)
    log.close()
    assert not list(tmp_path.iterdir())


def test_a_log_without_tensorboard_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tensorboard", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match="pip install tensorboard"):
        MetricsLog(Heard(), tmp_path / "log")
