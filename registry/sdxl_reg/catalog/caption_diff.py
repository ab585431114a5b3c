"""What changed between two captions, word by word, as people look at it."""

import difflib
import re
from dataclasses import dataclass
from typing import Literal

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Some words that were kept, taken away or added.

    Attributes:
        kind: Which of these.
        text: The words with the spaces between them.
    """

    kind: Literal["same", "removed", "added"]
    text: str


def word_diff(before: str, after: str) -> list[Segment]:
    """The words of two texts, what was removed before what was added in its place.

    Args:
        before: The earlier text: all that is not `added`, joined.
        after: The later text: all that is not `removed`, joined.
    """
    old, new = _WORD.findall(before), _WORD.findall(after)
    segments: list[Segment] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for verb, i, j, k, m in matcher.get_opcodes():
        if verb == "equal":
            segments.append(Segment(kind="same", text="".join(old[i:j])))
            continue
        if i < j:
            segments.append(Segment(kind="removed", text="".join(old[i:j])))
        if k < m:
            segments.append(Segment(kind="added", text="".join(new[k:m])))
    return segments
