"""Adherence to the prompt: what a network that reads and sees says of picture and words.

Source: CLIP, Radford et al. 2021, arXiv:2103.00020; the score is the cosine of Hessel et al. 2021,
"CLIPScore", arXiv:2104.08718, without their factor of 2.5 and without cutting negative values off.
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from sdxl_reg.errors import UsageError
from sdxl_reg.evaluation.metrics.interface import Rows, Scene, Score, unit
from sdxl_reg.evaluation.references import digest_of
from sdxl_reg.jobs.spec import ImageSpec
from sdxl_reg.vocabulary import Better, Need


class ClipT:
    """Cosine of a picture with its prompt."""

    name = "clip-t"
    summary = "Likeness of picture and prompt, by a network that knows both."
    better = Better.HIGHER
    needs = frozenset({Need.TEXT_NETWORK})
    low, high = -1.0, 1.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for every picture; see `Metric.scores`."""
        pictures = scene.pictures
        rows = unit(scene.joint_features([picture.path for picture in pictures]))
        texts = unit(scene.text_features([picture.prompt for picture in pictures]))
        scorer = f"{scene.text_network}:prompt"
        for picture, value in zip(pictures, _cosines(rows, texts), strict=True):
            yield Score(key=picture.key, scorer=scorer, value=float(value))


class DefectAdherence:
    """How much nearer a picture is to its prompt than to the prompt without the defect."""

    name = "defect-adherence"
    summary = "How much likelier the prompt is than the prompt without its defect word."
    better = Better.HIGHER
    needs = frozenset({Need.TEXT_NETWORK, Need.REFERENCES})
    low, high = -2.0, 2.0

    def scores(self, scene: Scene) -> Iterator[Score]:
        """Numbers for the pictures whose prompt names a defect.

        Args:
            scene: See `Metric.scores`.

        Raises:
            UsageError: No prompt names one.
        """
        words = defect_words(scene.references)
        without = {cell.key: without_words(cell.prompt, words) for cell in scene.pictures}
        pictures = [cell for cell in scene.pictures if without[cell.key] != cell.prompt]
        if not pictures:
            raise UsageError(
                f"no prompt names a tag of the last level ({', '.join(words[:5]) or 'none'})",
                remedy="Name one in a prompt",
            )
        rows = unit(scene.joint_features([picture.path for picture in pictures]))
        full = unit(scene.text_features([picture.prompt for picture in pictures]))
        bare = unit(scene.text_features([without[picture.key] for picture in pictures]))
        scorer = f"{scene.text_network}:without:{digest_of(words)}"
        values = _cosines(rows, full) - _cosines(rows, bare)
        for picture, value in zip(pictures, values, strict=True):
            yield Score(key=picture.key, scorer=scorer, value=float(value))


def defect_words(references: Sequence[ImageSpec]) -> list[str]:
    """The tags of the last level: of `qzy/flawed/spot` and `qzy/flawless` it is `spot`.

    Args:
        references: Pictures of the dataset.

    Returns:
        Distinct, sorted; none when all are on the first level, where the brand stands.
    """
    paths = {tuple(image.tags.split("/")) for image in references if image.tags}
    deepest = max(map(len, paths), default=0)
    return sorted({path[-1] for path in paths if len(path) == deepest}) if deepest > 1 else []


def without_words(prompt: str, words: Sequence[str]) -> str:
    """A prompt with words taken out of it, and its commas mended.

    Args:
        prompt: Such as `qzy, flawed, spot`.
        words: In any letter case; `_` and `-` in them stand for spaces too.

    Returns:
        Such as `qzy, flawed`; the prompt as it was when none of the words occurs in it.
    """
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    forms = [r"[\s_-]+".join(map(re.escape, re.split(r"[\s_-]+", word))) for word in longest_first]
    if not forms:
        return prompt
    taken, count = re.subn(rf"(?<!\w)(?:{'|'.join(forms)})(?!\w)", "", prompt, flags=re.IGNORECASE)
    if not count:
        return prompt
    parts = (" ".join(part.split()) for part in taken.split(","))
    return ", ".join(part for part in parts if part)


def _cosines(one: Rows, other: Rows) -> Rows:
    cosines: Rows = np.einsum("nd,nd->n", one, other).clip(-1, 1)
    return cosines


clip_t, defect_adherence = ClipT(), DefectAdherence()
