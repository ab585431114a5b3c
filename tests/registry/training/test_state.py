"""Saved states: one file, of one job, whole or not there."""

from pathlib import Path

import pytest
import torch

from sdxl_reg.training.state import NAME, State, load_state, save_state

KEY = "a" * 64


def _state(step: int = 3) -> State:
    """After some steps of a real optimiser."""
    value = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([value], lr=0.1)
    for _ in range(step):
        value.grad = torch.ones(3)
        optimizer.step()
    return State(
        step=step,
        losses=[0.5, 0.25],
        weights={"unet.x": value.detach()},
        optimizer=optimizer.state_dict(),
        schedule={"last_epoch": step, "_last_lr": [0.1]},
        scaler={},
    )


def test_a_state_comes_back_bit_by_bit(tmp_path: Path) -> None:
    state = _state()
    save_state(tmp_path, KEY, state)
    found = load_state(tmp_path, KEY)
    assert found is not None
    assert (found.step, found.losses, found.schedule) == (3, [0.5, 0.25], state.schedule)
    assert torch.equal(found.weights["unet.x"], state.weights["unet.x"])
    for name, value in state.optimizer["state"][0].items():
        assert torch.equal(found.optimizer["state"][0][name], value), name


def test_there_is_none_at_first(tmp_path: Path) -> None:
    assert load_state(tmp_path, KEY) is None


def test_another_jobs_state_is_not_taken_up(tmp_path: Path) -> None:
    save_state(tmp_path, KEY, _state())
    assert load_state(tmp_path, "b" * 64) is None


def test_a_state_of_another_schema_is_not_taken_up(tmp_path: Path) -> None:
    save_state(tmp_path, KEY, _state())
    found = torch.load(tmp_path / NAME, weights_only=True)
    torch.save(found | {"schema": 0}, tmp_path / NAME)
    assert load_state(tmp_path, KEY) is None


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_state_that_was_cut_short_is_not_taken_up(tmp_path: Path, share: float) -> None:
    save_state(tmp_path, KEY, _state())
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole[: int(share * len(whole))])
    assert load_state(tmp_path, KEY) is None


@pytest.mark.parametrize(
    "content", [b"no state", b"\x80", b"\x80\x02", b"\x80\x02Q.", b"\x00" * 999]
)
def test_what_is_no_state_is_not_taken_up(tmp_path: Path, content: bytes) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert load_state(tmp_path, KEY) is None


def test_a_value_that_is_no_state_is_not_taken_up(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / NAME)
    assert load_state(tmp_path, KEY) is None


def test_the_state_before_stays_when_writing_fails(tmp_path: Path) -> None:
    save_state(tmp_path, KEY, _state(1))

    class Unwritable:
        def __reduce__(self) -> str:
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        save_state(tmp_path, KEY, State(step=2, optimizer={"state": Unwritable()}))
    found = load_state(tmp_path, KEY)
    assert found is not None
    assert found.step == 1
    assert [path.name for path in tmp_path.iterdir()] == [NAME], "no half of a file is left"
