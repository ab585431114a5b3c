"""Recording the pictures of one image set, some dozens a transaction.

Each transaction begins by locking the set's row, looks at the rows as they are then, and is
repeated from that look when another process got in its way: two ingests of one folder at once end
with the same rows as one.
"""

import hashlib
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from sdxl_reg.catalog.access.writing import require_writable_set, require_writer
from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.captions import DEFAULT_TEMPLATE, check_template
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest_images import Taken
from sdxl_reg.catalog.ingest_plan import (
    IngestOptions,
    IngestPlan,
    PlannedFolder,
    PlannedPicture,
    PlannedSet,
)
from sdxl_reg.catalog.ingest_rows import Known, RowWriter, replaces, wanted_caption
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.references import checked_name, checked_project
from sdxl_reg.catalog.set_memory import (
    FolderDone,
    SetFacts,
    is_as_it_was,
    recorded_members,
    recorded_set,
    size_of,
)
from sdxl_reg.catalog.totals import refresh_totals
from sdxl_reg.errors import Conflict, OutOfSpace
from sdxl_reg.imaging.decode import readable_formats
from sdxl_reg.imaging.names import as_path, name_key, shown
from sdxl_reg.imaging.problems import Code, Problem, Stage
from sdxl_reg.imaging.scan import contents_of
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import FolderScan, ImageSet, Member
from sdxl_reg.vocabulary import MemberState

_T = TypeVar("_T")
_ATTEMPTS = 8
_READ_AS = 1  # to be raised when pictures are to be judged in another way
_SAMPLE = 200  # members by which a moved set is recognised
SENT_FROM = "sent://"
"""How the source of a set begins that was sent here: what is still there, nobody here can see."""


