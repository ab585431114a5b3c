"""The pictures of a dataset in training: their sizes, their buckets, their latents."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sdxl_reg.diffusion.conditioning import size_ids
from sdxl_reg.diffusion.latents import CENTRE, Pixels, cut_pixels, encode_pixels
from sdxl_reg.errors import Corrupt, InvalidValue
from sdxl_reg.formats.kohya.buckets import Fit, Size
from sdxl_reg.imaging.crops import size_of_part
from sdxl_reg.imaging.decode import upright_size
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.trainers.interface import Report, TrainingImage
from sdxl_reg.trainers.settings import DenoisingConfig
from sdxl_reg.training.base import Base
from sdxl_reg.training.cache import TensorCache, weights_digest
from sdxl_reg.training.decoding import decoded_picture

NAMED = 9
"""So many further pictures with a fault are named."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture that is trained.

    Attributes:
        image: Of the dataset.
        size: Width and height of the upright picture in pixels, or of its crop where it has one.
        fit: The bucket it is trained in.
        is_class: Whether it stands for the class at large, for prior preservation.
    """

    image: TrainingImage
    size: Size
    fit: Fit
    is_class: bool = False


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A picture as the U-Net sees it.

    Attributes:
        latents: Shape (4, height / 8, width / 8), scaled.
        mask: Shape (1, height / 8, width / 8), in 0 … 1.
        sizes: SDXL's six numbers of size and crop, in pixels.
    """

    latents: Tensor
    mask: Tensor
    sizes: Tensor


def sorted_in(
    images: Sequence[TrainingImage], base: Base, config: DenoisingConfig, report: Report
) -> list[Picture]:
    """The pictures with their buckets, from their headers alone.

    Args:
        images: Of the dataset.
        base: Its native side is the default resolution.
        config: Resolution, buckets, and what to do with pictures that cannot be read.
        report: Is told of pictures that are left out.

    Raises:
        Corrupt: Pictures cannot be read, and are not to be left out; all of them are named.
        InvalidValue: The resolution does not fit the base or the buckets.
    """
    bucketing = config.bucketing(base.native, resolution_of(base, config))
    found: list[Picture] = []
    faults: list[tuple[TrainingImage, Exception]] = []
    for image in images:
        try:
            size = _size_of(image)
            found.append(Picture(image=image, size=size, fit=bucketing.fit(size)))
        except (Unreadable, InvalidValue) as error:
            faults.append((image, error))
    _tell(faults, len(images), config, report)
    return found


def resolution_of(base: Base, config: DenoisingConfig) -> Size:
    """Width and height of the training pictures; the base's own by default.

    Raises:
        InvalidValue: Far from what the base was made for.
    """
    low, high = base.native // 4, base.native * 2
    width, height = config.resolution or (base.native, base.native)
    if not low <= min(width, height) <= max(width, height) <= high:
        raise InvalidValue(
            f"resolution for a base made for {base.native} px",
            f"{width} × {height}",
            remedy=f"Choose sides between {max(low, 64)} and {high}",
        )
    return width, height


