"""Renaming runs of dotted segments: what two spellings of one network's weights differ in."""

import re
from collections.abc import Iterable

Pairs = tuple[tuple[str, str], ...]


def renamed(path: str, pairs: Iterable[tuple[str, str]]) -> str:
    """A dotted path with some of its runs of whole segments replaced, one pair after the other.

    Args:
        path: `encoder.mid.block_1.conv1`.
        pairs: What is replaced and what by: `("mid.block_1", "mid_block.resnets.0")`.
    """
    for old, new in pairs:
        path = re.sub(rf"(?<![^.]){re.escape(old)}(?![^.])", new, path)
    return path


def turned(pairs: Pairs) -> Pairs:
    """The pairs that undo a renaming."""
    return tuple((new, old) for old, new in reversed(pairs))
