"""What a trainer has to keep, as a class of tests; and a tiny SDXL to test it on.

A plugin's tests inherit `TrainerConformance` and say which trainer is meant. Nothing here needs
pytest but its naming of tests and its fixtures `tmp_path_factory` and `tiny_base`:

    @pytest.fixture(scope="session")
    def tiny_base(tmp_path_factory):
        return write_tiny_base(tmp_path_factory.mktemp("tiny") / "base")

    class TestMyTrainer(TrainerConformance):
        trainer = my_package.plugin
"""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from PIL import Image

from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.tiny import write_tiny_base
from sdxl_reg.errors import InvalidSettings, RegistryError
from sdxl_reg.formats.safetensors import read_header
from sdxl_reg.trainers.config import TrainerConfig, parsed
from sdxl_reg.trainers.interface import (
    BaseModel,
    TrainedVersion,
    Trainer,
    TrainingImage,
    TrainingJob,
)
from sdxl_reg.vocabulary import ArtifactKind, BaseFormat

__all__ = ["Heard", "Stopping", "TrainerConformance", "draw", "training_job", "write_tiny_base"]

PROMPTS = ("a red mug", "a blue shoe", "a black mug")
OUTPUT_NAME = "things"
"""Stem of the files of a job, and the trigger word of an embedding."""
ROWS_TOLERANCE = 1e-4
"""Per-row and single drawing differ by the order in which matrix products are summed: float32's
6e-8, grown by a few denoising steps of pixels in 0 … 1."""


class TemporaryFolders(Protocol):
    """What is used of pytest's `tmp_path_factory`."""

    def mktemp(self, basename: str) -> Path:
        """A new empty folder."""


class Heard:
    """A report that keeps everything it hears."""

    def __init__(self) -> None:
        self.stages: list[tuple[int, int, str]] = []
        self.metrics: list[tuple[int, dict[str, float]]] = []
        self.versions: list[TrainedVersion] = []
        self.messages: list[str] = []
        self.samples: list[tuple[int, str, Path]] = []

    def progress(self, done: int, total: int, what: str) -> None:
        """Keep it."""
        self.stages.append((done, total, what))

    def metric(self, step: int, **values: float) -> None:
        """Keep it."""
        self.metrics.append((step, values))

    def version(self, version: TrainedVersion) -> None:
        """Keep it."""
        self.versions.append(version)

    def message(self, text: str) -> None:
        """Keep it."""
        self.messages.append(text)

    def sample(self, step: int, prompt: str, path: Path) -> None:
        """Keep it."""
        self.samples.append((step, prompt, path))


class Stopping(Heard):
    """A report that ends the training when it hears of a step."""

    def __init__(self, *, after: int) -> None:
        super().__init__()
        self._after = after

    def metric(self, step: int, **values: float) -> None:
        if step > self._after:
            raise InterruptedError


