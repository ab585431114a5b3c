"""The plugin interface of a metric: a name, what its number means, and one verb. No torch here.

A plugin registers an object of the shape of `Metric` in the entry point group `sdxl_reg.metrics`.
Importing it must not import torch: it is listed by programs that have none. It sees pictures only
through a `Scene`, which keeps what networks say of them, so that asking twice costs nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.vocabulary import Better, Need

Rows = NDArray[np.float32]
"""One row a picture; or the single row of one."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One drawn cell, whatever grid it belongs to.

    Attributes:
        key: Of the cell.
        path: Its file.
        prompt: What was asked for.
        seed: Of the noise.
        place: Everything else that tells cells apart: version, strength and other axes. Hashable.
        baseline: Key of the strength-0 picture of the same prompt, seed and settings, if drawn.
    """

    key: str
    path: Path
    prompt: str
    seed: int
    place: tuple[Any, ...]
    baseline: str | None


@dataclass(frozen=True, kw_only=True)
class Score:
    """A number for one picture.

    Attributes:
        key: Of the picture.
        scorer: What measured it and what it was compared with; other facts, another name. At most
            128 characters.
        value: Finite.
    """

    key: str
    scorer: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Numbers that need only the pixels of one picture.

    Attributes:
        identity: Its name and a number that is raised when it comes to measure differently.
        of: From a picture in mode RGB to its numbers, (N,).
    """

    identity: str
    of: Callable[[Image.Image], Rows]


class Scene(Protocol):
    """What a metric may look at."""

    @property
    def pictures(self) -> Sequence[Picture]:
        """The pictures to be scored; each key stands once."""

    @property
    def references(self) -> Sequence[ImageSpec]:
        """The pictures of the dataset; none when there is no dataset."""

    @property
    def image_network(self) -> str:
        """Name of the network behind `image_features`, for scorers."""

    @property
    def text_network(self) -> str:
        """Name of the network behind `joint_features` and `text_features`; empty without one."""

    def image_features(self, paths: Sequence[Path]) -> Rows:
        """What the image network says of pictures; (N, D), as it gives it, not of unit length."""

    def joint_features(self, paths: Sequence[Path]) -> Rows:
        """Pictures in the space that they share with texts; (N, D), not of unit length."""

    def text_features(self, texts: Sequence[str]) -> Rows:
        """Texts in the space that they share with pictures; (N, D), not of unit length."""

    def measured(self, paths: Sequence[Path], measure: Measure) -> Rows:
        """What a measure says of pictures; (N, numbers)."""


class Metric(Protocol):
    """What a plugin registers."""

    @property
    def name(self) -> str:
        """What the score is called in tables and files; that of the entry point."""

    @property
    def summary(self) -> str:
        """One line: what it measures."""

    @property
    def better(self) -> Better:
        """Which end is the good one."""

    @property
    def needs(self) -> frozenset[Need]:
        """What there has to be before it is asked."""

    @property
    def low(self) -> float | None:
        """Smallest value there can be; None: there is none."""

    @property
    def high(self) -> float | None:
        """Largest value there can be; None: there is none."""

    def scores(self, scene: Scene) -> Iterable[Score]:
        """Numbers for the pictures of a scene; a picture that it cannot judge is left out.

        Args:
            scene: Has what the metric needs.

        Raises:
            UsageError: Nothing can be judged, and why.
        """


def unit(rows: Rows) -> Rows:
    """Rows of length 1; a row of zeros stays one.

    Args:
        rows: (N, D).
    """
    lengths = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    return np.divide(rows, np.where(lengths == 0, 1, lengths)).astype(np.float32)
