"""A conversion in a process of its own: its errors come back, and it cannot run for ever."""

import pickle
import zipfile
from pathlib import Path

import pytest

from sdxl_reg.errors import Corrupt, NotFound, WorkFailed
from sdxl_reg.jobs import conversion
from sdxl_reg.jobs.conversion import Verb, convert


class Harmful:
    """What pickle would run when it opens the file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return open, (str(self.trace), "w")


def test_the_error_of_the_process_is_raised_here(tmp_path: Path) -> None:
    path, trace = tmp_path / "x.pt", tmp_path / "trace"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(Harmful(trace), protocol=2))
    with pytest.raises(Corrupt, match=r"io\.open") as caught:
        convert(Verb.HYPERNETWORK_FROM_PT, path, target=tmp_path / "y.safetensors")
    assert caught.value.path == str(path)
    assert list(tmp_path.iterdir()) == [path]

    with pytest.raises(NotFound):
        convert(Verb.HYPERNETWORK_TO_PT, trace, target=tmp_path / "y.pt")


def test_a_process_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match=r"longer than 0\.01 s"):
        convert(Verb.HYPERNETWORK_TO_PT, tmp_path / "x", target=tmp_path / "y.pt", timeout_s=0.01)


def test_a_process_that_ends_without_a_word_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "MODULE", "sdxl_reg.no_such_module")
    with pytest.raises(WorkFailed, match="no_such_module"):
        convert(Verb.HYPERNETWORK_TO_PT, tmp_path / "x", target=tmp_path / "y.pt")
