"""What a picture is an example of: its tag at one level. No torch here."""

from collections.abc import Collection, Sequence

from sdxl_reg.errors import InvalidValue, UnknownName, UsageError
from sdxl_reg.imaging.names import name_key

FEWEST_REAL = 4
"""Real pictures of a class: fewer cannot be taught with and tested on in several ways."""


def level_of(tags: Sequence[str], by: str, *, names: Sequence[str]) -> int:
    """Which level of the tags tells the classes apart.

    Args:
        tags: Paths of tags of the real pictures, such as `qzy/flawed/spot`.
        by: Name of a level, or its number from 1; empty stands for the deepest that varies.
        names: Names of the levels, from the first.

    Returns:
        The level, 0 for the first.

    Raises:
        UnknownName: There is no level of that name.
        InvalidValue: The tags have no level of that number.
        UsageError: All pictures are of one class.
    """
    depth = max((len(path.split("/")) for path in tags if path), default=0)
    if by:
        level = _named(by, names, depth)
        _require_two({class_at(path, level) for path in tags if path}, f"level {by}")
        return level
    for level in reversed(range(depth)):
        if len({class_at(path, level) for path in tags if path}) > 1:
            return level
    raise _one_class({path for path in tags if path}, "any level")


def class_at(path: str, level: int) -> str:
    """The tag of a path at a level; of a path that does not go so far, its last one.

    Args:
        path: Such as `qzy/flawless`, not empty.
        level: 0 for the first; at 2 that path's class is `flawless`.
    """
    return path.split("/")[: level + 1][-1]


def class_among(path: str, level: int, classes: Collection[str]) -> str | None:
    """The class of a synthetic picture, whose folders may be laid out otherwise.

    Args:
        path: Its tags, possibly none.
        level: Where the real pictures have their classes.
        classes: Those of the real pictures.

    Returns:
        The tag at the level, or else the last tag that is the name of a class; None if none is.
    """
    spelt = {name_key(name): name for name in classes}
    tags = [name_key(tag) for tag in [*path.split("/"), class_at(path, level)]]
    return next((spelt[tag] for tag in reversed(tags) if tag in spelt), None)


def require_enough(counts: dict[str, int]) -> None:
    """Refuse classes of which there are too few real pictures.

    Args:
        counts: Class → real pictures.

    Raises:
        UsageError: There are; with how many each has.
    """
    few = {name: count for name, count in counts.items() if count < FEWEST_REAL}
    if few:
        told = ", ".join(f"{name} has {count}" for name, count in sorted(few.items()))
        raise UsageError(
            f"too few real pictures to teach and to test with: {told}",
            remedy=f"It takes {FEWEST_REAL} of each: add some, or choose another level (--by)",
        )


def _named(by: str, names: Sequence[str], depth: int) -> int:
    if by.isdecimal():
        if not 1 <= int(by) <= depth:
            raise InvalidValue("no such level of tags", by, remedy=f"There are levels 1 to {depth}")
        return int(by) - 1
    keys = [name_key(name) for name in names[:depth]]
    if name_key(by) not in keys:
        raise UnknownName("level", by, names[:depth])
    return keys.index(name_key(by))


def _require_two(classes: set[str], where: str) -> None:
    if len(classes) < 2:
        raise _one_class(classes, where)


def _one_class(found: set[str], where: str) -> UsageError:
    told = ", ".join(sorted(found)) or "no tags at all"
    return UsageError(
        f"there is nothing to tell apart at {where}: the real pictures have {told}",
        remedy="Choose a level with several tags (--by), or a dataset with several classes",
    )
