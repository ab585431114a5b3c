"""Ingest: a folder of pictures becomes image sets, and can be read again at any time.

The folder is surveyed, then read folder by folder; one in which nothing has changed is passed over.
Each file is read once, and in the same go catalogued (digest, header, EXIF) and judged by a preview
(thumbnail, perceptual hash, quality) by several threads, while this one records.

A file that cannot be taken stops nothing: it is counted and reported. Bytes are durable before the
transaction that makes them visible; transactions hold some dozens of pictures each, so that after
a kill at any point everything recorded is whole and the same command goes on from there.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from os import cpu_count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from sdxl_reg.catalog.derive import derive_pending, keep_thumbnail
from sdxl_reg.catalog.ingest_folders import FolderReading, read_folder, read_other
from sdxl_reg.catalog.ingest_images import Taken
from sdxl_reg.catalog.ingest_plan import (
    IngestOptions,
    IngestPlan,
    PlannedFolder,
    PlannedPicture,
    plan_ingest,
)
from sdxl_reg.catalog.ingest_report import IngestedSet, IngestReport, outcome
from sdxl_reg.catalog.ingest_rows import Known
from sdxl_reg.catalog.intake import SetIntake
from sdxl_reg.catalog.set_memory import FolderDone, folder_facts
from sdxl_reg.errors import OutOfSpace
from sdxl_reg.imaging.copies import CopiedFolder
from sdxl_reg.imaging.decode import read_bytes, read_settled
from sdxl_reg.imaging.examine import examine
from sdxl_reg.imaging.problems import Code, Problem, Stage, Unreadable, from_document
from sdxl_reg.imaging.sidecars import SidecarReader
from sdxl_reg.store.blobs import BlobStore

__all__ = ["IngestOptions", "IngestReport", "IngestedSet", "ingest"]

Progress = Callable[[int, int, str], None]
_FIRST, _BATCH = 8, 64  # pictures a transaction: few at first, so that something is there soon
_FOLDERS = 256  # folders a transaction, where nothing in them is to be recorded


def ingest(
    engine: Engine,
    store: BlobStore,
    root: Path,
    *,
    options: IngestOptions | None = None,
    thumbnails: Path | None = None,
    progress: Progress = lambda _done, _total, _what: None,
    announce: Callable[[IngestPlan, frozenset[str]], None] = lambda _plan, _new: None,
    copied: CopiedFolder | None = None,
) -> IngestReport:
    """Record the pictures of a folder; the folder is only read.

    Args:
        engine: The database.
        store: Receives the bytes.
        root: The folder.
        options: How to read it; by default the layout rule decides.
        thumbnails: Folder that receives a small picture of each; none for no such pictures.
        progress: Told (done, total, what) after each picture or folder.
        announce: Told what was decided about the folders before anything is done, and which
            sets are new; it may raise to stop the ingest.
        copied: What the folder is a copy of, if so: a copy of ours, on the file system of the
            store, of which no file is ever written to.

    Returns:
        What was found and done.

    Raises:
        NotFound: No such folder.
        InvalidValue: It is a file, holds no picture, or an option is of the wrong form.
        UnknownName: The caption template has a place that is no level.
        Conflict: A set of that name came from another folder that is still there.
        NotAllowed: Who asks may not write to a set of that name.
        OutOfSpace: The disk is full; what was recorded before is kept.
    """
    options = options or IngestOptions()
    plan = plan_ingest(root, options, copied)
    intakes = [SetIntake(engine, store, plan, planned, options) for planned in plan.sets]
    announce(plan, frozenset(intake.planned.name for intake in intakes if intake.is_new))
    tally = _Tally(total=plan.total, progress=progress)
    for folder, reason in plan.others:
        tally.add(read_other(plan, folder, reason))
    for problem in plan.problems:
        tally.skipped.append(problem)
    with _workers(options) as pool:
        for intake in intakes:
            work = _SetWork(intake, plan, store, options, thumbnails, pool)
            for items, folders in _batches(work.items(tally)):
                counts = intake.record(items, folders)
                if counts["new"] or counts["duplicate"]:
                    tally.changed.add(intake.planned.name)
                tally.counts += counts
                tally.failed += [item for item in items if isinstance(item, Problem)]
                tally.step(len(items))
            if intake.never_judged is not None:
                tally.warnings += derive_pending(
                    engine,
                    store,
                    intake.never_judged,
                    thumbnails=thumbnails,
                    pool=pool,
                    progress=progress,
                )
            tally.counts += intake.finish()
            tally.warnings += intake.warnings
    sets, notes = outcome(engine, plan, tally.changed)
    return tally.report(plan, sets, notes)


@dataclass(kw_only=True)
class _Tally:
    """What an ingest has come to so far."""

    total: int
    progress: Progress
    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    captions: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    changed: set[str] = field(default_factory=set)
    skipped: list[Problem] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def step(self, pictures: int) -> None:
        """Some pictures are done."""
        if pictures:
            self.done += pictures
            self.progress(min(self.done, self.total), self.total, "reading pictures")

    def report(
        self, plan: IngestPlan, sets: tuple[IngestedSet, ...], notes: Sequence[Problem]
    ) -> IngestReport:
        """All of it.

        Args:
            plan: What was to be done.
            sets: The sets as they are now.
            notes: What is odd in them.
        """
        counts = self.counts
        files = sum(counts[name] for name in ("new", "unchanged", "duplicate", "failed"))
        return IngestReport(
            layout=plan.layout.sentence(),
            image_sets=sets,
            seen=files + len(self.skipped),
            new=counts["new"],
            unchanged=counts["unchanged"],
            duplicates=counts["duplicate"],
            skipped=len(self.skipped),
            failed=counts["failed"],
            moved=counts["moved"],
            missing=counts["missing"],
            captions=self.captions,
            ignored=dict(sorted(self.ignored.items())),
            problems=tuple(self.skipped + self.failed),
            warnings=(*self.warnings, *notes),
        )

    def add(self, found: FolderReading) -> None:
        """A folder was read."""
        self.captions += found.captions
        self.ignored += found.ignored
        self.skipped += found.skipped
        self.warnings += found.warnings

    def add_unchanged(self, facts: dict[str, Any]) -> None:
        """A folder is as it was: what was told of it then is told again."""
        self.captions += facts["captions"]
        self.ignored.update(facts["ignored"])
        self.counts.update(unchanged=facts["pictures"], failed=facts["failed"])
        told = [from_document(document) for document in facts["problems"]]
        self.skipped += told[: facts["skipped"]]
        self.failed += told[facts["skipped"] :]
        self.warnings += [from_document(document) for document in facts["warnings"]]
        self.step(facts["pictures"] + facts["failed"])


_Item = Taken | Known | Problem | FolderDone


@dataclass(frozen=True)
class _SetWork:
    """The pictures of one set, on their way from the disk to the database."""

    intake: SetIntake
    plan: IngestPlan
    store: BlobStore
    options: IngestOptions
    thumbnails: Path | None
    pool: ThreadPoolExecutor

    def items(self, tally: _Tally) -> Iterator[_Item]:
        """What became of each picture, and the folders after the last of theirs, in order.

        Only some pictures are decoded ahead, to bound memory.
        """
        window: deque[Callable[[], _Item]] = deque()
        reader = SidecarReader()
        ahead = _BATCH + 4 * _threads(self.options)  # while one batch is recorded, the next is read
        for planned in self.intake.planned.folders:
            facts = self.intake.passed_over(planned)
            if facts is not None:
                tally.add_unchanged(facts)
                continue
            found = read_folder(self.plan, planned, reader)
            tally.add(found)
            for item in self._started(planned, found):
                window.append(item)
                while len(window) > ahead:
                    yield window.popleft()()
        while window:
            yield window.popleft()()

    def _started(
        self, planned: PlannedFolder, found: FolderReading
    ) -> Iterator[Callable[[], _Item]]:
        """What will tell of each picture of a folder, and at last of the folder itself."""
        known = self.intake.known_in(planned, found.pictures)
        failed: list[Problem] = []
        for picture in found.pictures:
            if member := known.get(picture.source_path):
                yield partial(_given, member)
            else:
                yield partial(_waited_for, self.pool.submit(self._take, picture), failed)
        yield partial(_ended, planned, found, failed)

    def _take(self, picture: PlannedPicture) -> Taken | Problem:
        """Read, judge and store one picture; in a thread, without the database."""
        is_ours = self.plan.copied is not None
        try:
            read = read_settled if is_ours else read_bytes
            data = read(picture.file.path, self.options.limits)
            facts = examine(data, self.options.limits)
        except Unreadable as fault:
            return fault.at(picture.file.name)
        except MemoryError:
            message = "There is not enough memory to decode it"
            return Unreadable(Stage.DECODE, Code.TOO_LARGE, message).at(picture.file.name)
        path = picture.file.path
        if is_ours:
            stored = self.store.put_settled(path, sha256(data).hexdigest())
        elif self.intake.is_linked:
            stored = self.store.put_link(path, data)
        else:
            stored = self.store.put_copy(path, data)
        keep_thumbnail(self.thumbnails, stored.sha256, facts)
        return Taken(picture=picture, facts=facts, stored=stored)


def _given(member: Known) -> Known:
    return member


def _waited_for(future: "Future[Taken | Problem]", failed: list[Problem]) -> Taken | Problem:
    result = future.result()
    if isinstance(result, Problem):
        failed.append(result)
    return result


def _ended(planned: PlannedFolder, found: FolderReading, failed: Sequence[Problem]) -> FolderDone:
    return FolderDone(planned=planned, facts=folder_facts(found, failed))


def _threads(options: IngestOptions) -> int:
    """Twice the processors by default: while some threads decode, others wait for the disk."""
    return options.threads or 2 * (cpu_count() or 1)


@contextmanager
def _workers(options: IngestOptions) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(_threads(options), thread_name_prefix="ingest")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt does not wait for what is queued


_Batch = tuple[list[Taken | Known | Problem], list[FolderDone]]


def _batches(items: Iterator[_Item]) -> Iterator[_Batch]:
    """Items for one transaction each, with the folders that end among them."""
    batch: _Batch = ([], [])
    full = _FIRST
    try:
        for item in items:
            if isinstance(item, FolderDone):
                batch[1].append(item)
            else:
                batch[0].append(item)
            if len(batch[0]) == full or len(batch[1]) == _FOLDERS:
                yield batch
                batch = ([], [])
                full = min(2 * full, _BATCH)
    except OutOfSpace:  # what has its bytes in the store is still recorded
        if any(batch):
            yield batch
        raise
    if any(batch):
        yield batch
