"""What a freeze would hold: pictures, splits, repeats and the manifest; nothing is stored yet."""

import hashlib
import json
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from sdxl_reg.catalog.crops import frozen_facts
from sdxl_reg.catalog.dataset_plan import EVERY_ONCE, Plan, plan_of, remember
from sdxl_reg.catalog.images import SetMember, find_image_set, members_of
from sdxl_reg.catalog.origins import Origin, origins_of
from sdxl_reg.catalog.references import Reference, checked_name
from sdxl_reg.catalog.splits import TRAIN
from sdxl_reg.errors import Conflict
from sdxl_reg.imaging.names import name_key
from sdxl_reg.tables import Dataset, DatasetVersion


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A dataset version before it is stored.

    Attributes:
        dataset: Its row, with what it was told of splits and balance.
        members: The pictures, in their order.
        facts: Row of a member → what its line of the manifest says beside.
        plan: Splits and repeats.
        origins: Row of an image that was drawn here → what it was drawn by.
        manifest: Canonical JSON lines.
        digest: Their SHA-256.
        standing: The version that has this very content already; None where it would be new.
    """

    dataset: Dataset
    members: Sequence[SetMember]
    facts: Mapping[int, Mapping[str, Any]]
    plan: Plan
    origins: Mapping[int, Origin]
    manifest: bytes
    digest: str
    standing: DatasetVersion | None

    @property
    def reference(self) -> str:
        """How users write it, or would: `weipin@2`."""
        version = self.standing.version if self.standing else self.dataset.next_version
        return str(Reference(name=self.dataset.name, version=version))

    @property
    def splits(self) -> dict[str, int]:
        """`train`, `validation` → how many pictures."""
        counts = Counter(self.plan.split_of(member.member_id) for member in self.members)
        return dict(sorted(counts.items()))

    @property
    def tags(self) -> dict[str, int]:
        """Tag path → how many pictures, by path."""
        return dict(sorted(Counter(member.tag_path for member in self.members).items()))

    @property
    def showings(self) -> int:
        """Pictures that an epoch shows, repeats counted."""
        rows = [member.member_id for member in self.members]
        return sum(self.plan.repeats_of(r) for r in rows if self.plan.split_of(r) == TRAIN)


def prepare(
    session: Session,
    name: str,
    *,
    image_set: str = "",
    selector: str = "",
    validation: float | str | None = None,
    balance: str | None = None,
) -> Prepared:
    """What a freeze would hold, as `datasets.freeze` takes it and raises.

    Who goes on to store it is the only one who freezes this dataset meanwhile.

    Args:
        session: The transaction, in which the dataset is made where there is none yet.
        name: Name of the dataset.
        image_set: Which set.
        selector: Of a new dataset.
        validation: Share or selector of what is held out.
        balance: Level whose values are shown equally often.

    Raises:
        NotFound: No image set of that name.
        Conflict: The dataset is of another set or selection, or hidden; nothing is selected, or
            nothing can be held out.
        InvalidValue: The share is not between 0 and 1, or a selector is of the wrong form.
        UnknownName: A selector or the balance names a level that the set does not have.
    """
    dataset = _dataset_for(session, name, image_set=image_set, selector=selector)
    before = remember(session, dataset, validation=validation, balance=balance)
    members = members_of(session, dataset.image_set, dataset.selector)
    if not members:
        raise Conflict(
            f"image set {dataset.image_set.name!r} has no image that matches "
            f"{dataset.selector or 'anything'!r}",
            remedy=f"See: sdxl-reg tags {dataset.image_set.name}",
        )
    origins = origins_of(session, [member.image_id for member in members])
    facts = frozen_facts(session, dataset.image_set, members)
    plan = plan_of(session, dataset, members, before)
    manifest = manifest_of(members, synthetic=origins, facts=facts, plan=plan)
    digest = hashlib.sha256(manifest).hexdigest()
    return Prepared(
        dataset=dataset,
        members=members,
        facts=facts,
        plan=plan,
        origins=origins,
        manifest=manifest,
        digest=digest,
        standing=session.scalar(
            select(DatasetVersion).where(
                DatasetVersion.dataset_id == dataset.id, DatasetVersion.digest == digest
            )
        ),
    )


def project_of_freeze(session: Session, name: str, *, image_set: str = "") -> str:
    """The project of what a freeze would be of.

    Args:
        session: The transaction.
        name: Name of the dataset.
        image_set: Which set, where it is said.

    Raises:
        NotFound: No image set of that name.
    """
    dataset = _named(session, name)
    found = dataset.image_set if dataset else find_image_set(session, image_set or name)
    return found.project


def manifest_of(
    members: Sequence[SetMember],
    *,
    synthetic: Container[int] = (),
    facts: Mapping[int, Mapping[str, Any]] | None = None,
    plan: Plan = EVERY_ONCE,
) -> bytes:
    """The canonical manifest of images: the same images give the same bytes.

    Args:
        members: In their order.
        synthetic: Rows of the images that were drawn here; their lines say so.
        facts: Row of a member → what its line says beside; see `crops.frozen_facts`.
        plan: Their splits and repeats.
    """
    lines = (
        json.dumps(
            {
                "caption": member.caption,
                "path": member.source_path,
                "repeats": plan.repeats_of(member.member_id),
                "sha256": member.sha256,
                "split": plan.split_of(member.member_id),
                "tags": member.tag_path,
                **({"more_tags": member.more_tags} if member.more_tags else {}),
                **({"synthetic": True} if member.image_id in synthetic else {}),
                **(facts or {}).get(member.member_id, {}),
            },
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
        )
        for member in members
    )
    return "".join(line + "\n" for line in lines).encode()


def _dataset_for(session: Session, name: str, *, image_set: str, selector: str) -> Dataset:
    dataset = _named(session, name)
    if dataset is None:
        dataset = _made(session, name, image_set=image_set or name, selector=selector)
    session.refresh(dataset, with_for_update=True)  # others wait until this one is frozen
    same_set = not image_set or name_key(image_set) == dataset.image_set.name_key
    if not same_set or (selector and selector != dataset.selector):
        raise Conflict(
            f"dataset {dataset.name!r} selects {dataset.selector or '**'!r} of image set "
            f"{dataset.image_set.name!r}",
            remedy="Freeze another selection under another name",
        )
    return dataset


def _made(session: Session, name: str, *, image_set: str, selector: str) -> Dataset:
    made = Dataset(
        name=checked_name(name),
        name_key=name_key(name),
        image_set=find_image_set(session, image_set),
        selector=selector,
        next_version=1,
    )
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:  # another writer was first, or it is hidden from who asks
        found = _named(session, name)
        if found is None:
            raise Conflict(
                f"the name {name!r} is taken in another project", remedy="Choose another"
            ) from None
        return found
    return made


def _named(session: Session, name: str) -> Dataset | None:
    return session.scalar(select(Dataset).where(Dataset.name_key == name_key(name)))