class SetIntake:
    """The ingest of one image set.

    Attributes:
        planned: What it holds now.
        is_linked: Whether its files are pointed at and not copied.
        warnings: What is worth knowing about what was recorded.
    """

    def __init__(
        self,
        engine: Engine,
        store: BlobStore,
        plan: IngestPlan,
        planned: PlannedSet,
        options: IngestOptions,
    ) -> None:
        """Look at what is recorded of the set; nothing is changed.

        Raises:
            Conflict: The set came from another folder that is still there, or is of a project
                that who asks does not see.
            NotAllowed: They may not write to it.
            UnknownName: The template has a place that is no level.
            InvalidValue: The template or the name cannot be used.
        """
        self.planned = planned
        self.warnings: list[Problem] = []
        self._engine = engine
        self._store = store
        self._plan = plan
        self._options = options
        self._layout = plan.layout
        self._name = checked_name(planned.name)
        self._folders = {folder.source_path: folder for folder in planned.folders}
        self._names: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._gone: list[int] = []
        template = options.caption
        if template is not None:
            check_template(template, plan.layout.levels)
        with reading(engine) as session:
            require_writable_set(session, self._name)
            self._set_id, self._facts, self._scans = recorded_set(session, self._name)
        stored = self._facts.template if self._facts else DEFAULT_TEMPLATE
        self._template = template if template is not None else stored
        was_linked = self._facts.is_linked if self._facts else False
        self.is_linked = was_linked if options.link is None else options.link
        self._salt = self._how_it_is_read()
        if self._facts:
            self._check_source(self._facts.source)

    @property
    def is_new(self) -> bool:
        """Whether the registry has no set of that name yet."""
        return self._facts is None

    @property
    def never_judged(self) -> int | None:
        """The set's row, where a release recorded it that did not judge pictures."""
        return self._set_id if self._facts is not None and not self._scans else None

    def passed_over(self, planned: PlannedFolder) -> dict[str, Any] | None:
        """What to tell of a folder in which nothing has changed; none where it has to be read."""
        scan = self._scans.get(planned.source_path)
        if self._options.rehash == "all" or scan is None:
            return None
        return scan[1] if scan[0] == self._fingerprint(planned) else None

    def known_in(
        self, planned: PlannedFolder, pictures: Sequence[PlannedPicture]
    ) -> dict[str, Known]:
        """The members that unchanged files of a folder are: of the same size, time and inode.

        Args:
            planned: The folder.
            pictures: All that lie in it now.
        """
        if self._set_id is None:
            return {}
        with reading(self._engine) as session:
            rows = recorded_members(session, self._set_id, planned.source_path)
        here = {picture.source_path: picture for picture in pictures}
        self._gone += [
            row.member_id
            for path, row in rows.items()
            if path not in here and not row.is_missing and planned.folder.problem is None
        ]
        if self._options.rehash == "all":
            return {}
        return {
            path: Known(
                picture=here[path],
                member_id=row.member_id,
                is_missing=row.is_missing,
                caption=row.caption,
            )
            for path, row in rows.items()
            if path in here and is_as_it_was(row, here[path])
        }

    def record(
        self, batch: Sequence[Taken | Known | Problem], folders: Sequence[FolderDone]
    ) -> Counter[str]:
        """Record some pictures in one transaction, and the folders that end with them.

        Returns:
            How many were `new`, `unchanged`, `duplicate`, `moved`, `failed`.

        Raises:
            OutOfSpace: The disk is full; this batch is not recorded.
        """
        counts = Counter(failed=sum(isinstance(item, Problem) for item in batch))
        known = [item for item in batch if isinstance(item, Known)]
        counts["unchanged"] += len(known)
        changed = [item for item in known if self._differs(item)]
        taken = [item for item in batch if isinstance(item, Taken)]
        if changed or taken or (folders and self._set_id is not None):
            results, warnings = self._in_transaction(
                lambda session: self._record(session, taken, changed, folders)
            )
            self.warnings += warnings
            counts += results
        return counts

    def finish(self) -> Counter[str]:
        """Mark members whose file is gone, and count the set anew.

        Returns:
            How many went `missing`.
        """
        if self._set_id is None:
            return Counter()
        with reading(self._engine) as session:
            was_counted = find_image_set(session, self._name).totals is not None
            gone = [*self._gone, *self._in_lost_folders(session)]
        if was_counted and not gone and self._facts == self._wanted_facts():
            return Counter()
        return Counter(missing=self._in_transaction(lambda s: self._finish(s, gone)))

    def is_unread(self, source_path: str) -> bool:
        """Whether a file of the set is there where the folder lies, and could not be read."""
        copied = self._plan.copied
        return copied is not None and self._name_in_root(source_path) in copied.unread

    def _in_transaction(self, work: Callable[[Session], _T]) -> _T:
        """Do work in a transaction; again when another process was in the way."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with transaction(self._engine) as session:
                    return work(session)
            except (IntegrityError, OperationalError) as error:
                if "disk is full" in str(error.orig) or "No space left" in str(error.orig):
                    raise OutOfSpace(self._engine.url.database or "the database") from error
                if attempt == _ATTEMPTS:
                    raise Conflict(
                        f"image set {self._name!r} could not be written: {error.orig}",
                        remedy="Wait for others who work on it to end, and give the same command "
                        "again",
                    ) from error
                time.sleep(0.05 * attempt)
        raise AssertionError("the loop returns or raises")

    def _record(
        self,
        session: Session,
        taken: Sequence[Taken],
        changed: Sequence[Known],
        folders: Sequence[FolderDone],
    ) -> tuple[Counter[str], list[Problem]]:
        image_set = self._locked_set(session)
        self._set_id = image_set.id
        writer = RowWriter(
            session, self._store, image_set, layout=self._layout, is_there=self._is_there
        )
        if taken or changed:
            writer.write(taken, changed)
            image_set.totals = None
            note(session, "image_set.ingested", self._name, **writer.counts)
        for done in folders:
            facts, fingerprint = done.facts, self._fingerprint(done.planned)
            session.merge(
                FolderScan(
                    image_set_id=image_set.id,
                    path=done.planned.source_path,
                    fingerprint=fingerprint if facts is not None else "",
                    facts=facts or {},
                )
            )
        return writer.counts, writer.warnings

    def _locked_set(self, session: Session) -> ImageSet:
        """The set's row, brought up to date and locked until the end of the transaction."""
        wanted = self._wanted_facts()
        values = {
            "source": wanted.source,
            "layout": wanted.layout,
            "caption_template": wanted.template,
            "is_linked": wanted.is_linked,
        }
        key = name_key(self._name)
        locked = session.execute(
            update(ImageSet).where(ImageSet.name_key == key).values(**values).returning(ImageSet.id)
        ).scalar()
        if locked is None:
            project = checked_project(self._options.project)
            require_writer(project)
            session.add(ImageSet(name=self._name, name_key=key, project=project, **values))
            session.flush()
        require_writable_set(session, self._name)
        return find_image_set(session, self._name)

    def _wanted_facts(self) -> SetFacts:
        return SetFacts(
            source=self._source(),
            layout="/".join(self._layout.levels),
            template=self._template,
            is_linked=self.is_linked,
        )

    def _source(self) -> str:
        """Where the set's folder lies, as it is recorded."""
        origin = self._options.origin
        if origin is None:
            return shown(str(self.planned.path))
        below = shown(self.planned.path.relative_to(self._plan.root).as_posix())
        return origin if below == "." else f"{origin}/{below}"

    def _how_it_is_read(self) -> str:
        """All that decides what an ingest makes of the same files."""
        limits = self._options.limits
        return repr(
            (
                _READ_AS,
                self._wanted_facts(),
                self._layout.required,
                (limits.max_pixels, limits.max_bytes),
                readable_formats(),
            )
        )

    def _fingerprint(self, planned: PlannedFolder) -> str:
        text = f"{self._salt} {planned.tags} {planned.folder.fingerprint}"
        return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()

    def _differs(self, known: Known) -> bool:
        """Whether a member with an unchanged file is to be brought up to date all the same."""
        wanted = wanted_caption(known.picture, self._layout, self._template, self._name)
        return known.is_missing or replaces(known.caption, wanted)

    def _is_there(self, folder: str, source_path: str) -> bool:
        """Whether a picture lies at a path of the set; yes where nobody could look."""
        if self.is_unread(source_path):
            return True
        planned = self._folders.get(folder)
        if planned is None:
            return self._is_closed(folder)
        if planned.folder.problem is not None:
            return True
        if folder not in self._names:
            self._names[folder] = self._listed(planned)
            while len(self._names) > 32:
                self._names.popitem(last=False)
        return source_path.rpartition("/")[2] in self._names[folder]

    def _listed(self, planned: PlannedFolder) -> frozenset[str]:
        try:
            found = contents_of(self._plan.root, planned.folder)
        except OSError:
            return frozenset()
        return frozenset(picture.name.rpartition("/")[2] for picture in found.pictures)

    def _in_lost_folders(self, session: Session) -> list[int]:
        """Present members in folders that are not there any more."""
        of_set = Member.image_set_id == self._set_id
        folders = session.scalars(select(Member.folder).where(of_set).distinct())
        lost = [name for name in folders if name not in self._folders and not self._is_closed(name)]
        present = select(Member.id).where(of_set, Member.state == MemberState.PRESENT)
        return [
            member
            for some in portions(lost)
            for member in session.scalars(present.where(Member.folder.in_(some)))
        ]

    def _finish(self, session: Session, gone: Sequence[int]) -> int:
        """Mark what is gone as missing, unless its path is another by now; count everything."""
        image_set = self._locked_set(session)
        count = 0
        for some in portions(gone):
            for member in session.scalars(
                select(Member).where(Member.id.in_(some), Member.state == MemberState.PRESENT)
            ):
                if not self._is_there(member.folder, member.source_path):
                    member.state = MemberState.MISSING
                    count += 1
        if count:
            note(session, "image_set.ingested", self._name, missing=count)
        refresh_totals(session, image_set)
        return count

    def _is_closed(self, path: str) -> bool:
        return any(
            folder == "" or path == folder or path.startswith(f"{folder}/")
            for folder in self._plan.closed(self.planned)
        )

    def _check_source(self, source: str) -> None:
        """Refuse to turn a set into that of another folder; follow one that was moved or copied."""
        here = self._source()
        if source == here:
            return
        may_be_there = source.startswith(SENT_FROM) or as_path(source).is_dir()
        if may_be_there and not self._looks_alike():
            is_sent = source.startswith(SENT_FROM)
            came = "sent from" if is_sent else "ingested from"
            there = "and" if is_sent else "which is still there and"
            raise Conflict(
                f"image set {self._name!r} was {came} {source}, {there} "
                f"holds other pictures than {here}",
                remedy="Give this one another name: --as NAME",
            )
        self.warnings.append(
            Problem(
                path=self._name,
                stage=Stage.RECORD,
                code=Code.MOVED_SET,
                message=f"The image set was last read from {source}; from now on it is this folder",
            )
        )

    def _looks_alike(self) -> bool:
        """Whether half of some recorded paths are here again, with files of the same size."""
        with reading(self._engine) as session:
            rows = session.execute(
                select(Member.source_path, Member.source_size)
                .where(Member.image_set_id == self._set_id)
                .order_by(Member.id)
                .limit(_SAMPLE)
            ).all()
        same = sum(self._size_here(path) == size for path, size in rows)
        return 2 * same >= len(rows)

    def _size_here(self, source_path: str) -> int:
        copied = self._plan.copied
        if copied is None:
            return size_of(self.planned.path / as_path(source_path))
        facts = copied.files.get(self._name_in_root(source_path))
        return facts.size_bytes if facts is not None else -1

    def _name_in_root(self, source_path: str) -> str:
        path = self.planned.path / as_path(source_path)
        return shown(path.relative_to(self._plan.root).as_posix())