class TrainerConformance:
    """The contract of `trainers.interface.Trainer`, tested.

    Attributes:
        trainer: The plugin.
        settings: Such that a training of four pictures takes seconds and shows.
        state_settings: What has its state saved at every step.
        prompts: Three, such that the trained files show in each.
    """

    trainer: ClassVar[Trainer]
    settings: ClassVar[dict[str, Any]] = {
        "max_train_epochs": 2,
        "train_batch_size": 2,
        "learning_rate": 0.05,
    }
    state_settings: ClassVar[dict[str, Any]] = {"save_state_every_n_steps": 1}
    prompts: ClassVar[tuple[str, str, str]] = PROMPTS
    _trained: ClassVar[dict[type, tuple[list[Path], Heard]]] = {}

    def test_it_says_what_it_is(self) -> None:
        assert self.trainer.name == self.trainer.name.strip().lower()
        assert self.trainer.summary
        assert isinstance(self.trainer.kind, ArtifactKind)
        assert issubclass(self.trainer.config, TrainerConfig)

    def test_every_setting_is_described(self) -> None:
        for name, field in self.trainer.config.model_fields.items():
            assert field.description, name

    def test_importing_it_does_not_import_torch(self) -> None:
        module = type(self.trainer).__module__
        check = f"import sys, {module}; sys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0

    def test_all_faults_of_settings_are_told_at_once(self) -> None:
        wrong = {"max_train_steps": 0, "seed": -1, "resolution": 100, "nonsense": 1}
        faults: set[str] = set()
        try:
            parsed(self.trainer.config, wrong, trainer=self.trainer.name)
        except InvalidSettings as error:
            faults = set(error.faults)
        assert faults == set(wrong)

    def test_every_file_is_reported_as_a_version(
        self, tiny_base: Path, tmp_path_factory: TemporaryFolders
    ) -> None:
        files, heard = self._train_once(tiny_base, tmp_path_factory)
        assert files == [version.path for version in heard.versions]
        assert [version.epoch for version in heard.versions] == [1, 2]
        assert all(path.is_file() for path in files)
        assert all(np.isfinite(version.loss) for version in heard.versions)

    def test_files_say_which_run_and_dataset_made_them(
        self, tiny_base: Path, tmp_path_factory: TemporaryFolders
    ) -> None:
        for path in self._train_once(tiny_base, tmp_path_factory)[0]:
            metadata = read_header(path).metadata
            assert metadata["sdxl_reg.run"] == "2" * 64
            assert metadata["sdxl_reg.dataset"] == "1" * 64

    def test_the_same_job_gives_the_same_bytes(
        self, tiny_base: Path, tmp_path_factory: TemporaryFolders
    ) -> None:
        files, _ = self._train_once(tiny_base, tmp_path_factory)
        again, _ = self._train(tiny_base, tmp_path_factory)
        assert [_sha256(path) for path in files] == [_sha256(path) for path in again]

    def test_a_training_that_was_stopped_goes_on_to_the_same_bytes(
        self, tiny_base: Path, tmp_path_factory: TemporaryFolders
    ) -> None:
        files, _ = self._train_once(tiny_base, tmp_path_factory)
        config = parsed(
            self.trainer.config, self.settings | self.state_settings, trainer=self.trainer.name
        )
        for step in (1, 3):
            job = training_job(config, tiny_base, tmp_path_factory.mktemp("stopped"))
            with suppress(InterruptedError):
                self.trainer.train(job, Stopping(after=step))
            self.trainer.train(job, Heard())
            again = [job.output_path / path.name for path in files]
            assert [_sha256(path) for path in again] == [_sha256(path) for path in files], step

    def test_strength_1_shows_and_strength_0_and_leaving_are_the_base_bit_by_bit(
        self, tiny_base: Path, tmp_path_factory: TemporaryFolders
    ) -> None:
        weights = self._train_once(tiny_base, tmp_path_factory)[0][-1]
        pipeline = load_pipeline(tiny_base)
        base = draw(pipeline, prompts=self.prompts)
        with self.trainer.applied(pipeline, weights, 0.0):
            assert np.array_equal(draw(pipeline, prompts=self.prompts), base)
        with self.trainer.applied(pipeline, weights, [0.0] * len(PROMPTS)):
            assert np.array_equal(draw(pipeline, prompts=self.prompts), base)
        with self.trainer.applied(pipeline, weights, 1.0):
            assert np.abs(draw(pipeline, prompts=self.prompts) - base).max() > 100 * ROWS_TOLERANCE
        assert np.array_equal(draw(pipeline, prompts=self.prompts), base)

    def test_the_base_is_restored_after_an_error(
        self, tiny_base: Path, tmp_path_factory: TemporaryFolders
    ) -> None:
        weights = self._train_once(tiny_base, tmp_path_factory)[0][-1]
        pipeline = load_pipeline(tiny_base)
        base = draw(pipeline, prompts=self.prompts)
        try:
            with self.trainer.applied(pipeline, weights, 1.0):
                raise InterruptedError
        except InterruptedError:
            pass
        assert np.array_equal(draw(pipeline, prompts=self.prompts), base)

    def test_a_strength_for_each_row_is_that_strength_alone(
        self, tiny_base: Path, tmp_path_factory: TemporaryFolders
    ) -> None:
        weights = self._train_once(tiny_base, tmp_path_factory)[0][-1]
        pipeline = load_pipeline(tiny_base)
        strengths = (0.0, 0.5, 1.0)
        with self.trainer.applied(pipeline, weights, strengths):
            together = draw(pipeline, prompts=self.prompts)
        for row, strength in enumerate(strengths):
            with self.trainer.applied(pipeline, weights, strength):
                alone = draw(pipeline, prompts=[self.prompts[row]], seeds=[row])[0]
            assert np.abs(together[row] - alone).max() < ROWS_TOLERANCE

    def test_a_file_draws_the_same_wherever_it_lies(
        self, tiny_base: Path, tmp_path_factory: TemporaryFolders
    ) -> None:
        weights = self._train_once(tiny_base, tmp_path_factory)[0][-1]
        copy = tmp_path_factory.mktemp("elsewhere") / f"copy{weights.suffix}"
        copy.write_bytes(weights.read_bytes())
        pictures = []
        for path in (weights, copy):
            pipeline = load_pipeline(tiny_base)
            with self.trainer.applied(pipeline, path, 1.0):
                pictures.append(draw(pipeline, prompts=self.prompts))
        assert np.array_equal(pictures[0], pictures[1])

    def test_a_damaged_file_is_refused(
        self, tiny_base: Path, tmp_path_factory: TemporaryFolders
    ) -> None:
        weights = self._train_once(tiny_base, tmp_path_factory)[0][-1]
        damaged = tmp_path_factory.mktemp("damaged") / weights.name
        damaged.write_bytes(weights.read_bytes()[:-1])
        try:
            with self.trainer.applied(load_pipeline(tiny_base), damaged, 1.0):
                pass
        except RegistryError:
            return
        raise AssertionError("a file that is cut short was applied")

    def _train_once(self, tiny_base: Path, folders: TemporaryFolders) -> tuple[list[Path], Heard]:
        if type(self) not in self._trained:
            self._trained[type(self)] = self._train(tiny_base, folders)
        return self._trained[type(self)]

    def _train(self, tiny_base: Path, folders: TemporaryFolders) -> tuple[list[Path], Heard]:
        heard = Heard()
        config = parsed(self.trainer.config, self.settings, trainer=self.trainer.name)
        job = training_job(config, tiny_base, folders.mktemp("job"))
        return self.trainer.train(job, heard), heard


