"""What an ingest of a sent folder is going to do, told before it is done and before it is sent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest_plan import IngestPlan, PlannedSet, plan_ingest
from sdxl_reg.catalog.intake import SetIntake
from sdxl_reg.catalog.sent_folders.announcing import totals_of
from sdxl_reg.catalog.sent_folders.laying_out import laid_out
from sdxl_reg.catalog.sent_folders.sessions import find_ingest, ingest_options
from sdxl_reg.errors import NotFound
from sdxl_reg.imaging.problems import Problem
from sdxl_reg.imaging.scan import contents_of
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading
from sdxl_reg.tables import Blob, Image, Member
from sdxl_reg.vocabulary import MemberState


@dataclass(frozen=True, kw_only=True)
class SetPlan:
    """What becomes of one image set.

    Attributes:
        name: What it is called, or will be.
        is_new: Whether there is none of that name yet.
        pictures: How many files look like pictures.
        tags: Names of folders with / → how many pictures lie right in them.
        new: Pictures under paths that the set does not have, or has lost.
        changed: Pictures with other bytes than those of the member at their path.
        unchanged: Pictures that are as they were.
        gone: Members at whose path nothing lies any more; some of them may have moved.
    """

    name: str
    is_new: bool
    pictures: int
    tags: Mapping[str, int]
    new: int
    changed: int
    unchanged: int
    gone: int


@dataclass(frozen=True, kw_only=True)
class SentPlan:
    """What an ingest is going to do.

    Attributes:
        layout: What was decided about the folders, as a sentence.
        levels: What the levels are called, the set's not among them.
        sets: The image sets.
        problems: What is worth knowing before: folders in no set, sets that come from elsewhere.
        files: How many are announced.
        missing: How many have to be sent still.
        missing_bytes: And how long they are.
    """

    layout: str
    levels: tuple[str, ...]
    sets: tuple[SetPlan, ...]
    problems: tuple[Problem, ...]
    files: int
    missing: int
    missing_bytes: int


def plan_sent(engine: Engine, store: BlobStore, key: str) -> SentPlan:
    """Decide what an ingest does with what was announced; nothing is recorded.

    Args:
        engine: The database.
        store: Holds what was sent so far.
        key: Of the ingest.

    Raises:
        NotFound: Who asks has none of that key.
        InvalidValue: There is no picture, or an option is of the wrong form.
        UnknownName: The caption template has a place that is no level.
        Conflict: A set of that name came from another folder, or is of another project.
        NotAllowed: Who asks may not write to a set of that name.
    """
    with reading(engine) as session:
        ingest = find_ingest(session, key)
        files, missing, missing_bytes = totals_of(session, ingest)
    options = ingest_options(ingest)
    with laid_out(engine, store, ingest) as found:
        plan = plan_ingest(found.root, options, found.copied)
        intakes = [SetIntake(engine, store, plan, planned, options) for planned in plan.sets]
        warnings = [warning for intake in intakes for warning in intake.warnings]
        with reading(engine) as session:
            sets = tuple(_planned(session, plan, intake, found.digests) for intake in intakes)
    return SentPlan(
        layout=plan.layout.sentence(),
        levels=_levels(plan, sets),
        sets=sets,
        problems=(*plan.problems, *warnings),
        files=files,
        missing=missing,
        missing_bytes=missing_bytes,
    )


def _planned(
    session: Session, plan: IngestPlan, intake: SetIntake, digests: Mapping[str, str]
) -> SetPlan:
    planned = intake.planned
    recorded = _recorded(session, planned)
    counts: Counter[str] = Counter()
    tags: Counter[str] = Counter()
    for folder in planned.folders:
        if folder.folder.problem is not None:
            recorded = {
                path: member
                for path, member in recorded.items()
                if not _is_in(path, folder.source_path)
            }
            continue
        for picture in contents_of(plan.root, folder.folder, plan.copied).pictures:
            name = picture.name.rpartition("/")[2]
            path = f"{folder.source_path}/{name}" if folder.source_path else name
            was = recorded.pop(path, None)
            tags["/".join(folder.tags)] += 1
            if was is None or was[1] == MemberState.MISSING:
                counts["new"] += 1
            else:
                is_same = was[0] == digests.get(picture.name)
                counts["unchanged" if is_same else "changed"] += 1
    return SetPlan(
        name=planned.name,
        is_new=intake.is_new,
        pictures=sum(tags.values()),
        tags=dict(sorted(tags.items())),
        new=counts["new"],
        changed=counts["changed"],
        unchanged=counts["unchanged"],
        gone=sum(
            state == MemberState.PRESENT and not intake.is_unread(path)
            for path, (_, state) in recorded.items()
        ),
    )


def _levels(plan: IngestPlan, sets: Sequence[SetPlan]) -> tuple[str, ...]:
    """What the levels are called, down to the deepest folder that holds a picture."""
    depths = [path.count("/") + 1 for one in sets for path in one.tags if path]
    count = max([len(plan.layout.levels), *depths])
    return tuple(plan.layout.level(depth) for depth in range(count))


def _recorded(session: Session, planned: PlannedSet) -> dict[str, tuple[str, MemberState]]:
    """Path → digest and state, of the members of a set."""
    try:
        image_set = find_image_set(session, planned.name)
    except NotFound:
        return {}
    query = (
        select(Member.source_path, Blob.sha256, Member.state)
        .join(Image, Image.id == Member.image_id)
        .join(Blob, Blob.id == Image.blob_id)
        .where(Member.image_set_id == image_set.id)
    )
    return {path: (digest, state) for path, digest, state in session.execute(query)}


def _is_in(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")
