"""What is said of a training before it begins, held against what the training then takes."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sdxl_reg.errors import UsageError
from sdxl_reg.testing import Heard, training_job
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.trainers.interface import TrainingImage, TrainingJob
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import PARTS, Base, loaded_base
from sdxl_reg.training.cache import TensorCache
from sdxl_reg.training.dataset import Dataset
from sdxl_reg.training.loop import fit
from sdxl_reg.training.objective import predicted
from sdxl_reg.training.plan import Plan, planned
from sdxl_reg.training.preflight import PROCESS_BYTES, Needs, activation_bytes, estimated, preflight
from sdxl_reg.training.state import load_state
from sdxl_reg.training.texts import Texts
from sdxl_reg.training.trainee import Trainee
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_checkpoint.config import CheckpointConfig
from sdxl_reg_checkpoint.trainee import CheckpointTrainee
from sdxl_reg_embedding.config import EmbeddingConfig
from sdxl_reg_embedding.speaking import speaking
from sdxl_reg_embedding.trainee import EmbeddingTrainee
from sdxl_reg_hypernetwork.config import HypernetworkConfig
from sdxl_reg_hypernetwork.trainee import HypernetworkTrainee
from sdxl_reg_lora.config import LoraConfig
from sdxl_reg_lora.trainee import LoraTrainee

QUICK: dict[str, Any] = {"preview": False, "max_train_steps": 2, "rank": 2}
MODULE = "sdxl_reg.training.preflight"
STATISTICS = 0.005
"""Relative: where weights are float32 and values bfloat16, torch says of the means of a norm that
they are bfloat16, and the CPU keeps them in float32."""
TRAINING = """
import sys
from pathlib import Path
from sdxl_reg.diffusion.micro import micro_base_files, write_files
from sdxl_reg.testing import Heard, training_job
from sdxl_reg_lora import LoraConfig, plugin

folder, heard = Path(sys.argv[1]), Heard()
config = LoraConfig(
    max_train_steps=2, train_batch_size=4, resolution=(128, 128), enable_bucket=False, preview=False
)
base = write_files(micro_base_files(), folder / "base")
plugin.train(training_job(config, base, folder), heard)
print("\\n".join(heard.messages))
print(*[line for line in Path("/proc/self/status").open() if line.startswith("VmHWM")])
"""
"""A whole training that prints what it said before, and the most memory it ever had.

The kernel's own mark is read: ru_maxrss, which it is the source of, begins at the parent's.
"""


@dataclass(frozen=True, kw_only=True)
class _Before:
    """Everything that a training has before its first step."""

    job: TrainingJob
    config: DenoisingConfig
    base: Base
    trainee: Trainee
    data: Dataset
    plan: Plan

    def needs(self) -> Needs:
        return estimated(self.config, self.base, self.plan, self.trainee)

    def told(self) -> list[str]:
        heard = Heard()
        preflight(
            self.config,
            self.base,
            self.data,
            self.plan,
            self.trainee,
            output=self.job.output_path,
            report=heard,
        )
        return heard.messages


@pytest.fixture(scope="module")
def plain(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> _Before:
    """Of a LoRA with the settings that are quick."""
    config = LoraConfig.model_validate(QUICK)
    job = training_job(config, tiny_base, tmp_path_factory.mktemp("plain"))
    base = loaded_base(job, config)
    data, plan = _planned(job, config, base)
    trainee = LoraTrainee(base, config)
    return _Before(job=job, config=config, base=base, trainee=trainee, data=data, plan=plan)


def _with(
    plain: _Before, images: Sequence[TrainingImage] | None = None, **settings: Any
) -> _Before:
    """The same base and adapters with other pictures or other settings of data and plan."""
    config = LoraConfig.model_validate(QUICK | settings)
    job = replace(plain.job, config=config, images=images or plain.job.images)
    data, plan = _planned(job, config, plain.base)
    return replace(plain, job=job, config=config, data=data, plan=plan)


def _planned(job: TrainingJob, config: DenoisingConfig, base: Base) -> tuple[Dataset, Plan]:
    cache = TensorCache(job.cache_path)
    data = Dataset(base, job, config, cache=cache, class_images=(), report=Heard())
    return data, planned(config, data.showings(), job.output_name)


@pytest.fixture
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Activations of 20 MB: to count them takes seconds, and other tests hold the count."""
    monkeypatch.setattr(f"{MODULE}.activation_bytes", lambda *_, **__: 20_000_000)


