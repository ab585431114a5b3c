"""When a training says that it has become slow, and what it says of memory."""

import re
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from sdxl_reg.training.watchdog import Pace, memory_gb


def _said(pace: Pace, times: Iterable[float]) -> list[str]:
    return [said for seconds in times if (said := pace.noticed(seconds))]


@pytest.mark.parametrize("seconds", [0.001, 1.0, 600.0])
def test_a_steady_training_is_never_spoken_of(seconds: float) -> None:
    assert _said(Pace(), [seconds] * 200) == []


def test_steps_three_times_as_slow_are_told_of_with_their_numbers() -> None:
    pace = Pace()
    assert _said(pace, [2.0] * 20) == []
    (said,) = _said(pace, [7.0] * 10)
    assert said.startswith("steps take 7.00 s, 3.5 times as long as before: the machine is short ")
    assert re.search(r"\(\d+\.\d GB in use here\)", said)


def test_it_is_said_as_soon_as_ten_steps_show_it() -> None:
    pace = Pace()
    _said(pace, [1.0] * 10)
    assert [bool(pace.noticed(3.0)) for _ in range(10)] == [False] * 9 + [True]


def test_less_than_three_times_is_not_worth_a_word() -> None:
    assert _said(Pace(), [1.0] * 10 + [2.9] * 100) == []


def test_a_training_that_is_slow_from_the_beginning_has_nothing_to_be_compared_with() -> None:
    assert _said(Pace(), [100.0] * 10 + [100.0] * 10) == []


def test_single_slow_steps_are_not_the_machines_fault() -> None:
    """Samples are drawn between steps, versions are saved, and the first step allocates."""
    assert _said(Pace(), [50.0, *[1.0] * 9, *[50.0] * 4, *[1.0] * 6, *[1.0, 50.0] * 2] * 3) == []


def test_it_is_said_again_for_as_long_as_it_lasts_and_no_longer() -> None:
    pace = Pace()
    _said(pace, [1.0] * 10)
    assert len(_said(pace, [4.0] * 30)) == 3
    assert _said(pace, [1.0] * 30) == []


def test_slow_is_measured_against_the_fastest_there_was() -> None:
    """A creeping slowdown is one too, and a first hour beside another program no excuse."""
    pace = Pace()
    assert len(_said(pace, [number / 10 for number in range(10, 60)])) == 2
    pace = Pace()
    assert _said(pace, [4.0] * 10 + [1.0] * 10) == []
    assert len(_said(pace, [4.0] * 10)) == 1


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e9


def test_memory_is_the_most_that_the_process_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    at_present = _status("VmRSS")
    block = bytearray(b"x" * 100_000_000)
    most = memory_gb()
    assert most >= at_present
    assert most >= _status("VmHWM") - 0.01
    del block
    assert memory_gb() >= most, "the peak stays"
    assert most < 1000


def test_on_a_gpu_it_is_the_gpus_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda: 7_500_000_000)
    assert memory_gb() == 7.5


def test_the_kernel_counts_in_kilobytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(
        "sdxl_reg.training.watchdog.resource.getrusage",
        lambda _: SimpleNamespace(ru_maxrss=2_000_000),
    )
    assert memory_gb() == pytest.approx(2.048)
