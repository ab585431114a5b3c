"""Memorisation: whether a picture is nearer to a training picture than training pictures are.

A distance alone tells nothing: product shots on black all lie near each other. So the distance
from a drawn picture to its nearest training picture is divided by how far that training picture
lies from its own neighbours in the set. Of whole pictures distances are taken twice, between
colours of coarse fields and between features of the image network, and the worse finding counts:
fields see through noise and compression, which mislead a classifier's features; features see
through small shifts. Of parts, which are several times as many, between fields alone.

Source: the idea of the adaptive threshold of Carlini et al. 2023, "Extracting Training Data from
Diffusion Models", arXiv:2301.13188, section 4.2.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.metrics.drift import FIELDS, fields_of
from sdxl_reg.evaluation.metrics.interface import Measure, Rows, Scene, Score, unit
from sdxl_reg.evaluation.references import scorer_name
from sdxl_reg.imaging.crops import Box, cropped
from sdxl_reg.vocabulary import Better, Need

NEIGHBOURS = 5
"""So many of a training picture's neighbours say how far apart the set is around it."""
FEWEST_REFERENCES = 3
CROPS: tuple[Box, ...] = tuple(
    (left, upper, round(left + 0.6, 1), round(upper + 0.6, 1))
    for left, upper in ((0.0, 0.0), (0.4, 0.0), (0.0, 0.4), (0.4, 0.4), (0.2, 0.2))
)
"""Four corners and the middle, each 60 % of the sides, so that neighbours overlap."""
CROP_SIDE = 16
"""Fields of a crop in a row: with five crops a picture, a quarter of the memory of 32."""
_PLAIN = 8.0  # grey levels of spread below which a crop shows nothing to be copied


class Memorisation:
    """How much of a copy the whole picture is."""

    name = "memorisation"
    summary = "How much nearer it is to a training picture than those are to each other."
    better = Better.LOWER
    needs = frozenset({Need.REFERENCES, Need.IMAGE_NETWORK})
    low, high = None, 1.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture; raises as `Metric.scores` does."""
        return _scores(scene, _wholes, f"{scene.image_network}+{FIELDS.identity}")


class CropMemorisation:
    """How much of a copy any part of the picture is: the largest value over `CROPS`.

    Every crop is compared with every crop of every training picture, so it means: a corner or the
    middle shows what some training picture shows in one of its own. It does not mean that a
    smaller thing was copied (a mark, a stain), nor one that was moved, turned or scaled by more
    than a fifteenth of the crop; crops without any drawing in them are left out. Parts of fresh
    pictures are likelier to meet their like than wholes are: compare it with the base's value.
    """

    name = "memorisation-crop"
    summary = "The same for its likest part: four corners and the middle."
    better = Better.LOWER
    needs = frozenset({Need.REFERENCES})
    low, high = None, 1.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture that is not plain all over; raises as `Metric.scores` does."""
        return _scores(scene, _parts, CROP_FIELDS.identity)


class Bank:
    """Training pictures, or parts of them, as rows of numbers to look for copies in.

    Args:
        rows: (N, D); distances between them are Euclidean.
        owners: Number of the picture that each row is of, from 0; (N,).
    """

    def __init__(self, rows: Rows, owners: NDArray[np.int64]) -> None:
        self._rows = rows
        self._squares = (rows.astype(np.float64) ** 2).sum(axis=1)
        self._owners = owners
        self._usual: dict[int, float] = {}

    def likeness(self, row: Rows) -> float | None:
        """1 − (distance to the nearest row) / (mean distance of that row to its neighbours).

        The neighbours are the nearest rows of other pictures, one of each, `NEIGHBOURS` of them or
        as many as there are.

        Args:
            row: (D,).

        Returns:
            1 for a copy, about 0 or less for a picture that is none; None where the neighbours are
            copies of each other, so that no distance is small.
        """
        nearest = int(np.argmin(self._squares - 2 * (self._rows @ row)))
        usual = self._usual_distance(nearest)
        distance = float(_distances(self._rows[nearest : nearest + 1], row)[0])
        return None if usual == 0 else 1 - distance / usual

    def _usual_distance(self, nearest: int) -> float:
        if nearest not in self._usual:
            of_picture = np.full(int(self._owners.max()) + 1, np.inf)
            distances = _distances(self._rows, self._rows[nearest])
            np.minimum.at(of_picture, self._owners, distances)
            of_picture[self._owners[nearest]] = np.inf
            others = np.sort(of_picture[np.isfinite(of_picture)])
            self._usual[nearest] = float(others[:NEIGHBOURS].mean())
        return self._usual[nearest]


def _distances(rows: Rows, row: Rows) -> NDArray[np.float64]:
    difference = rows.astype(np.float64) - row.astype(np.float64)
    found: NDArray[np.float64] = np.sqrt((difference**2).sum(axis=1))
    return found


Look = list[Rows]
"""For every picture its rows of numbers, of the whole or of parts; (parts, D) each."""


def _scores(
    scene: Scene, looks_at: Callable[[Scene, Sequence[Path]], list[Look]], looker: str
) -> Iterator[Score]:
    known = list(dict.fromkeys(image.path for image in scene.references))  # by digest, in the store
    if len(known) < FEWEST_REFERENCES:
        raise UsageError(
            f"the set has {len(known)} different pictures, too few to tell how far apart they are",
            remedy=f"It takes {FEWEST_REFERENCES}",
        )
    banks = [_bank(look) for look in looks_at(scene, known)]
    looks = looks_at(scene, [picture.path for picture in scene.pictures])
    scorer = scorer_name(scene.references, network=looker)
    for number, picture in enumerate(scene.pictures):
        found = [
            value
            for bank, look in zip(banks, looks, strict=True)
            for row in look[number]
            if (value := bank.likeness(row)) is not None
        ]
        if found:
            yield Score(key=picture.key, scorer=scorer, value=max(found))


def _bank(parts: Sequence[Rows]) -> Bank:
    owners = np.repeat(np.arange(len(parts)), [len(rows) for rows in parts])
    if len(set(owners.tolist())) < FEWEST_REFERENCES:
        raise UsageError("the pictures of the set are plain all over")
    return Bank(np.concatenate(parts), owners)


def _wholes(scene: Scene, paths: Sequence[Path]) -> list[Look]:
    """Features and fields of whole pictures."""
    features, fields = unit(scene.image_features(paths)), scene.measured(paths, FIELDS)
    return [[row[np.newaxis] for row in rows] for rows in (features, fields)]


def _parts(scene: Scene, paths: Sequence[Path]) -> list[Look]:
    """Fields of the crops that are not plain."""
    fields = scene.measured(paths, CROP_FIELDS).reshape(len(paths), len(CROPS), -1)
    drawn = scene.measured(paths, CROP_SPREAD) >= _PLAIN
    return [[rows[kept] for rows, kept in zip(fields, drawn, strict=True)]]


def _crop_spread(picture: Image.Image) -> Rows:
    """Standard deviation of each crop's grey levels."""
    grey = picture.convert("L")
    return np.array([np.asarray(cropped(grey, box)).std() for box in CROPS], dtype=np.float32)


def _crop_fields(picture: Image.Image) -> Rows:
    return np.concatenate([fields_of(cropped(picture, box), CROP_SIDE) for box in CROPS])


CROP_SPREAD = Measure(identity="crop-spread/1", of=_crop_spread)
CROP_FIELDS = Measure(identity=f"crop-lab-{CROP_SIDE}/1", of=_crop_fields)
memorisation, memorisation_crop = Memorisation(), CropMemorisation()
