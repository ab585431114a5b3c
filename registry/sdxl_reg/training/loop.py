"""The training loop, from a job to files: the same for every kind of trainee.

Everything random at a step comes from the seed and the number of the step, so that a run that was
killed and takes up its last saved state gives the same bytes as one that was not.
"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from sdxl_reg.diffusion.noise import seeded
from sdxl_reg.errors import WorkFailed
from sdxl_reg.formats.prompts import escaped
from sdxl_reg.trainers.interface import Report, TrainedVersion, TrainingJob
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.trainers.triggers import FILEWORDS
from sdxl_reg.training.base import SAVING, Base
from sdxl_reg.training.cache import TensorCache
from sdxl_reg.training.dataset import Dataset
from sdxl_reg.training.facts import metadata_of
from sdxl_reg.training.metrics_log import MetricsLog
from sdxl_reg.training.objective import batch_loss
from sdxl_reg.training.optimizers import clip, made_optimizer, made_schedule, set_mode
from sdxl_reg.training.pictures import resolution_of
from sdxl_reg.training.plan import Plan, Step, planned, steps_after
from sdxl_reg.training.preflight import preflight
from sdxl_reg.training.prior import class_images
from sdxl_reg.training.samples import sample_name, save_sample
from sdxl_reg.training.state import State, load_state, save_state
from sdxl_reg.training.texts import Texts
from sdxl_reg.training.trainee import Trainee
from sdxl_reg.training.validation import validation_loss
from sdxl_reg.training.watchdog import Pace, memory_gb
from sdxl_reg.vocabulary import ArtifactKind


def fit(
    kind: ArtifactKind,
    job: TrainingJob,
    config: DenoisingConfig,
    *,
    base: Base,
    trainee: Trainee,
    report: Report,
) -> list[Path]:
    """Train, save versions, draw and measure, from where a saved state left off.

    Args:
        kind: Of artifact that comes out.
        job: What to train on.
        config: Its settings.
        base: Loaded, with the trainee in it.
        trainee: What is trained.
        report: Hears of progress, numbers, pictures and every file.

    Returns:
        The files saved by this call, oldest first.

    Raises:
        UsageError: The settings do not fit the base, the pictures or the machine.
        Corrupt: A picture cannot be read.
        WorkFailed: The loss is no longer a finite number.
    """
    cache = TensorCache(job.cache_path)
    with trainee.drawing():  # nothing is dropped: what is drawn is kept for other runs
        drawn_before = class_images(job, config, base, report)
    data = Dataset(base, job, config, cache=cache, class_images=drawn_before, report=report)
    plan = planned(config, data.showings(), job.output_name)
    preflight(config, base, data, plan, trainee, output=job.output_path, report=report)
    optimizer = _optimizer_of(trainee, config)  # before the long work, in which it has no part
    data.encode_all(report)
    plan = planned(config, data.showings(), job.output_name)  # without those that were left out
    texts = Texts(base, cache, are_trained=trainee.changes_text)
    texts.encode_all(data.captions(trainee))
    log = MetricsLog(report, job.workspace_path / "tensorboard" if config.log_with else None)
    training = _Training(
        kind, job, config, base, trainee, optimizer, data, plan, texts, report, log
    )
    try:
        with torch.random.fork_rng(devices=_devices(base)):
            return training.run()
    finally:
        log.close()


class _Training:
    """A training under way."""

    def __init__(
        self,
        kind: ArtifactKind,
        job: TrainingJob,
        config: DenoisingConfig,
        base: Base,
        trainee: Trainee,
        optimizer: torch.optim.Optimizer,
        data: Dataset,
        plan: Plan,
        texts: Texts,
        report: Report,
        log: MetricsLog,
    ) -> None:
        self.kind, self.job, self.config, self.base = kind, job, config, base
        self.trainee, self.optimizer, self.data = trainee, optimizer, data
        self.plan, self.texts, self.report, self.log = plan, texts, report, log
        self.parameters = [value for group in trainee.groups for value in group.parameters]
        set_mode(self.optimizer, training=True)
        self.schedule = made_schedule(config, self.optimizer, plan.steps)
        self.scaler = torch.amp.GradScaler(base.device.type, enabled=base.dtype == torch.float16)
        self.losses: list[float] = []
        self.files: list[Path] = []
        self.pace = Pace()

    def run(self) -> list[Path]:
        """Every step that is left."""
        done = self._taken_up()
        for step in steps_after(self.plan, self.config.seed, done):
            started = time.monotonic()
            numbers = self._teach(step)
            numbers["step_s"] = time.monotonic() - started
            self.log.numbers(step.number, **numbers, memory_gb=memory_gb())
            self.report.progress(step.number, self.plan.steps, "train")
            if said := self.pace.noticed(numbers["step_s"]):
                self.report.message(said)
            self._look(step)
            if step.number in self.plan.files:
                self._keep(step)
            if step.number in self.plan.states:
                self._remember(step)
        return self.files

    def _teach(self, step: Step) -> dict[str, float]:
        """One step of the optimiser; what can be said of it in numbers."""
        torch.manual_seed(seeded(self.config.seed, step.number).initial_seed())  # for dropout
        generator = seeded(self.config.seed, step.number)
        losses = []
        for indices in step.batches:
            batch = self.data.batch(indices, self.trainee, step.epoch, generator)
            with self.base.autocast():
                text = self.texts.encoded(batch.captions)
            loss = batch_loss(self.base, batch, text, self.config, generator)
            losses.append(loss.item())
            _require_finite(losses[-1], step, batch.names)
            self.scaler.scale(loss / len(step.batches)).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimizer)
        norm = clip(self.parameters, self.config.max_grad_norm)
        rates = {f"lr_{group['name']}": group["lr"] for group in self.optimizer.param_groups}
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.trainee.after_update()
        self.losses.append(sum(losses) / len(losses))
        return {"loss": self.losses[-1], "grad_norm": norm, **rates}

    def _look(self, step: Step) -> None:
        """Measure and draw where it is due."""
        number = step.number
        measures = bool(self.data.held_out) and number in self.plan.validations
        prompts = self.config.sample_prompts if number in self.plan.samples else []
        if not measures and not prompts:
            return
        with self._drawing():
            if measures:
                loss = validation_loss(
                    self.base, self.data, self.texts, self.trainee, seed=self.config.seed
                )
                self.log.numbers(number, validation_loss=loss)
            for prompt in prompts:
                path = self.job.output_path / sample_name(number, prompt)
                self.report.sample(number, prompt, self._draw(prompt, path, step))

    def _keep(self, step: Step) -> None:
        """Save a version, with a picture of it."""
        path = self.job.output_path / f"{self.plan.files[step.number]}.safetensors"
        metadata = metadata_of(
            self.kind,
            self.job,
            self.config,
            base=self.base,
            data=self.data,
            plan=self.plan,
            resolution=resolution_of(self.base, self.config),
            trainee=self.trainee,
            step=step,
        )
        preview = None
        with self._drawing():
            self.trainee.save(path, metadata, SAVING[self.config.save_precision])
            if self.config.preview:
                caption = escaped(self.data.pictures[0].image.caption)
                preview = path.with_suffix(".png")
                self._draw(self.trainee.prompt(caption), preview, step)
        self.report.version(
            TrainedVersion(
                path=path,
                epoch=step.epoch,
                step=step.number,
                loss=self._mean(),
                details=self._details(metadata),
                preview_path=preview,
            )
        )
        self.losses.clear()
        self.files.append(path)

    def _details(self, metadata: Mapping[str, str]) -> dict[str, object]:
        """What is worth knowing of a version: its words, and how a prompt is made of a caption."""
        words = metadata["modelspec.trigger_phrase"].split(", ")
        template = self.trainee.prompt(FILEWORDS)
        return {"trigger_words": [word for word in words if word]} | (
            {"prompt_template": template} if template != FILEWORDS else {}
        )

    def _draw(self, prompt: str, path: Path, step: Step) -> Path:
        details = {"run_key": self.job.run_key, "step": step.number}
        seed = self.config.seed
        return save_sample(self.base, self.config, prompt, path, seed=seed, details=details)

    def _remember(self, step: Step) -> None:
        state = State(
            step=step.number,
            losses=self.losses,
            weights=dict(self.trainee.state()),
            optimizer=self.optimizer.state_dict(),
            schedule=self.schedule.state_dict(),
            scaler=self.scaler.state_dict(),
        )
        save_state(self.job.workspace_path, self.job.run_key, state)

    def _taken_up(self) -> int:
        """Steps done before, when this job was begun before and left a state."""
        state = load_state(self.job.workspace_path, self.job.run_key)
        if state is None:
            return 0
        self.trainee.restore(state.weights)
        self.optimizer.load_state_dict(state.optimizer)
        self.schedule.load_state_dict(state.schedule)
        self.scaler.load_state_dict(state.scaler)
        self.losses = state.losses
        self.report.message(f"goes on after step {state.step}, from the state that was saved then")
        return state.step

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        """The context in which the base draws as the saved file will, and training is at rest."""
        set_mode(self.optimizer, training=False)
        try:
            with self.trainee.drawing(), torch.no_grad():
                yield
        finally:
            set_mode(self.optimizer, training=True)

    def _mean(self) -> float:
        return sum(self.losses) / max(1, len(self.losses))


def _optimizer_of(trainee: Trainee, config: DenoisingConfig) -> torch.optim.Optimizer:
    groups = [
        {"params": group.parameters, "lr": group.lr, "name": group.name} for group in trainee.groups
    ]
    return made_optimizer(config, groups)


def _require_finite(loss: float, step: Step, names: tuple[str, ...]) -> None:
    if not math.isfinite(loss):
        raise WorkFailed(
            f"the loss is {loss} at step {step.number}, with {', '.join(names)}",
            remedy="Lower learning_rate, or leave the picture out",
        )


def _devices(base: Base) -> list[torch.device]:
    return [base.device] if base.device.type == "cuda" else []
