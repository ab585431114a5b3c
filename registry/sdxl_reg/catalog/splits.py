"""Which pictures of a dataset are trained and which are held out to validate: without a leak.

Pictures that are the same or nearly so (`likeness`) are one unit and stay together. The rule:

1. A unit that the version before held out, or trained, stays where it was. When new pictures tie
   units of both sides together, all of them are trained: what was trained cannot be unseen.
2. What is still missing of the share is taken from the new units in the order of a hash of each
   unit's first picture, so that the share holds for every tag as far as the units allow.

With a selector instead of a share, the units that it touches are held out whole.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.images import SetMember
from sdxl_reg.catalog.likeness import likeness_labels
from sdxl_reg.errors import Conflict
from sdxl_reg.tables import Image, ImageSet, Member

TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Pictures that stay together.

    Attributes:
        key: Decides the order: the smallest digest of their pixels.
        members: Their rows.
        strata: How many of them have each tag.
        was: Where the version before had them; empty where it had none of them.
    """

    key: str
    members: tuple[int, ...]
    strata: Mapping[str, int]
    was: str = ""


def units_of(
    session: Session,
    image_set: ImageSet,
    members: Sequence[SetMember],
    before: Mapping[str, str] | None = None,
) -> list[Unit]:
    """The units of some pictures.

    Args:
        session: The transaction.
        image_set: Their set.
        members: The pictures.
        before: Digest of a picture's bytes → where the version before had it.
    """
    query = select(Image.id, Image.phash, Image.pixel_sha256).join(Member)
    rows = session.execute(query.where(Member.image_set_id == image_set.id))
    facts = {row.id: (row.phash, row.pixel_sha256) for row in rows}
    labels = likeness_labels(
        [member.image_id for member in members],
        [facts[member.image_id][0] for member in members],
        [facts[member.image_id][1] for member in members],
    )
    groups: dict[int, list[SetMember]] = defaultdict(list)
    for label, member in zip(labels.tolist(), members, strict=True):
        groups[label].append(member)
    return [_unit(group, before or {}) for group in groups.values()]


def held_out_share(units: Sequence[Unit], share: float) -> frozenset[int]:
    """The members that validate, by the rule at the top.

    Args:
        units: All of the dataset.
        share: Of its pictures, 0…1.

    Raises:
        Conflict: Nothing can be held out, or nothing would be left to train.
    """
    wanted = _targets(units, share)
    held = [unit for unit in units if unit.was == VALIDATION]
    for unit in held:
        wanted.subtract(unit.strata)
    rest = {unit.key: unit for unit in units if not unit.was}
    left = sum(len(unit.members) for unit in units if unit.was != VALIDATION)
    for most_over in (0, 1):  # first what fits, then what comes nearer than nothing
        for unit in sorted(rest.values(), key=_order):
            fitting = sum(min(n, max(wanted[tag], 0)) for tag, n in unit.strata.items())
            over = len(unit.members) - fitting
            if fitting and over <= most_over * fitting and len(unit.members) < left:
                held.append(rest.pop(unit.key))
                wanted.subtract(unit.strata)
                left -= len(unit.members)
    if not held and len(rest) > 1:  # every unit is larger than what was wanted
        held = [min(rest.values(), key=lambda unit: (len(unit.members), _order(unit)))]
    return _checked(units, held)


def held_out_selected(units: Sequence[Unit], selected: frozenset[int]) -> frozenset[int]:
    """The members of every unit that a selection touches.

    Args:
        units: All of the dataset.
        selected: Members that shall validate.

    Raises:
        Conflict: Nothing is selected, or nothing would be left to train.
    """
    return _checked(units, [unit for unit in units if not selected.isdisjoint(unit.members)])


def _unit(group: Sequence[SetMember], before: Mapping[str, str]) -> Unit:
    places = {before[member.sha256] for member in group if member.sha256 in before}
    return Unit(
        key=min(member.pixel_sha256 for member in group),
        members=tuple(member.member_id for member in group),
        strata=Counter(member.tag_path for member in group),
        was=TRAIN if TRAIN in places else VALIDATION if places else "",
    )


def _targets(units: Iterable[Unit], share: float) -> Counter[str]:
    """How many pictures of each tag shall validate: by largest remainders, so that they add up."""
    counts: Counter[str] = Counter()
    for unit in units:
        counts.update(unit.strata)
    total = max(1, round(share * counts.total()))
    targets = Counter({tag: int(share * count) for tag, count in counts.items()})
    by_remainder = sorted(counts, key=lambda tag: (targets[tag] - share * counts[tag], tag))
    for tag in by_remainder[: max(0, total - targets.total())]:
        targets[tag] += 1
    return targets


def _order(unit: Unit) -> bytes:
    return hashlib.sha256(f"validation {unit.key}".encode()).digest()


def _checked(units: Sequence[Unit], held: Sequence[Unit]) -> frozenset[int]:
    if not held or len(held) == len(units):
        raise Conflict(
            "no picture can be held out to validate without a near-duplicate that is trained"
            if not held
            else "every picture would be held out, and none trained",
            remedy="See: sdxl-reg duplicates; take another share, or a selector of other tags",
        )
    return frozenset(member for unit in held for member in unit.members)
