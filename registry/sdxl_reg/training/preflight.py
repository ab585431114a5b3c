"""Before the first step: what a training will take; refused where there is not enough."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call

from sdxl_reg.diffusion.latents import FACTOR
from sdxl_reg.errors import UsageError
from sdxl_reg.trainers.interface import Report
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import SAVING, Base
from sdxl_reg.training.dataset import Dataset
from sdxl_reg.training.optimizers import rate_finder
from sdxl_reg.training.plan import Plan
from sdxl_reg.training.trainee import Trainee

BYTES_A_TRAINED_VALUE = 4 + 8
"""A float32 gradient and AdamW's two averages; what is trained itself is counted as weights."""
USUAL_FACTOR = 0.1
"""Below it, a rate was probably meant for another optimiser."""
PROCESS_BYTES = 400_000_000
"""Python with torch and diffusers, before any weights."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a training takes, estimated.

    Attributes:
        weights: Bytes of the base and of what is trained, averages included.
        optimizer: Bytes of gradients and the optimiser's averages.
        activations: Bytes kept for the backward pass of the largest batch; 0 where unknown.
        disk: Bytes of all versions and of the saved state.
    """

    weights: int
    optimizer: int
    activations: int
    disk: int

    @property
    def memory(self) -> int:
        """Bytes at the peak."""
        return self.weights + self.optimizer + self.activations


def preflight(
    config: DenoisingConfig,
    base: Base,
    data: Dataset,
    plan: Plan,
    trainee: Trainee,
    *,
    output: Path,
    report: Report,
) -> None:
    """Say what is about to happen, and refuse what cannot.

    Args:
        config: The settings.
        base: Loaded, with the trainee in it.
        data: The pictures in their buckets.
        plan: Steps and files.
        trainee: What is being trained.
        output: Where the files will lie.
        report: Is told.

    Raises:
        UsageError: Weights and optimiser alone do not fit into memory, or the versions do not fit
            on the disk.
    """
    needs = estimated(config, base, plan, trainee)
    for sentence in (_pictures(data, plan), _steps(config, plan), _sizes(needs)):
        report.message(sentence)
    if (finder := rate_finder(config)) and trainee.groups[0].lr < USUAL_FACTOR:
        report.message(
            f"{finder} finds the rate itself: learning_rate {trainee.groups[0].lr:g} is a factor "
            "on it, and usually 1"
        )
    memory = _memory(base.device)
    if needs.weights + needs.optimizer > memory:
        raise UsageError(
            f"weights and optimiser need {_gb(needs.weights + needs.optimizer)} of memory, "
            f"there are {_gb(memory)}",
            remedy="Train less of it, in mixed_precision, or with Adafactor",
        )
    free = shutil.disk_usage(output).free
    if needs.disk > free:
        raise UsageError(
            f"{len(plan.files)} versions and the saved state need {_gb(needs.disk)} of disk, "
            f"{_gb(free)} are free at {output}",
            remedy="Make room, or save fewer versions: save_every_n_epochs",
        )


def estimated(config: DenoisingConfig, base: Base, plan: Plan, trainee: Trainee) -> Needs:
    """What a training takes.

    Accuracy: memory within a factor of two of what the process has at its peak
        (tests/registry/training/test_preflight.py); activations are exact for the U-Net without
        gradient checkpointing, but for the statistics of its norms in half precision.
    """
    pipeline = base.pipeline
    parts = (pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2)
    weights = sum(_bytes(tensor) for part in parts for tensor in part.parameters())
    trained = sum(value.numel() for group in trainee.groups for value in group.parameters)
    optimizer = trained * BYTES_A_TRAINED_VALUE
    own = sum(_bytes(tensor) for tensor in trainee.state().values())
    averages = max(0, own - trained * 4)  # of what is trained, where it keeps any
    state = own + trained * 8  # no gradients
    saved = trainee.saved_values * SAVING[config.save_precision].itemsize
    largest = max(plan.buckets, key=lambda size: size[0] * size[1])
    return Needs(
        weights=weights + averages + PROCESS_BYTES,
        optimizer=optimizer,
        activations=activation_bytes(
            base, plan.batch_size, largest, text_is_trained=trainee.changes_text
        ),
        disk=saved * len(plan.files) + 2 * state,
    )