class Latents:
    """The pictures' latents: from the cache, or through the VAE where a picture changes each time.

    Args:
        base: For its VAE.
        cache: Shared with other runs.
        config: How a picture is cut and mirrored.
    """

    def __init__(self, base: Base, cache: TensorCache, config: DenoisingConfig) -> None:
        self._vae = base.pipeline.vae
        self._digest = weights_digest(self._vae)
        self._cache = cache
        self._config = config

    def encode_all(self, pictures: Sequence[Picture], report: Report) -> list[Picture]:
        """Have every picture in the cache before the first step.

        Returns:
            The pictures without those that cannot be decoded and may be left out.

        Raises:
            Corrupt: As `sorted_in`.
        """
        good, faults = [], []
        for done, picture in enumerate(pictures, start=1):
            try:
                self._encode_once(picture)
                good.append(picture)
            except Unreadable as error:
                faults.append((picture.image, error))
            report.progress(done, len(pictures), "encode pictures")
        _tell(faults, len(pictures), self._config, report)
        return good

    def showing(self, picture: Picture, generator: torch.Generator) -> Encoded:
        """A picture at one showing.

        Args:
            picture: One that `encode_all` returned.
            generator: Of the step; decides on mirroring and the place of a random cut.
        """
        mirrored = False
        if self._config.flip_aug:
            mirrored = bool(torch.rand((), generator=generator) < 0.5)
        if self._config.random_crop:
            left, top = torch.rand(2, generator=generator).tolist()
            return self._sized(picture, self._encoded(picture, mirrored, (left, top)))
        return self.plain(picture, mirrored=mirrored)

    def plain(self, picture: Picture, *, mirrored: bool = False) -> Encoded:
        """A picture cut at its centre."""
        tensors = self._cache.get(
            self._key(picture, mirrored=mirrored),
            lambda: self._encoded(picture, mirrored, CENTRE),
        )
        return self._sized(picture, tensors)

    def _encode_once(self, picture: Picture) -> None:
        if self._config.random_crop:
            self._read(picture, False, CENTRE)  # only to see whether it can be read
            return
        self.plain(picture)
        if self._config.flip_aug:
            self.plain(picture, mirrored=True)

    def _key(self, picture: Picture, *, mirrored: bool) -> dict[str, object]:
        return {
            "what": "latents",
            "image": picture.image.sha256,
            "vae": self._digest,
            "resized": picture.fit.resized,
            "bucket": picture.fit.bucket,
            "background": self._config.alpha_background,
            "alpha_mask": self._config.alpha_mask,
            "mask": picture.image.mask_sha256,
            "mirrored": mirrored,
            **({"crop": list(picture.image.crop)} if picture.image.crop else {}),
        }

    def _encoded(
        self, picture: Picture, mirrored: bool, place: tuple[float, float]
    ) -> dict[str, Tensor]:
        pixels = self._read(picture, mirrored, place)
        return {
            "latents": encode_pixels(self._vae, pixels.values[None])[0].cpu(),
            "mask": pixels.mask,
            "original_size": torch.tensor(pixels.original_size),
            "crop": torch.tensor(pixels.crops_coords_top_left),
        }

    def _read(self, picture: Picture, mirrored: bool, place: tuple[float, float]) -> Pixels:
        decoded, counts = decoded_picture(picture.image, self._config)
        return cut_pixels(decoded, counts, picture.fit, place=place, mirrored=mirrored)

    def _sized(self, picture: Picture, tensors: dict[str, Tensor]) -> Encoded:
        width, height = picture.fit.bucket
        numbers = size_ids((height, width), (0, 0), (height, width))
        if self._config.size_conditioning == "original":
            top, left = tensors["crop"].tolist()
            tall, wide = tensors["original_size"].tolist()
            numbers = size_ids((tall, wide), (top, left), (height, width))
        return Encoded(
            latents=tensors["latents"],
            mask=tensors["mask"],
            sizes=torch.tensor(numbers, dtype=torch.float32),
        )


def _size_of(image: TrainingImage) -> Size:
    """Width and height of what is trained of a picture, before it is resized."""
    size = upright_size(image.path)
    return size_of_part(size, image.crop) if image.crop else size


def _tell(
    faults: Sequence[tuple[TrainingImage, Exception]],
    of: int,
    config: DenoisingConfig,
    report: Report,
) -> None:
    """Report the pictures that are left out, or refuse to begin without them."""
    if not faults:
        return
    if config.skip_bad and len(faults) < of:
        for image, error in faults:
            report.message(f"left out {image.title}: {error}")
        return
    image, first = faults[0]
    others = [other.title for other, _ in faults[1 : 1 + NAMED]]
    others += [f"{len(faults) - 1 - NAMED} more"] if len(faults) > 1 + NAMED else []
    raise Corrupt(
        image.title,
        "; likewise ".join([str(first), *([", ".join(others)] if others else [])]),
        remedy="Mend or remove it, or train without it: skip_bad = true",
    )
