"""Many things changed at once, each in its own way: what became of each; all, or none."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.portions import portions
from sdxl_reg.errors import InvalidValue, ItemsRefused, NotFound, RegistryError
from sdxl_reg.tables import Blob, Change, Image, ImageSet, Member
from sdxl_reg.vocabulary import ItemStatus

MOST = 10_000
"""Items of one change: it holds up who else writes for as long as it takes."""


@dataclass(frozen=True, kw_only=True)
class MemberName:
    """A member of a set, by one of three names.

    Attributes:
        member: Its row.
        path: Relative to the set's folder, with /.
        sha256: Of its picture, which must be there once.
    """

    member: int | None = None
    path: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class ItemResult:
    """What became of one item.

    Attributes:
        status: Written, unchanged or refused.
        row: Of what it is about, where that was found.
        problem: Why it was refused.
    """

    status: ItemStatus
    row: int | None
    problem: RegistryError | None = None


@dataclass(frozen=True, kw_only=True)
class ItemsReport:
    """What became of many items.

    Attributes:
        results: In the order of the items.
        change: The entry of the journal; None where nothing was written, or what is not in there.
    """

    results: Sequence[ItemResult]
    change: Change | None = None

    @property
    def counts(self) -> dict[ItemStatus, int]:
        """Status → how many items."""
        found = Counter(result.status for result in self.results)
        return {status: found[status] for status in ItemStatus}


def found_members(
    session: Session, image_set: ImageSet, names: Sequence[MemberName]
) -> list[int | RegistryError]:
    """The members that are named, in their order; where there is none, why.

    A member that is named twice is refused the second time: two items about one would depend on
    their order.

    Args:
        session: The transaction.
        image_set: The set.
        names: At most `MOST` of them.
    """
    numbers = {name.member for name in names if name.member is not None}
    paths = {name.path for name in names if name.path is not None}
    digests = {name.sha256.lower() for name in names if name.sha256 is not None}
    own = Member.image_set_id == image_set.id
    rows = {
        row
        for some in portions(sorted(numbers))
        for row in session.scalars(select(Member.id).where(own, Member.id.in_(some)))
    }
    by_path = {
        row.source_path: row.id
        for some in portions(sorted(paths))
        for row in session.execute(
            select(Member.source_path, Member.id).where(own, Member.source_path.in_(some))
        )
    }
    by_digest: dict[str, list[int]] = {}
    for some in portions(sorted(digests)):
        query = select(Blob.sha256, Member.id).join(Image, Image.blob_id == Blob.id)
        query = query.join(Member, Member.image_id == Image.id)
        for digest, row in session.execute(query.where(own, Blob.sha256.in_(some))):
            by_digest.setdefault(digest, []).append(row)
    seen: dict[int, int] = {}
    found: list[int | RegistryError] = []
    for position, name in enumerate(names):
        one = _found(image_set, name, rows, by_path, by_digest)
        if isinstance(one, int) and seen.setdefault(one, position) != position:
            again = InvalidValue(
                "a member that is named twice",
                _said(name),
                remedy=f"It is that of item {seen[one]}; say all of it there",
            )
            found.append(again)
        else:
            found.append(one)
    return found


def refused(results: Sequence[ItemResult]) -> dict[str, str]:
    """Place of each refused item → why, as faults of a request are told."""
    return {
        f"items.{position}": str(result.problem)
        for position, result in enumerate(results)
        if result.problem is not None
    }


def require_all(results: Sequence[ItemResult]) -> None:
    """Refuse all items where one is refused.

    Args:
        results: Of all of them.

    Raises:
        ItemsRefused: One is.
    """
    if faults := refused(results):
        raise ItemsRefused(len(results), faults)


def _found(
    image_set: ImageSet,
    name: MemberName,
    rows: set[int],
    by_path: dict[str, int],
    by_digest: dict[str, list[int]],
) -> int | RegistryError:
    said = [one for one in (name.member, name.path, name.sha256) if one is not None]
    if len(said) != 1:
        return InvalidValue(
            "a member", _said(name) or "no name", remedy="Give one of member, path and sha256"
        )
    if name.sha256 is not None:
        places = sorted(by_digest.get(name.sha256.lower(), []))
        if len(places) > 1:
            numbers = ", ".join(map(str, places[:8]))
            remedy = f"Give the member: {numbers}"
            return InvalidValue("a picture that is there several times", name.sha256, remedy=remedy)
        found = places[0] if places else None
    elif name.path is not None:
        found = by_path.get(name.path)
    else:
        found = name.member if name.member in rows else None
    if found is None:
        remedy = f"See: sdxl-reg images {image_set.name}"
        return NotFound("picture", f"{image_set.name}/{said[0]}", remedy=remedy)
    return found


def _said(name: MemberName) -> str:
    words = {"member": name.member, "path": name.path, "sha256": name.sha256}
    return ", ".join(f"{word} {value!r}" for word, value in words.items() if value is not None)
