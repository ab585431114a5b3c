"""Long lists of keys in portions: a database takes only so many values in one statement."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

_Value = TypeVar("_Value")
PORTION = 500
"""Values in one statement; SQLite takes 32,766, and a plan is made for each of their numbers."""


def portions(values: Iterable[_Value], size: int = PORTION) -> Iterator[Sequence[_Value]]:
    """The values in order, some hundred at a time.

    Args:
        values: Any number of them.
        size: How many at most in a portion, ≥ 1.
    """
    rest = iter(values)
    while portion := list(islice(rest, size)):
        yield portion


def steady(values: Sequence[_Value]) -> Sequence[_Value]:
    """The values of an `IN`, the last one repeated up to a power of two.

    A driver prepares a statement, and keeps its plan, when it has seen the same words a few times;
    with as many words as there are lengths of lists it never does.
    """
    if not values:
        return values
    missing = (1 << (len(values) - 1).bit_length()) - len(values)
    return [*values, *[values[-1]] * missing]
