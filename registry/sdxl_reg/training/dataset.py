"""A frozen dataset in training: pictures and captions, put together into batches."""

import hashlib
import random
from collections.abc import Sequence

import torch

from sdxl_reg.trainers.interface import Report, TrainingImage, TrainingJob
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import Base
from sdxl_reg.training.cache import TensorCache
from sdxl_reg.training.captions import is_left_to_chance, shown_caption
from sdxl_reg.training.objective import Batch
from sdxl_reg.training.pictures import Encoded, Latents, Picture, sorted_in
from sdxl_reg.training.plan import Showing
from sdxl_reg.training.trainee import Trainee


class Dataset:
    """The pictures that are trained and those that are held out.

    Args:
        base: What encodes them.
        job: Names them.
        config: How they are shown.
        cache: Shared with other runs.
        class_images: Of prior preservation.
        report: Is told of progress and of pictures that are left out.

    Attributes:
        pictures: That are trained; class pictures at the end.
        held_out: Whose loss is measured only.
        latents: The encoder of both.
    """

    def __init__(
        self,
        base: Base,
        job: TrainingJob,
        config: DenoisingConfig,
        *,
        cache: TensorCache,
        class_images: Sequence[TrainingImage],
        report: Report,
    ) -> None:
        self._config = config
        self._seed = config.seed
        self.latents = Latents(base, cache, config)
        own, apart = _sides(job, config, report)
        self.pictures = [
            *sorted_in(own, base, config, report),
            *(
                Picture(image=picture.image, size=picture.size, fit=picture.fit, is_class=True)
                for picture in sorted_in(class_images, base, config, report)
            ),
        ]
        self.held_out = sorted_in(apart, base, config, report)
        masks = any(picture.image.mask_path for picture in [*self.pictures, *self.held_out])
        self._masked = config.alpha_mask or masks

    def encode_all(self, report: Report) -> None:
        """Have all pictures encoded before the first step.

        Raises:
            Corrupt: Some cannot be decoded, and are not to be left out.
        """
        self.pictures = self.latents.encode_all(self.pictures, report)
        if self.held_out:
            self.held_out = self.latents.encode_all(self.held_out, report)

    def showings(self) -> list[Showing]:
        """How often an epoch shows each picture; class pictures together as often as the others."""
        own = sum(picture.image.repeats for picture in self.pictures if not picture.is_class)
        classes = sum(picture.is_class for picture in self.pictures)
        found, shown = [], 0
        for index, picture in enumerate(self.pictures):
            repeats = picture.image.repeats
            if picture.is_class:
                repeats = own // classes + (shown < own % classes)
                shown += 1
            if repeats:
                found.append(Showing(index=index, bucket=picture.fit.bucket, repeats=repeats))
        return found

    def captions(self, trainee: Trainee) -> list[str]:
        """Every caption that can be shown, where chance does not make too many; else none."""
        if is_left_to_chance(self._config):
            return []
        said = [self._shown(picture, trainee, 1, random.Random(0)) for picture in self.pictures]
        return [*said, *(trainee.prompt(picture.image.caption) for picture in self.held_out), ""]

    def batch(
        self, indices: Sequence[int], trainee: Trainee, epoch: int, generator: torch.Generator
    ) -> Batch:
        """Some pictures at one showing.

        Args:
            indices: Of pictures that share a bucket.
            trainee: Has a word in the captions.
            epoch: From 1.
            generator: Of the step; everything random comes from it.
        """
        pictures = [self.pictures[index] for index in indices]
        chance = random.Random(int(torch.randint(2**62, (), generator=generator)))
        captions = [self._shown(picture, trainee, epoch, chance) for picture in pictures]
        encoded = [self.latents.showing(picture, generator) for picture in pictures]
        return self._batch(pictures, encoded, captions)

    def held_out_batch(self, picture: Picture, trainee: Trainee) -> Batch:
        """One held-out picture with its caption, nothing left to chance."""
        caption = trainee.prompt(picture.image.caption)
        return self._batch([picture], [self.latents.plain(picture)], [caption])

    def _shown(self, picture: Picture, trainee: Trainee, epoch: int, chance: random.Random) -> str:
        said = shown_caption(picture.image.caption, self._config, epoch=epoch, chance=chance)
        return said if picture.is_class else trainee.caption(said, chance)

    def _batch(
        self, pictures: Sequence[Picture], encoded: Sequence[Encoded], captions: Sequence[str]
    ) -> Batch:
        prior = self._config.prior_loss_weight
        return Batch(
            x0=torch.stack([each.latents for each in encoded]),
            sizes=torch.stack([each.sizes for each in encoded]),
            mask=torch.stack([each.mask for each in encoded]) if self._masked else None,
            weights=torch.tensor([prior if picture.is_class else 1.0 for picture in pictures]),
            captions=tuple(captions),
            names=tuple(picture.image.title for picture in pictures),
        )


def _sides(
    job: TrainingJob, config: DenoisingConfig, report: Report
) -> tuple[list[TrainingImage], list[TrainingImage]]:
    """What is trained and what is held out: the dataset's own split before that of the settings."""
    if job.validation_images:
        if config.validation_split:
            report.message(
                f"{job.dataset_ref} holds out {len(job.validation_images)} pictures itself: "
                "validation_split is left out"
            )
        return list(job.images), list(job.validation_images)
    held = _held_out(job.images, config)
    own = [image for image in job.images if image.sha256 not in held]
    return own, [image for image in job.images if image.sha256 in held]


def _held_out(images: Sequence[TrainingImage], config: DenoisingConfig) -> frozenset[str]:
    """Digests of the pictures that are held out: the first ones of an order by seed and digest.

    What else is in the dataset changes how many they are, not which come first.
    """
    if not config.validation_split:
        return frozenset()
    distinct = {image.sha256 for image in images}
    order = sorted(
        distinct, key=lambda digest: hashlib.sha256(f"{config.seed} {digest}".encode()).digest()
    )
    count = min(max(1, round(config.validation_split * len(order))), len(order) - 1)
    return frozenset(order[:count])
