"""Trigger words: what a prompt has to say to call up what an adapter was trained on."""

from collections import Counter
from collections.abc import Sequence

from sdxl_reg.formats.training_metadata import tags_in
from sdxl_reg.trainers.interface import TrainingImage

FILEWORDS = "[filewords]"
"""Stands for a caption in a prompt template, as in A1111's."""


def trigger_words(images: Sequence[TrainingImage]) -> list[str]:
    """The tags that the captions speak of, as words of their own; the most frequent first.

    A tag that no caption names is none: the text encoders have never read it beside its pictures.

    Args:
        images: The dataset.

    Returns:
        Tag names as written, each once; `["qzy", "flawed", "spot"]`.
    """
    counts: Counter[str] = Counter()
    for image in images:
        said = {tag.casefold() for tag in tags_in(image.caption)}
        counts.update({tag for tag in image.tags.split("/") if tag.casefold() in said})
    return sorted(counts, key=lambda tag: (-counts[tag], tag))
