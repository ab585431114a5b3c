"""Captioning the pictures of a job; one that cannot be read is told, and the rest goes on."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from PIL import Image

from sdxl_reg.captioners.discovery import find_captioner, require_packages
from sdxl_reg.captioners.interface import parsed_settings
from sdxl_reg.imaging.backgrounds import rgb_of
from sdxl_reg.imaging.decode import upright_rgb
from sdxl_reg.imaging.problems import Unreadable
from sdxl_reg.jobs.spec import CaptionSpec

STAGE = "captions"


class Report(Protocol):
    """What is told while captions are written."""

    def progress(self, done: int, total: int, what: str) -> None:
        """How far the present stage is."""

    def captioned(self, key: str, text: str) -> None:
        """A caption."""

    def cell_failed(self, key: str, reason: str) -> None:
        """A picture that cannot be captioned."""


def write_captions(spec: CaptionSpec, report: Report) -> None:
    """Caption every picture of a job.

    Args:
        spec: The job.
        report: Hears of every caption as soon as it is written.

    Raises:
        UsageError: The captioner's packages are not installed.
        Corrupt: Its weights cannot be used.
    """
    captioner = find_captioner(spec.captioner)
    require_packages(captioner)
    settings = parsed_settings(captioner, spec.settings)
    writer = captioner.open(spec.weights_path, settings, spec.device)
    done, total = 0, len(spec.images)
    report.progress(done, total, STAGE)
    for keys in _batches(spec.images, spec.batch_size):
        pictures = {}
        for key in keys:
            try:
                pictures[key] = _picture(spec.images[key], spec.background)
            except (OSError, Unreadable) as error:
                report.cell_failed(key, str(error))
        if pictures:
            texts = writer.captions(list(pictures.values()))
            for key, text in zip(pictures, texts, strict=True):
                report.captioned(key, text)
        done += len(keys)
        report.progress(done, total, STAGE)


def _batches(images: Mapping[str, Path], size: int) -> Iterator[Sequence[str]]:
    keys = list(images)
    return (keys[first : first + size] for first in range(0, len(keys), size))


def _picture(path: Path, background: str) -> Image.Image:
    return upright_rgb(path.read_bytes(), background=rgb_of(background))
