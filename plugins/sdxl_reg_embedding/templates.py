"""What is said of a picture while a word is learnt: lines with `[name]` and `[filewords]`.

The placeholders are those of A1111's template files. Nothing here imports torch.
"""

from collections.abc import Sequence

from sdxl_reg.trainers.triggers import FILEWORDS

NAME = "[name]"
"""Stands for the word that is learnt."""

BUILT_IN = {
    "subject": (
        "a photo of [name], [filewords]",
        "a picture of [name], [filewords]",
        "a close-up photo of [name], [filewords]",
        "a bright photo of [name], [filewords]",
        "a photo of one [name], [filewords]",
        "a good photo of [name], [filewords]",
    ),
    "style": (
        "a picture in the style of [name], [filewords]",
        "a painting in the style of [name], [filewords]",
        "a drawing in the style of [name], [filewords]",
        "a photo in the style of [name], [filewords]",
        "art by [name], [filewords]",
    ),
}
"""Name → lines."""


def lines_of(template: str | Sequence[str]) -> list[str]:
    """The lines of a template, without empty ones.

    Args:
        template: Name of a built-in template, text with one line each, or the lines.
    """
    lines = template.splitlines() if isinstance(template, str) else list(template)
    lines = [line.strip() for line in lines if line.strip()]
    return list(BUILT_IN.get(lines[0], lines)) if len(lines) == 1 else lines


def filled(line: str, *, name: str, caption: str) -> str:
    """A prompt, made of a line of a template; without a caption, no comma is left at the end.

    Args:
        line: With both placeholders, or one of them.
        name: The word.
        caption: Of a picture; may be empty.
    """
    return line.replace(NAME, name).replace(FILEWORDS, caption).strip(" ,")
