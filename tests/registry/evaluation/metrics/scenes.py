"""A scene whose features are given, and pictures to put into scenes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from sdxl_reg.evaluation.metrics.interface import Measure, Picture, Rows
from sdxl_reg.jobs.spec import ImageSpec


@dataclass(kw_only=True)
class GivenScene:
    """Features by path or text, as a test gives them; pixels are really measured."""

    pictures: Sequence[Picture]
    references: Sequence[ImageSpec] = ()
    image_network: str = "given/1"
    text_network: str = "given-text/1"
    features: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def image_features(self, paths: Sequence[Path]) -> Rows:
        return self._rows([str(path) for path in paths])

    def joint_features(self, paths: Sequence[Path]) -> Rows:
        return self._rows([str(path) for path in paths])

    def text_features(self, texts: Sequence[str]) -> Rows:
        return self._rows(texts)

    def measured(self, paths: Sequence[Path], measure: Measure) -> Rows:
        return np.stack([measure.of(Image.open(path).convert("RGB")) for path in paths])

    def _rows(self, names: Sequence[str]) -> Rows:
        return np.array([self.features[name] for name in names], dtype=np.float32)


def picture(
    key: str,
    *,
    prompt: str = "a mug",
    seed: int = 1,
    place: tuple[object, ...] = (0, 1.0),
    path: Path | None = None,
    baseline: str | None = None,
) -> Picture:
    """A cell whose file is called as its key is, where no other is given."""
    return Picture(
        key=key,
        path=path or Path(key),
        prompt=prompt,
        seed=seed,
        place=place,
        baseline=baseline,
    )


def reference(name: str | Path, *, caption: str = "a mug", tags: str = "") -> ImageSpec:
    """A picture of the dataset."""
    return ImageSpec(path=Path(name), sha256="0" * 64, caption=caption, tags=tags)


def saved(folder: Path, draw: Mapping[str, Callable[[], Image.Image]]) -> dict[str, Path]:
    """Pictures as PNG files, by name."""
    paths = {name: folder / f"{name}.png" for name in draw}
    for name, path in paths.items():
        draw[name]().save(path)
    return paths
