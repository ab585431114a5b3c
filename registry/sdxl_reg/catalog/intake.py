"""Recording the pictures of one image set, some dozens a transaction.

Each transaction begins by locking the set's row, looks at the rows as they are then, and is
repeated from that look when another process got in its way: two ingests of one folder at once end
with the same rows as one.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from sdxl_reg.catalog.audit import note
from sdxl_reg.catalog.captions import DEFAULT_TEMPLATE, check_template
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.ingest_plan import PlannedPicture, PlannedSet
from sdxl_reg.catalog.ingest_rows import Known, RowWriter, Taken, replaces, wanted_caption
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.references import checked_name
from sdxl_reg.errors import Conflict, OutOfSpace
from sdxl_reg.imaging.layout import Layout
from sdxl_reg.imaging.names import name_key
from sdxl_reg.imaging.problems import Code, Problem, Stage
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Caption, CaptionHead, ImageSet, Member
from sdxl_reg.vocabulary import CaptionSource, MemberState

_T = TypeVar("_T")
_ATTEMPTS = 8


@dataclass(frozen=True, kw_only=True)
class _Remembered:
    """What the rows said of a path when the intake began."""

    member_id: int
    size_bytes: int
    mtime_ns: int
    is_missing: bool
    caption: tuple[str, CaptionSource] | None


class SetIntake:
    """The ingest of one image set.

    Attributes:
        planned: What it holds now.
        warnings: What is worth knowing about what was recorded.
    """

    def __init__(
        self, engine: Engine, planned: PlannedSet, *, layout: Layout, template: str | None
    ) -> None:
        """Look at what is recorded of the set; nothing is changed.

        Raises:
            Conflict: The set came from another folder that is still there.
            UnknownName: The template has a place that is no level.
            InvalidValue: The template or the name cannot be used.
        """
        self.planned = planned
        self.warnings: list[Problem] = []
        self._engine = engine
        self._layout = layout
        self._name = checked_name(planned.name)
        self._paths = {picture.source_path for picture in planned.pictures}
        if template is not None:
            check_template(template, layout.levels)
        with reading(engine) as session:
            self._remembered, self._facts = _look(session, self._name)
        stored = self._facts[2] if self._facts else DEFAULT_TEMPLATE
        self._template = template if template is not None else stored
        if self._facts:
            self._check_source(self._facts[0])

    def known(self, picture: PlannedPicture) -> Known | None:
        """The member a file is, if neither its size nor its time has changed."""
        row = self._remembered.get(picture.source_path)
        file = picture.file
        if row is None or (row.size_bytes, row.mtime_ns) != (file.size_bytes, file.mtime_ns):
            return None
        return Known(
            picture=picture,
            member_id=row.member_id,
            is_missing=row.is_missing,
            caption=row.caption,
        )

    def record(self, batch: Sequence[Taken | Known | Problem]) -> Counter[str]:
        """Record some pictures in one transaction.

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
        if not changed and not taken:
            return counts
        results, warnings = self._in_transaction(lambda s: self._record(s, taken, changed))
        self.warnings += warnings
        return counts + results

    def finish(self) -> Counter[str]:
        """Mark members whose file is gone, and write down that the set was ingested.

        Returns:
            How many went `missing`.
        """
        gone = [
            row.member_id
            for path, row in self._remembered.items()
            if not row.is_missing and path not in self._paths and not self._is_closed(path)
        ]
        if self._facts and not gone and self._facts != self._wanted_facts():
            self._in_transaction(self._locked_set)
        if not gone:
            return Counter()
        return Counter(missing=self._in_transaction(lambda s: self._mark_missing(s, gone)))

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
                        f"another process kept changing image set {self._name!r}",
                        remedy="Wait for it to end and run the same command again",
                    ) from error
                time.sleep(0.05 * attempt)
        raise AssertionError("the loop returns or raises")

    def _record(
        self, session: Session, taken: Sequence[Taken], changed: Sequence[Known]
    ) -> tuple[Counter[str], list[Problem]]:
        image_set = self._locked_set(session)
        writer = RowWriter(session, image_set, layout=self._layout, paths=self._paths)
        writer.write(taken, changed)
        note(session, "image_set.ingested", self._name, **writer.counts)
        return writer.counts, writer.warnings

    def _locked_set(self, session: Session) -> ImageSet:
        """The set's row, brought up to date and locked until the end of the transaction."""
        source, layout, template = self._wanted_facts()
        values = {"source": source, "layout": layout, "caption_template": template}
        key = name_key(self._name)
        locked = session.execute(
            update(ImageSet).where(ImageSet.name_key == key).values(**values).returning(ImageSet.id)
        ).scalar()
        if locked is None:
            session.add(ImageSet(name=self._name, name_key=key, **values))
            session.flush()
        return find_image_set(session, self._name)

    def _wanted_facts(self) -> tuple[str, str, str]:
        return str(self.planned.folder), "/".join(self._layout.levels), self._template

    def _differs(self, known: Known) -> bool:
        """Whether a member with an unchanged file is to be brought up to date all the same."""
        wanted = wanted_caption(known.picture, self._layout, self._template, self._name)
        return known.is_missing or replaces(known.caption, wanted)

    def _mark_missing(self, session: Session, member_ids: Sequence[int]) -> int:
        """Members of the set whose path is still one that is gone."""
        count = 0
        image_set = self._locked_set(session)
        for some in portions(member_ids):
            for member in session.scalars(
                select(Member).where(
                    Member.id.in_(some),
                    Member.image_set_id == image_set.id,
                    Member.state == MemberState.PRESENT,
                )
            ):
                if member.source_path not in self._paths:
                    member.state = MemberState.MISSING
                    count += 1
        note(session, "image_set.ingested", self._name, missing=count)
        return count

    def _is_closed(self, path: str) -> bool:
        return any(path.startswith(f"{folder}/") for folder in self.planned.closed_folders)

    def _check_source(self, source: str) -> None:
        """Refuse to turn a set into that of another folder; follow one that was moved or copied."""
        if source == str(self.planned.folder):
            return
        if Path(source).is_dir() and not self._looks_alike():
            raise Conflict(
                f"image set {self._name!r} was ingested from {source}, which is still there and "
                f"holds other pictures than {self.planned.folder}",
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
        """Whether half of the recorded paths are here again, with files of the same size."""
        sizes = {p.source_path: p.file.size_bytes for p in self.planned.pictures}
        same = sum(sizes.get(path) == row.size_bytes for path, row in self._remembered.items())
        return 2 * same >= len(self._remembered)


def _look(
    session: Session, name: str
) -> tuple[dict[str, _Remembered], tuple[str, str, str] | None]:
    """What is recorded of a set: its members by path; its source, layout and caption template."""
    image_set = session.scalar(select(ImageSet).where(ImageSet.name_key == name_key(name)))
    if image_set is None:
        return {}, None
    rows = session.execute(
        select(
            Member.source_path,
            Member.id,
            Member.source_size,
            Member.source_mtime_ns,
            Member.state,
            Caption.text,
            Caption.source,
        )
        .outerjoin(CaptionHead, CaptionHead.member_id == Member.id)
        .outerjoin(Caption, Caption.id == CaptionHead.caption_id)
        .where(Member.image_set_id == image_set.id)
    )
    remembered = {
        path: _Remembered(
            member_id=member_id,
            size_bytes=size,
            mtime_ns=mtime,
            is_missing=state == MemberState.MISSING,
            caption=(text, CaptionSource(source)) if text is not None else None,
        )
        for path, member_id, size, mtime, state, text, source in rows
    }
    return remembered, (image_set.source, image_set.layout, image_set.caption_template)
