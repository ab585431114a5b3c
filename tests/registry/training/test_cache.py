"""The cache of tensors: computed once, shared on disk, mended where it is damaged."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sdxl_reg.training.cache import TensorCache, weights_digest

KEY = {"what": "latents", "image": "a", "size": (64, 64)}


class _Counting:
    """Computes a tensor, and counts how often it was asked to."""

    def __init__(self, value: float = 1.0, *, count: int = 256) -> None:
        self.times = 0
        self._value = value
        self._count = count

    def __call__(self) -> dict[str, Tensor]:
        self.times += 1
        return {"x": torch.full((self._count,), self._value)}


def test_tensors_are_computed_once(tmp_path: Path) -> None:
    cache, compute = TensorCache(tmp_path / "cache"), _Counting(2.0)
    for _ in range(3):
        assert torch.equal(cache.get(KEY, compute)["x"], torch.full((256,), 2.0))
    assert compute.times == 1


@pytest.mark.parametrize(
    "other", [{"image": "b"}, {"size": (64, 96)}, {"size": None}, {"what": "text"}, {"more": 1}]
)
def test_another_key_is_another_entry(tmp_path: Path, other: dict[str, object]) -> None:
    cache = TensorCache(tmp_path)
    cache.get(KEY, _Counting(1.0))
    assert cache.get(KEY | other, _Counting(2.0))["x"][0] == 2.0
    assert cache.get(KEY, _Counting(3.0))["x"][0] == 1.0


def test_the_order_of_a_key_does_not_count(tmp_path: Path) -> None:
    cache, compute = TensorCache(tmp_path), _Counting()
    cache.get(KEY, compute)
    cache.get(dict(reversed(KEY.items())), compute)
    assert compute.times == 1


def test_runs_share_what_lies_on_the_disk(tmp_path: Path) -> None:
    TensorCache(tmp_path).get(KEY, _Counting(1.5))
    compute = _Counting(9.0)
    assert TensorCache(tmp_path).get(KEY, compute)["x"][0] == 1.5
    assert compute.times == 0


def test_every_number_format_and_shape_comes_back_as_it_was(tmp_path: Path) -> None:
    given = {
        "half": torch.randn(2, 3).half(),
        "brain": torch.randn(2, 3).bfloat16(),
        "whole": torch.tensor([1, 2]),
        "turned": torch.randn(4, 5).t(),
        "scalar": torch.tensor(1.0),
    }
    TensorCache(tmp_path).get(KEY, lambda: given)
    found = TensorCache(tmp_path).get(KEY, _Counting())
    assert found.keys() == given.keys()
    for name, tensor in given.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("left", [0, 4, 40, -1])
def test_a_file_that_was_cut_short_is_computed_again_and_mended(tmp_path: Path, left: int) -> None:
    TensorCache(tmp_path).get(KEY, _Counting(1.0))
    (path,) = tmp_path.rglob("*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:left])
    compute = _Counting(1.0)
    assert TensorCache(tmp_path).get(KEY, compute)["x"][0] == 1.0
    assert compute.times == 1
    assert path.read_bytes() == whole


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> dict[str, Tensor]:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        TensorCache(tmp_path).get(KEY, fail)
    assert not list(tmp_path.rglob("*.*"))


def test_memory_keeps_the_latest_up_to_its_bound_and_the_disk_has_the_rest(tmp_path: Path) -> None:
    cache = TensorCache(tmp_path, memory_bytes=2048)  # two of 1024 bytes
    for number in range(3):
        cache.get({"number": number}, _Counting(float(number)))
    for path in tmp_path.rglob("*.safetensors"):
        path.unlink()  # what is in memory needs no file
    again = [_Counting(9.0) for _ in range(3)]
    for number in (2, 1, 0):
        cache.get({"number": number}, again[number])
    assert [compute.times for compute in again] == [1, 0, 0]


def test_a_single_entry_larger_than_the_bound_is_kept_until_the_next(tmp_path: Path) -> None:
    cache = TensorCache(tmp_path, memory_bytes=100)
    large = cache.get({"number": 0}, _Counting())
    assert cache.get({"number": 0}, _Counting()) is large
    cache.get({"number": 1}, _Counting())
    assert cache.get({"number": 0}, _Counting()) is not large


def test_what_was_used_lately_outlives_what_came_later(tmp_path: Path) -> None:
    cache = TensorCache(tmp_path, memory_bytes=2048)
    first = cache.get({"number": 0}, _Counting())
    second = cache.get({"number": 1}, _Counting())
    cache.get({"number": 0}, _Counting())
    cache.get({"number": 2}, _Counting())
    assert cache.get({"number": 0}, _Counting()) is first
    assert cache.get({"number": 1}, _Counting()) is not second


def test_a_digest_changes_with_any_weight_and_with_the_number_format() -> None:
    layer = nn.Linear(3, 2)
    module = nn.Sequential(layer, nn.BatchNorm1d(2))
    digest = weights_digest(module)
    assert weights_digest(module) == digest
    with torch.no_grad():
        layer.weight[1, 2] += 1e-6
    changed = weights_digest(module)
    assert changed != digest
    assert weights_digest(module.bfloat16()) not in (digest, changed)


def test_a_digest_is_of_all_modules() -> None:
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    assert len({weights_digest(one), weights_digest(one, two), weights_digest(two, one)}) == 3
