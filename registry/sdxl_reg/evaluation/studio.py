"""The models of a job, loaded when they are first needed: one checkpoint at a time."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import torch

from sdxl_reg.diffusion.conditioning import TextConditioning
from sdxl_reg.diffusion.pipeline import load_pipeline
from sdxl_reg.diffusion.refiner import load_refiner
from sdxl_reg.diffusion.texts import Text
from sdxl_reg.diffusion.vae import load_vae
from sdxl_reg.evaluation.batches import active
from sdxl_reg.formats.lora.keys import is_unet_only
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec
from sdxl_reg.jobs.spec import DrawSpec
from sdxl_reg.trainers.discovery import find_trainer
from sdxl_reg.vocabulary import ArtifactKind

KnownTexts = dict[tuple[Text, int, str, int], TextConditioning]
"""Text, clip skip, side, and how many were encoded at once → what the encoders say."""
MOST_TEXTS = 128
"""So many are kept: one of SDXL's takes 0.6 MB in float32."""


class Studio:
    """What is loaded of a job's models, and what its texts were found to say.

    Attributes:
        spec: The job.
        known_texts: Conditioning of texts that no adapter changes.
    """

    def __init__(self, spec: DrawSpec) -> None:
        self.spec = spec
        self.known_texts: KnownTexts = {}
        self._base: tuple[str, str, Any] = ("", "", None)
        self._refiner: tuple[str, Any] = ("", None)
        self.kind_of = cache(self._kind_of)
        self.touches_texts = cache(self._touches_texts)

    def pipeline(self, picture: PictureSpec) -> Any:
        """The checkpoint of a picture with its VAE, on the GPU in half precision if there is one.

        Raises:
            RegistryError: It cannot be loaded.
        """
        if self._base[:2] != (picture.base, picture.vae):
            self._base = ("", "", None)  # the one before goes before the next one comes
            self.known_texts.clear()
            self._base = (picture.base, picture.vae, self._loaded(picture))
        return self._base[2]

    def refiner(self, picture: PictureSpec) -> Any:
        """What ends a picture; raises as `pipeline` does."""
        if self._refiner[0] != picture.refiner:
            base = self.spec.bases[picture.refiner]
            self._refiner = ("", None)
            refiner = load_refiner(base.path, config_path=base.config_path, dtype=_precision())
            self._refiner = (picture.refiner, _placed(refiner))
        return self._refiner[1]

    @contextmanager
    def applied(
        self, pipeline: Any, pictures: Sequence[PictureSpec], *, to_texts: bool
    ) -> Iterator[None]:
        """Have a pipeline draw each row of a batch with its own adapters.

        Args:
            pipeline: The base; is left as it was found.
            pictures: The rows.
            to_texts: Whether at the strengths for the text encoders, else at the U-Net's.
        """
        refs = dict.fromkeys(use.ref for picture in pictures for use in active(picture))
        with ExitStack() as stack:
            for ref in refs:
                version = self.spec.versions[ref]
                strengths = [_strength_of(picture, ref, to_texts) for picture in pictures]
                trainer = find_trainer(version.trainer)
                stack.enter_context(trainer.applied(pipeline, version.path, strengths))
            yield

    def has_own_vae(self, pictures: Sequence[PictureSpec]) -> bool:
        """Whether an adapter may decode otherwise than the base does."""
        refs = {use.ref for picture in pictures for use in active(picture)}
        return any(self.kind_of(ref) == ArtifactKind.CHECKPOINT for ref in refs)

    def _loaded(self, picture: PictureSpec) -> Any:
        base = self.spec.bases[picture.base]
        pipeline = load_pipeline(base.path, config_path=base.config_path, dtype=_precision())
        if picture.vae:
            config = base.config_path or base.path
            pipeline.vae = load_vae(self.spec.images[picture.vae], config)
        return _placed(pipeline)

    def _kind_of(self, ref: str) -> ArtifactKind:
        return find_trainer(self.spec.versions[ref].trainer).kind

    def _touches_texts(self, ref: str) -> bool:
        """Whether a version may change what the text encoders say."""
        kind = self.kind_of(ref)
        if kind == ArtifactKind.LORA:
            return not is_unet_only(self.spec.versions[ref].path)
        return kind != ArtifactKind.HYPERNETWORK


def has_own_text_strength(pictures: Sequence[PictureSpec]) -> bool:
    """Whether an adapter is as strong in the text encoders as it is not in the U-Net."""
    return any(use.in_texts != use.strength for picture in pictures for use in active(picture))


def _strength_of(picture: PictureSpec, ref: str, to_texts: bool) -> float:
    return sum(_of(use, to_texts) for use in active(picture) if use.ref == ref)


def _of(use: AdapterUse, to_texts: bool) -> float:
    return use.in_texts if to_texts else use.strength


def _precision() -> torch.dtype:
    return torch.float16 if torch.cuda.is_available() else torch.float32


def _placed(pipeline: Any) -> Any:
    return pipeline.to("cuda") if torch.cuda.is_available() else pipeline
