"""What a freeze decides for each picture: trained or held out, and how often it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.balance import depth_of, suggested_repeats
from sdxl_reg.catalog.images import SetMember
from sdxl_reg.catalog.selection import selects
from sdxl_reg.catalog.splits import (
    TRAIN,
    VALIDATION,
    held_out_selected,
    held_out_share,
    units_of,
)
from sdxl_reg.errors import InvalidValue
from sdxl_reg.tables import Blob, Dataset, DatasetEntry, DatasetVersion, Image, Member


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Splits and repeats of pictures, by their rows in the set.

    Attributes:
        held_out: Those that validate; the others are trained.
        repeats: How often an epoch shows those that are shown more than once.
    """

    held_out: frozenset[int] = frozenset()
    repeats: Mapping[int, int] = field(default_factory=dict)

    def split_of(self, member_id: int) -> str:
        """`train` or `validation`."""
        return VALIDATION if member_id in self.held_out else TRAIN

    def repeats_of(self, member_id: int) -> int:
        """How often an epoch shows a picture, 1 or more."""
        return self.repeats.get(member_id, 1)


EVERY_ONCE = Plan()
"""Every picture is trained, each once an epoch."""


def remember(
    session: Session, dataset: Dataset, *, validation: float | str | None, balance: str | None
) -> dict[str, str]:
    """Keep with a dataset how it is split and balanced, where something was said of it.

    Args:
        session: The transaction.
        dataset: The dataset.
        validation: A share of 0 to 1, or a selector; None leaves what there is.
        balance: A level of its set; empty for none; None leaves what there is.

    Returns:
        Digest of a picture's bytes → its split in the version before; empty where that one was
        split by another rule or not at all.

    Raises:
        InvalidValue: The share is not between 0 and 1.
        UnknownName: The set has no such level.
    """
    rule = dataset.validation_share, dataset.validation_selector
    if isinstance(validation, str):
        dataset.validation_selector, dataset.validation_share = validation, 0.0
    elif validation is not None:
        if not 0 <= validation < 1:
            raise InvalidValue(
                "the share of pictures that validate", validation, remedy="Give 0 to 1, such as 0.1"
            )
        dataset.validation_selector, dataset.validation_share = "", validation
    if balance:
        depth_of(dataset.image_set, balance)
    if balance is not None:
        dataset.balance_level = balance
    is_same_rule = rule == (dataset.validation_share, dataset.validation_selector)
    return _splits_before(session, dataset) if is_same_rule else {}


def plan_of(
    session: Session,
    dataset: Dataset,
    members: Sequence[SetMember],
    before: Mapping[str, str] | None = None,
) -> Plan:
    """The splits and repeats of a dataset that is frozen now.

    Args:
        session: The transaction.
        dataset: Says how it is split and balanced.
        members: Its pictures.
        before: What `remember` gave.

    Raises:
        Conflict: Nothing can be held out, or nothing would be left to train.
        InvalidValue: The selector of what validates is of the wrong form.
        UnknownName: A selector or the balance names a level that the set does not have.
    """
    held_out = _held_out(session, dataset, members, before)
    if not dataset.balance_level:
        return Plan(held_out=held_out)
    trained = [member for member in members if member.member_id not in held_out]
    repeats = suggested_repeats(dataset.image_set, trained, dataset.balance_level)
    return Plan(held_out=held_out, repeats=repeats)


def _held_out(
    session: Session,
    dataset: Dataset,
    members: Sequence[SetMember],
    before: Mapping[str, str] | None,
) -> frozenset[int]:
    if dataset.validation_selector:
        condition = selects(session, dataset.image_set, dataset.validation_selector)
        query = select(Member.id).where(Member.image_set_id == dataset.image_set_id, condition)
        units = units_of(session, dataset.image_set, members)
        return held_out_selected(units, frozenset(session.scalars(query)))
    if not dataset.validation_share:
        return frozenset()
    units = units_of(session, dataset.image_set, members, before)
    return held_out_share(units, dataset.validation_share)


def _splits_before(session: Session, dataset: Dataset) -> dict[str, str]:
    """Digest → split of the version before, if that one was split."""
    latest = session.scalar(
        select(DatasetVersion.id)
        .where(DatasetVersion.dataset_id == dataset.id)
        .order_by(DatasetVersion.version.desc())
        .limit(1)
    )
    query = (
        select(Blob.sha256, DatasetEntry.split)
        .join(Image, Image.id == DatasetEntry.image_id)
        .join(Blob, Blob.id == Image.blob_id)
        .where(DatasetEntry.dataset_version_id == latest)
    )
    found = {row.sha256: row.split for row in session.execute(query)}
    return found if VALIDATION in found.values() else {}
