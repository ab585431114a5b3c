"""Ingest: a folder of pictures becomes image sets, and can be read again at any time.

A file that cannot be taken stops nothing: it is counted and reported. Bytes are durable before the
transaction that makes them visible; transactions hold some dozens of pictures each, so that after
a kill at any point everything recorded is whole and the same command goes on from there.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from os import cpu_count
from pathlib import Path

from sqlalchemy import Engine

from sdxl_reg.catalog.images import find_image_set, summary_of
from sdxl_reg.catalog.ingest_plan import (
    IngestOptions,
    IngestPlan,
    PlannedPicture,
    PlannedSet,
    plan_ingest,
)
from sdxl_reg.catalog.ingest_rows import Known, Taken
from sdxl_reg.catalog.intake import SetIntake
from sdxl_reg.catalog.tags import near_tags, tag_tree
from sdxl_reg.errors import NotFound, OutOfSpace
from sdxl_reg.imaging.decode import Limits, examine, read_bytes
from sdxl_reg.imaging.problems import Code, Problem, Stage, Unreadable
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading

__all__ = ["IngestOptions", "IngestReport", "IngestedSet", "ingest"]

Progress = Callable[[int, int, str], None]
_BATCH = 64  # pictures a transaction


@dataclass(frozen=True, kw_only=True)
class IngestedSet:
    """An image set after an ingest.

    Attributes:
        name: Its name.
        images: Different pictures among its present members.
        members: Present members.
        missing: Members whose file is not there any more.
    """

    name: str
    images: int
    members: int
    missing: int


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """What an ingest found and did; `seen` is the sum of the five counts that follow it.

    Attributes:
        layout: What was decided about the folders, as a sentence.
        image_sets: The sets, by name, as they are now.
        seen: Files that are no junk and no caption of a picture.
        new: Pictures that the registry did not have.
        unchanged: Members that are as they were, moved ones included.
        duplicates: New members whose picture the registry had already.
        skipped: Files that are no pictures to be taken.
        failed: Files that claim to be pictures and could not be taken.
        moved: Members recognised under another path.
        missing: Members whose file vanished since the last ingest.
        captions: Pictures with a text beside them.
        ignored: Junk → how many of it.
        problems: One for every skipped and failed file.
        warnings: What is worth knowing about what was taken.
    """

    layout: str
    image_sets: tuple[IngestedSet, ...]
    seen: int
    new: int
    unchanged: int
    duplicates: int
    skipped: int
    failed: int
    moved: int
    missing: int
    captions: int
    ignored: dict[str, int]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def ingest(
    engine: Engine,
    store: BlobStore,
    root: Path,
    *,
    options: IngestOptions | None = None,
    progress: Progress = lambda _done, _total, _what: None,
    announce: Callable[[str], None] = lambda _sentence: None,
) -> IngestReport:
    """Record the pictures of a folder; the folder is only read.

    Args:
        engine: The database.
        store: Receives the bytes.
        root: The folder.
        options: How to read it; by default the layout rule decides.
        progress: Told (done, total, what) after each picture.
        announce: Told what was decided about the folders before anything is done.

    Returns:
        What was found and done.

    Raises:
        NotFound: No such folder.
        InvalidValue: It is a file, holds no picture, or an option is of the wrong form.
        UnknownName: The caption template has a place that is no level.
        Conflict: A set of that name came from another folder that is still there.
        OutOfSpace: The disk is full; what was recorded before is kept.
    """
    options = options or IngestOptions()
    plan = plan_ingest(root, options)
    intakes = [
        SetIntake(engine, planned, layout=plan.layout, template=options.caption)
        for planned in plan.sets
    ]
    announce(plan.layout.sentence())
    counts: Counter[str] = Counter()
    problems, warnings = list(plan.skipped), list(plan.warnings)
    total, done = sum(len(planned.pictures) for planned in plan.sets), 0
    with _workers(options) as pool:
        for intake in intakes:
            for batch in _batches(_taken(intake, store, options, pool)):
                counts += intake.record(batch)
                problems += [item for item in batch if isinstance(item, Problem)]
                done += len(batch)
                progress(done, total, "reading pictures")
            counts += intake.finish()
            warnings += intake.warnings
    sets, notes = _outcome(engine, plan)
    return IngestReport(
        layout=plan.layout.sentence(),
        image_sets=sets,
        seen=plan.seen,
        new=counts["new"],
        unchanged=counts["unchanged"],
        duplicates=counts["duplicate"],
        skipped=len(plan.skipped),
        failed=counts["failed"],
        moved=counts["moved"],
        missing=counts["missing"],
        captions=plan.captions,
        ignored=plan.ignored,
        problems=tuple(problems),
        warnings=tuple(warnings + notes),
    )


@contextmanager
def _workers(options: IngestOptions) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(options.threads or cpu_count() or 1, thread_name_prefix="ingest")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt does not wait for what is queued


def _taken(
    intake: SetIntake, store: BlobStore, options: IngestOptions, pool: ThreadPoolExecutor
) -> Iterator[Taken | Known | Problem]:
    """What became of each picture, in order; only some are decoded ahead, to bound memory."""
    window: deque[Future[Taken | Problem] | Known] = deque()
    ahead = 4 * (options.threads or cpu_count() or 1)
    for picture in intake.planned.pictures:
        known = intake.known(picture) if options.rehash == "changed" else None
        window.append(known or pool.submit(_take, picture, store, options.limits))
        if len(window) > ahead:
            yield _result(window.popleft())
    while window:
        yield _result(window.popleft())


def _result(item: "Future[Taken | Problem] | Known") -> Taken | Known | Problem:
    return item.result() if isinstance(item, Future) else item


def _take(picture: PlannedPicture, store: BlobStore, limits: Limits) -> Taken | Problem:
    """Read, decode and store one picture; in a thread, without the database."""
    try:
        data = read_bytes(picture.file.path, limits)
        facts = examine(data, limits)
    except Unreadable as fault:
        return fault.at(picture.file.name)
    except MemoryError:
        message = "There is not enough memory to decode it"
        return Unreadable(Stage.DECODE, Code.TOO_LARGE, message).at(picture.file.name)
    return Taken(picture=picture, facts=facts, stored=store.put_bytes(data))


def _batches(
    items: Iterable[Taken | Known | Problem],
) -> Iterator[list[Taken | Known | Problem]]:
    batch: list[Taken | Known | Problem] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == _BATCH:
                yield batch
                batch = []
    except OutOfSpace:  # what has its bytes in the store is still recorded
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _outcome(engine: Engine, plan: IngestPlan) -> tuple[tuple[IngestedSet, ...], list[Problem]]:
    """The sets as they are now, and notes on tags that look like slips of others."""
    sets, notes = [], []
    with reading(engine) as session:
        for planned in plan.sets:
            try:
                image_set = find_image_set(session, planned.name)
            except NotFound:  # not one of its pictures could be taken
                continue
            now = summary_of(session, image_set)
            sets.append(
                IngestedSet(
                    name=image_set.name,
                    images=now.images,
                    members=now.members,
                    missing=now.missing,
                )
            )
            for slip, likely in near_tags(tag_tree(session, image_set)):
                notes.append(_slip_note(planned, slip.path, slip.level, likely.name))
    return tuple(sets), notes


def _slip_note(planned: PlannedSet, path: str, level: str, likely: str) -> Problem:
    return Problem(
        path=f"{planned.name}: {path}",
        stage=Stage.RECORD,
        code=Code.SIMILAR_NAME,
        message=f"This {level} is nearly called as {likely!r} is. Did you mean {likely!r}?",
    )
