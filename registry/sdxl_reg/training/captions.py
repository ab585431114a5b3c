"""What is said of a picture at one showing: its caption, dressed, shuffled, thinned or left out.

The order of the steps is that of sd-scripts' `process_caption`. Nothing here imports torch.
"""

import random
from collections.abc import Iterable

from sdxl_reg.trainers.settings import DataSettings


def shown_caption(
    caption: str, settings: DataSettings, *, epoch: int, chance: random.Random
) -> str:
    """The caption of one showing.

    Args:
        caption: Of the picture; of several lines, the first is meant.
        settings: What is done to it.
        epoch: From 1.
        chance: Of this showing; asked only where a setting wants chance.
    """
    every = settings.caption_dropout_every_n_epochs
    rate = settings.caption_dropout_rate
    if (rate and chance.random() < rate) or (every and epoch % every == 0):
        return ""
    first_line = caption.partition("\n")[0]
    text = " ".join(
        part for part in (settings.caption_prefix, first_line, settings.caption_suffix) if part
    )
    return _rearranged(text, settings, chance) if _rearranges(settings) else text


def is_left_to_chance(settings: DataSettings) -> bool:
    """Whether one picture may be shown with more captions than its own and none."""
    return _rearranges(settings)


def _rearranges(settings: DataSettings) -> bool:
    return settings.shuffle_caption or settings.caption_tag_dropout_rate > 0


def _rearranged(text: str, settings: DataSettings, chance: random.Random) -> str:
    kept, free, last = _parted(text, settings)
    if settings.shuffle_caption:
        chance.shuffle(free)
    rate = settings.caption_tag_dropout_rate
    free = [tag for tag in free if not rate or chance.random() >= rate]
    return ", ".join(kept + free + last)


def _parted(text: str, settings: DataSettings) -> tuple[list[str], list[str], list[str]]:
    """The tags that stay in front, those that may move, and those that stay at the end."""
    mark = settings.keep_tokens_separator
    if mark and mark in text:
        front, _, rest = text.partition(mark)
        middle, _, end = rest.partition(mark)
        return tuple(  # type: ignore[return-value]
            _stripped(part.split(settings.caption_separator)) for part in (front, middle, end)
        )
    tags = _stripped(text.split(settings.caption_separator))
    return tags[: settings.keep_tokens], tags[settings.keep_tokens :], []


def _stripped(tags: Iterable[str]) -> list[str]:
    return [word for tag in tags if (word := tag.strip())]
