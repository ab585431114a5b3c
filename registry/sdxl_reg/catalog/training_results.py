"""What a training hands over while it works, into the registry: versions, previews, samples."""

from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact, scan_files
from sdxl_reg.catalog.blobs import recorded
from sdxl_reg.catalog.runs import find_run
from sdxl_reg.formats.hashes import short_hashes
from sdxl_reg.imaging.names import name_key
from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import EVENTS
from sdxl_reg.store.blobs import BlobStore, StoredBlob
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import Artifact, RunSample
from sdxl_reg.vocabulary import ArtifactKind


class Making(Protocol):
    """What has to be known of a training to keep what it makes."""

    @property
    def run_id(self) -> int:
        """Its number."""

    @property
    def artifact(self) -> str:
        """Name of what it makes."""

    @property
    def kind(self) -> ArtifactKind:
        """Of what it makes."""

    @property
    def trainer(self) -> str:
        """The plugin that applies it."""

    @property
    def base_version_id(self) -> int:
        """Row of the base."""


class Keeper:
    """Keeps what a training makes, each piece in a transaction of its own, and once.

    Args:
        engine: The database.
        store: Receives the bytes.
        making: The training.
    """

    def __init__(self, engine: Engine, store: BlobStore, making: Making) -> None:
        self._engine = engine
        self._store = store
        self._making = making

    def heard(self, event: events.Event) -> list[int]:
        """Keep what an event is about.

        Returns:
            The id of the version, when it is about one.
        """
        if isinstance(event, events.Version):
            return [self._version(event)]
        if isinstance(event, events.Sample):
            self._sample(event)
        return []

    def what_was_left(self, folder: Path) -> list[int]:
        """Keep what an earlier attempt had finished and nobody had recorded.

        Args:
            folder: Of the job, in which nobody is at work.

        Returns:
            Ids of the versions.
        """
        said = [event for path in _event_files(folder) for event in events.read_events(path)]
        left = [
            event
            for event in said
            if isinstance(event, events.Version | events.Sample) and event.path.is_file()
        ]
        return [version for event in left for version in self.heard(event)]

    def _version(self, event: events.Version) -> int:
        stored = self._store.put_file(event.path)
        preview = self._store.put_file(event.preview_path) if event.preview_path else None
        details = event.details | ({"preview": preview.sha256} if preview else {})
        new = NewVersion(
            files={event.path.name: stored},
            run_id=self._making.run_id,
            base_version_id=self._making.base_version_id,
            trainer=self._making.trainer,
            epoch=event.epoch,
            step=event.step,
            loss=event.loss,
            hashes=short_hashes(event.path, stored.sha256),
            details=details,
        )
        with transaction(self._engine) as session:
            version = add_version(session, _artifact_for(session, self._making), new)
            version_id = scan_files(session, self._store, version).id
            if preview:
                recorded(session, preview)
        for path in (event.path, event.preview_path):
            if path is not None:
                path.unlink(missing_ok=True)
        return version_id

    def _sample(self, event: events.Sample) -> None:
        stored = self._store.put_file(event.path)
        with transaction(self._engine) as session:
            _record_sample(session, self._making.run_id, event, stored)
        event.path.unlink(missing_ok=True)


def _artifact_for(session: Session, making: Making) -> Artifact:
    """What a training adds its versions to; the first makes it.

    Its name was free for it when it was planned. Where another project or kind has taken the name
    since, the number of the run is added to it: nothing that was trained is lost, and nothing goes
    where nobody allowed it to.
    """
    run = find_run(session, making.run_id)
    query = select(Artifact).where(Artifact.name_key == name_key(making.artifact))
    found, name = session.scalar(query), making.artifact
    if found is not None and found.created_at > run.created_at:
        is_ours = (found.project, found.kind) == (run.project, making.kind)
        name = name if is_ours else f"{name}-{run.id}"
    return ensure_artifact(session, name, making.kind, project=run.project)


def _record_sample(session: Session, run_id: int, event: events.Sample, stored: StoredBlob) -> None:
    """A picture of a step; one that was drawn again takes the place of the first."""
    session.execute(
        delete(RunSample).where(
            RunSample.run_id == run_id,
            RunSample.step == event.step,
            RunSample.prompt == event.prompt,
        )
    )
    blob_id = recorded(session, stored).id
    session.add(RunSample(run_id=run_id, step=event.step, prompt=event.prompt, blob_id=blob_id))


def _event_files(folder: Path) -> list[Path]:
    """All that earlier attempts said, oldest first."""
    aside = sorted(folder.glob("events.*.jsonl"), key=lambda path: int(path.name.split(".")[1]))
    return [*aside, folder / EVENTS]