def training_job(config: TrainerConfig, base: Path, folder: Path) -> TrainingJob:
    """A job over four small pictures of different shapes, written into the folder.

    Args:
        config: The trainer's settings.
        base: A diffusers folder.
        folder: Empty; receives the pictures and the job's folders.
    """
    images = []
    for number, size in enumerate(((96, 64), (64, 96), (64, 64), (80, 64))):
        pixels = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        path = folder / f"{number}.png"
        Image.fromarray(pixels).resize(size).save(path)
        caption = PROMPTS[number % 2]
        images.append(
            TrainingImage(path=path, sha256=_sha256(path), caption=caption, tags="brand/spot")
        )
    for name in ("files", "work"):
        (folder / name).mkdir(exist_ok=True)
    return TrainingJob(
        run_key="2" * 64,
        config=config,
        base=BaseModel(
            ref="tiny@1", path=base, format=BaseFormat.DIFFUSERS, config_path=None, sha256="0" * 64
        ),
        images=images,
        dataset_ref="things@1",
        dataset_sha256="1" * 64,
        output_name=OUTPUT_NAME,
        output_path=folder / "files",
        workspace_path=folder / "work",
        cache_path=folder / "cache",
    )


def draw(
    pipeline: Any,
    *,
    prompts: Sequence[str] = PROMPTS,
    seeds: Sequence[int] = range(len(PROMPTS)),
) -> np.ndarray[Any, Any]:
    """Pictures of two steps with guidance; a row's noise is its own.

    Args:
        pipeline: A pipeline of the tiny base.
        prompts: One a row.
        seeds: Of each row's noise.

    Returns:
        Shape (rows, height, width, 3), float32 in 0 … 1.
    """
    pictures: np.ndarray[Any, Any] = pipeline(
        list(prompts),
        num_inference_steps=2,
        guidance_scale=4.0,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        output_type="np",
    ).images
    return pictures


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