def _kept(base: Base, rows: int, size: tuple[int, int], texts: Texts) -> int:
    """Bytes that a real forward pass keeps for the way back, weights left out."""
    unet = base.part("unet")
    weights = {value.untyped_storage().data_ptr() for value in unet.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}  # held, so that no address is given twice

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage
        return tensor

    with base.autocast():
        text = texts.encoded(["a red mug"] * rows)
    x_t, t = torch.randn(rows, 4, size[1] // 8, size[0] // 8), torch.full((rows,), 500)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        said = predicted(base, x_t, t, text, torch.full((rows, 6), 64.0))
    assert said.requires_grad
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"text_encoder_lr": 0, "conv_rank": 2, "network_dropout": 0.5},
        {"mixed_precision": "bf16"},
        {"algorithm": "lokr", "mixed_precision": "bf16", "text_encoder_lr": 0},
        {"gradient_checkpointing": True},
    ],
    ids=str,
)
def test_activations_are_what_a_forward_pass_of_a_lora_keeps(
    tiny_base: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    config = LoraConfig.model_validate(QUICK | settings)
    job = training_job(config, tiny_base, tmp_path)
    base = loaded_base(job, config)
    _require_exact(base, LoraTrainee(base, config), tmp_path)


def test_activations_are_what_a_forward_pass_of_a_whole_checkpoint_keeps(
    tiny_base: Path, tmp_path: Path
) -> None:
    config = CheckpointConfig(mixed_precision="bf16", text_encoder_lr=1e-5)
    job = training_job(config, tiny_base, tmp_path)
    base = loaded_base(job, config, weights=torch.float32)
    trainee = CheckpointTrainee(base, config)
    assert trainee.changes_text
    _require_exact(base, trainee, tmp_path, but_for=STATISTICS)


def test_activations_are_what_a_forward_pass_with_a_hypernetwork_keeps(
    tiny_base: Path, tmp_path: Path
) -> None:
    config = HypernetworkConfig()
    job = training_job(config, tiny_base, tmp_path)
    base = loaded_base(job, config)
    _require_exact(base, HypernetworkTrainee(base, config), tmp_path)


def test_activations_are_what_a_frozen_unet_keeps_for_the_vectors_of_a_word(
    tiny_base: Path, tmp_path: Path
) -> None:
    config = EmbeddingConfig()
    job = training_job(config, tiny_base, tmp_path)
    base = loaded_base(job, config)
    trainee = EmbeddingTrainee(base, config, "a")
    with speaking(base.pipeline, trainee.word, trainee.vectors):
        _require_exact(base, trainee, tmp_path)


def _require_exact(base: Base, trainee: Trainee, folder: Path, *, but_for: float = 0) -> None:
    texts = Texts(base, TensorCache(folder / "cache"), are_trained=trainee.changes_text)
    rows, size = 2, (96, 64)
    counted = activation_bytes(base, rows, size, text_is_trained=trainee.changes_text)
    kept = _kept(base, rows, size, texts)
    assert kept > 0
    assert counted == pytest.approx(kept, rel=but_for, abs=0)


def test_counting_changes_nothing_of_the_base(plain: _Before) -> None:
    unet = plain.base.part("unet")
    weights = [(value, value.detach().clone()) for value in unet.parameters()]
    plain.needs()
    assert all(now is then for now, (then, _) in zip(unet.parameters(), weights, strict=True))
    assert all(torch.equal(now, then) for now, then in weights)
    assert all(value.grad is None for value, _ in weights)


def test_activations_that_cannot_be_counted_are_not_spoken_of(plain: _Before) -> None:
    assert re.search(r"GB of memory, 0\.00 GB of it activations; ", plain.told()[-1])
    asking = plain.base.part("unet").conv_in.register_forward_hook(
        lambda _, __, said: said * said.mean().item()  # of numbers, and there are none
    )
    try:
        assert plain.needs().activations == 0
        assert re.fullmatch(r"about \S+ GB of memory; \S+ GB of disk", plain.told()[-1])
    finally:
        asking.remove()


@pytest.mark.usefixtures("_uncounted")
def test_weights_and_optimiser_are_counted_from_what_is_trained(
    tiny_base: Path, tmp_path: Path, plain: _Before
) -> None:
    config = LoraConfig.model_validate(QUICK | {"mixed_precision": "bf16", "text_encoder_lr": 0})
    base = loaded_base(training_job(config, tiny_base, tmp_path), config)
    frozen = {part: _values(base.part(part).parameters()) for part in (*PARTS, "vae")}
    trainee = LoraTrainee(base, config)
    trained = _values(trainee.groups[0].parameters)
    needs = estimated(config, base, plain.plan, trainee)
    halves = sum(frozen[part] for part in PARTS)
    assert needs.weights == 2 * halves + 4 * (frozen["vae"] + trained) + PROCESS_BYTES
    assert needs.optimizer == 12 * trained < plain.needs().optimizer
    assert needs.memory == needs.weights + needs.optimizer + 20_000_000


@pytest.mark.usefixtures("_uncounted")
def test_averages_of_what_is_trained_are_counted_too(tiny_base: Path, tmp_path: Path) -> None:
    plain, averaged = CheckpointConfig(), CheckpointConfig(ema_decay=0.9)
    job = training_job(plain, tiny_base, tmp_path)
    base = loaded_base(job, plain, weights=torch.float32)
    plan = _planned(job, plain, base)[1]
    without = estimated(plain, base, plan, CheckpointTrainee(base, plain))
    needs = estimated(averaged, base, plan, CheckpointTrainee(base, averaged))
    trained = _values(base.part("unet").parameters())
    assert needs.weights - without.weights == pytest.approx(4 * trained, abs=16)
    assert needs.disk - without.disk == pytest.approx(2 * 4 * trained, abs=32)


def _values(parameters: Iterable[Tensor]) -> int:
    return sum(value.numel() for value in parameters)


@pytest.mark.usefixtures("_uncounted")
@pytest.mark.parametrize("precision", ["float", "bf16"])
def test_the_disk_is_enough_for_all_versions_and_the_state(
    tiny_base: Path, tmp_path: Path, precision: str
) -> None:
    """It is taken twice: the old state stays until the new one is whole."""
    config = LoraConfig.model_validate(
        QUICK | {"save_every_n_steps": 1, "save_precision": precision, "text_encoder_lr": 0}
    )
    job = training_job(config, tiny_base, tmp_path)
    base = loaded_base(job, config)
    trainee = LoraTrainee(base, config)
    needs = estimated(config, base, _planned(job, config, base)[1], trainee)
    files = fit(ArtifactKind.LORA, job, config, base=base, trainee=trainee, report=Heard())
    saved = sum(tensor.nbytes for path in files for tensor in load_file(path).values())
    state = load_state(job.workspace_path, job.run_key)
    assert state is not None
    kept = sum(tensor.nbytes for tensor in state.weights.values())
    kept += sum(
        value.nbytes
        for values in state.optimizer["state"].values()
        for name, value in values.items()
        if name != "step"
    )
    assert len(files) == 2
    assert needs.disk == saved + 2 * kept


@pytest.mark.slow
def test_memory_is_within_a_factor_of_two_of_the_peak(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRAINING, str(tmp_path)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    said = re.search(r"about (\d+\.\d\d) GB of memory", done.stdout)
    peak = re.search(r"VmHWM:\s*(\d+) kB", done.stdout)
    assert said
    assert peak
    factor = float(said[1]) / (int(peak[1]) * 1024 / 1e9)
    assert 0.5 < factor < 2


@pytest.mark.usefixtures("_uncounted")
def test_the_sentences_name_buckets_steps_and_sizes(plain: _Before) -> None:
    settings: dict[str, Any] = {"resolution": 128, "train_batch_size": 2}
    settings |= {"gradient_accumulation_steps": 3}
    pictures, steps, sizes = _with(plain, **settings, save_every_n_steps=1).told()
    assert pictures == "4 pictures, by size 96×160: 1, 128×128: 2, 160×96: 1; 4 enlarged"
    assert steps == "2 steps: 2 epochs of 1, 2 × 3 pictures a step; 2 versions"
    assert sizes == "about 0.42 GB of memory, 0.02 GB of it activations; 0.00 GB of disk"


@pytest.mark.usefixtures("_uncounted")
def test_repeats_count_as_often_as_they_are_shown(plain: _Before) -> None:
    images = [replace(image, repeats=3) for image in plain.job.images]
    assert _with(plain, images).told()[0] == "4 pictures, by size 32×96: 3, 64×64: 9"


@pytest.mark.usefixtures("_uncounted")
def test_the_sentences_name_cut_and_enlarged_pictures(plain: _Before) -> None:
    square = plain.job.images[2]
    images = [square, replace(square, sha256="1" * 64, crop=(0.0, 0.0, 0.5, 0.5))]
    assert _with(plain, images).told()[0] == (
        "2 pictures, by size 64×64: 2; 1 cut to a crop; 1 enlarged"
    )


@pytest.mark.usefixtures("_uncounted")
def test_the_sentences_name_silent_masked_and_held_out_pictures(plain: _Before) -> None:
    square = plain.job.images[2]
    images = [replace(square, sha256=f"{number:064x}") for number in range(6)]
    images[:3] = [replace(image, caption=" ") for image in images[:3]]
    images[2:] = [replace(image, mask_path=image.path) for image in images[2:]]
    assert _with(plain, images).told()[0] == (
        "6 pictures, by size 64×64: 6; 3 without a caption; 4 with a mask"
    )
    apart = _with(plain, images, validation_split=0.3)
    taken = [images.index(picture.image) for picture in apart.data.held_out]
    assert apart.told()[0] == (
        f"4 pictures, by size 64×64: 4; {3 - sum(n < 3 for n in taken)} without a caption; "
        f"{4 - sum(n >= 2 for n in taken)} with a mask; 2 held out"
    )


@pytest.mark.usefixtures("_uncounted")
@pytest.mark.parametrize(
    ("name", "rate", "remarks"),
    [
        ("Prodigy", 1e-4, 1),
        ("prodigy", 0.05, 1),
        ("Prodigy", 1, 0),
        ("Prodigy", 0.1, 0),
        ("AdamW", 1e-4, 0),
    ],
)
def test_a_tiny_rate_of_prodigy_is_remarked_on(
    plain: _Before, monkeypatch: pytest.MonkeyPatch, name: str, rate: float, remarks: int
) -> None:
    groups = [replace(group, lr=rate) for group in plain.trainee.groups]
    monkeypatch.setattr(plain.trainee, "groups", groups)
    told = _with(plain, optimizer_type=name, learning_rate=rate).told()
    found = [sentence for sentence in told if "Prodigy" in sentence]
    assert len(found) == remarks
    assert all(f"learning_rate {rate:g} is a factor on it, and usually 1" in s for s in found)


@pytest.mark.usefixtures("_uncounted")
def test_too_little_disk_is_refused_before_anything_is_encoded(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def nearly_full(path: Path) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(free=1000)

    monkeypatch.setattr(f"{MODULE}.shutil.disk_usage", nearly_full)
    job, heard = _refused(tiny_base, tmp_path, r"1 versions and the saved state need .* of disk")
    assert asked == [job.output_path]
    _require_nothing_done(job, heard)


@pytest.mark.usefixtures("_uncounted")
def test_too_little_memory_is_refused_before_anything_is_encoded(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}._memory", lambda _: 30_000_000)
    job, heard = _refused(
        tiny_base, tmp_path, r"weights and optimiser need 0\.40 GB of memory, there are 0\.03 GB"
    )
    _require_nothing_done(job, heard)


def _refused(tiny_base: Path, folder: Path, message: str) -> tuple[TrainingJob, Heard]:
    heard = Heard()
    job = training_job(LoraConfig.model_validate(QUICK), tiny_base, folder)
    with pytest.raises(UsageError, match=message):
        find_trainer("lora").train(job, heard)
    return job, heard


def _require_nothing_done(job: TrainingJob, heard: Heard) -> None:
    assert heard.stages == []
    assert not job.cache_path.exists()
    assert not list(job.output_path.iterdir())
    assert any(" of memory" in sentence for sentence in heard.messages), "it says first what is due"


@pytest.mark.usefixtures("_uncounted")
def test_what_just_fits_is_not_refused(plain: _Before, monkeypatch: pytest.MonkeyPatch) -> None:
    """Activations alone are no reason: they are an estimate, and checkpointing is at hand."""
    needs = plain.needs()
    free = {"memory": needs.weights + needs.optimizer, "disk": needs.disk}
    monkeypatch.setattr(f"{MODULE}._memory", lambda _: free["memory"])
    monkeypatch.setattr(f"{MODULE}.shutil.disk_usage", lambda _: SimpleNamespace(free=free["disk"]))
    plain.told()
    for name in ("memory", "disk"):
        free[name] -= 1
        with pytest.raises(UsageError, match=f"GB of {name}"):
            plain.told()
        free[name] += 1


@pytest.mark.usefixtures("_uncounted")
@pytest.mark.parametrize(("device", "memory"), [("cpu", r"0\.10 GB"), ("cuda", r"0\.20 GB")])
def test_the_memory_is_that_of_the_device(
    plain: _Before, monkeypatch: pytest.MonkeyPatch, device: str, memory: str
) -> None:
    pages = {"SC_PHYS_PAGES": 25_000, "SC_PAGE_SIZE": 4000}
    monkeypatch.setattr(f"{MODULE}.os", SimpleNamespace(sysconf=pages.__getitem__))
    monkeypatch.setattr(
        "torch.cuda.get_device_properties", lambda _: SimpleNamespace(total_memory=200_000_000)
    )
    there = replace(plain, base=replace(plain.base, device=torch.device(device)))
    with pytest.raises(UsageError, match=f"there are {memory}"):
        there.told()