def activation_bytes(
    base: Base, batch_size: int, size: tuple[int, int], *, text_is_trained: bool
) -> int:
    """What the U-Net keeps for its backward pass, counted by a forward pass without numbers.

    Torch's fake tensors know their device, unlike those of its meta device, on which attention
    would keep its weights and half precision would not be computed in.

    Args:
        base: Whose U-Net is meant, as it is being trained.
        batch_size: Pictures.
        size: Width and height in pixels.
        text_is_trained: Whether gradients flow on into what the text encoders say, as they have to
            where the U-Net itself is frozen.

    Returns:
        Bytes; 0 where a layer of it cannot be run without numbers.
    """
    unet = base.pipeline.unet
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    weights: dict[str, Tensor] = {
        name: fake.from_tensor(tensor)
        for name, tensor in [*unet.named_parameters(), *unet.named_buffers()]
    }
    known = {tensor.untyped_storage()._cdata for tensor in weights.values()}
    kept: dict[int, torch.UntypedStorage] = {}  # held, so that no number is given twice

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            kept[storage._cdata] = storage
        return tensor

    with fake:
        inputs = _inputs(base, batch_size, size, text_is_trained)
    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    try:
        with hooks, base.autocast():
            said = functional_call(unet, weights, kwargs=inputs)
    except (NotImplementedError, RuntimeError):
        return 0
    del said
    return sum(storage.nbytes() for storage in kept.values())


def _inputs(
    base: Base, rows: int, size: tuple[int, int], text_is_trained: bool
) -> dict[str, object]:
    config = base.pipeline.unet.config
    pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
    dtype = base.pipeline.unet.dtype

    def empty(*shape: int) -> Tensor:
        return torch.empty(shape, dtype=dtype, device=base.device)

    context = empty(rows, 77, config.cross_attention_dim).requires_grad_(text_is_trained)
    text = empty(rows, pooled).requires_grad_(text_is_trained)
    return {
        "sample": empty(rows, config.in_channels, size[1] // FACTOR, size[0] // FACTOR),
        "timestep": torch.zeros(rows, dtype=torch.int64, device=base.device),
        "encoder_hidden_states": context.clone(),  # autocast keeps the halves of leaves only
        "added_cond_kwargs": {"text_embeds": text, "time_ids": empty(rows, 6)},
        "return_dict": False,
    }


def _pictures(data: Dataset, plan: Plan) -> str:
    buckets = ", ".join(
        f"{width}×{height}: {len(shown)}" for (width, height), shown in plan.buckets.items()
    )
    counts = {
        "cut to a crop": sum(picture.image.crop is not None for picture in data.pictures),
        "enlarged": sum(picture.fit.resized[0] > picture.size[0] for picture in data.pictures),
        "without a caption": sum(not picture.image.caption.strip() for picture in data.pictures),
        "with a mask": sum(picture.image.mask_path is not None for picture in data.pictures),
        "held out": len(data.held_out),
    }
    told = "".join(f"; {count} {what}" for what, count in counts.items() if count)
    return f"{len(data.pictures)} pictures, by size {buckets}{told}"


def _steps(config: DenoisingConfig, plan: Plan) -> str:
    batch = f"{plan.batch_size}"
    if config.gradient_accumulation_steps > 1:
        batch += f" × {config.gradient_accumulation_steps}"
    return (
        f"{plan.steps} steps: {plan.epochs} epochs of {plan.steps_per_epoch}, "
        f"{batch} pictures a step; {len(plan.files)} versions"
    )


def _sizes(needs: Needs) -> str:
    activations = f", {_gb(needs.activations)} of it activations" if needs.activations else ""
    return f"about {_gb(needs.memory)} of memory{activations}; {_gb(needs.disk)} of disk"


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _gb(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
