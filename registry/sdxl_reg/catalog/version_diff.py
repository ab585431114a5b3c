"""What differs between two versions: how they were made, of which pictures, on which base."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from sdxl_reg.catalog.artifacts import find_version, version_ref
from sdxl_reg.catalog.dataset_diff import DatasetDiff, diff_versions
from sdxl_reg.catalog.datasets import version_ref as dataset_ref
from sdxl_reg.errors import NotFound
from sdxl_reg.tables import ArtifactVersion, DatasetVersion, LineageEvent, Run
from sdxl_reg.vocabulary import Direction, VersionState

_DATASET = "dataset"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that is not the same.

    Attributes:
        name: What: a setting as `network.rank`, a package, a fact of the version.
        before: As the first has it; None where it has none.
        after: As the second has it.
    """

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class VersionDiff:
    """What differs between two versions.

    Attributes:
        before: The first, as users write it.
        after: The second.
        facts: Kind, trainer, base, dataset, run, epoch, step, loss, bytes.
        settings: Of their trainings, with defaults filled in.
        packages: Of the environments they were made in.
        pictures: What changed of the pictures; None where they are the same, or one has none.
    """

    before: str
    after: str
    facts: tuple[Difference, ...]
    settings: tuple[Difference, ...]
    packages: tuple[Difference, ...]
    pictures: DatasetDiff | None


def diff_references(session: Session, after: str, before: str | None) -> VersionDiff:
    """What differs between two versions, of one artifact or of two.

    Args:
        session: The transaction.
        after: One of them: `weipin-lora@3`.
        before: The other; by default the one before it.

    Raises:
        NotFound: There is no such version, or none before it.
    """
    second = find_version(session, after)
    first = find_version(session, before) if before else _before(session, second)
    return diff_of(session, first, second)


def diff_of(session: Session, before: ArtifactVersion, after: ArtifactVersion) -> VersionDiff:
    """What differs between two versions."""
    one, other = _Making(session, before), _Making(session, after)
    pictures = None
    if one.dataset and other.dataset and one.dataset.id != other.dataset.id:
        pictures = diff_versions(session, one.dataset, other.dataset)
    return VersionDiff(
        before=version_ref(before),
        after=version_ref(after),
        facts=_differences(one.facts, other.facts),
        settings=_differences(one.settings, other.settings),
        packages=_differences(one.packages, other.packages),
        pictures=pictures,
    )


class _Making:
    """How a version was made, as far as it is known."""

    def __init__(self, session: Session, version: ArtifactVersion) -> None:
        run = session.get(Run, version.run_id) if version.run_id is not None else None
        self.dataset = _dataset_of(session, run) if run else None
        self.settings = dict(_flat(run.spec.get("config", {}))) if run else {}
        self.packages: Mapping[str, Any] = run.packages if run else {}
        self.facts = {
            "kind": str(version.artifact.kind),
            "trainer": version.trainer,
            "base": version_ref(version.base) if version.base else None,
            "dataset": dataset_ref(self.dataset) if self.dataset else None,
            "run": run.id if run else None,
            "epoch": version.epoch,
            "step": version.step,
            "loss": version.loss,
            "sha256": version.digest,
            "bytes": sum(file.blob.size_bytes for file in version.files),
        }


def _before(session: Session, version: ArtifactVersion) -> ArtifactVersion:
    earlier = session.scalar(
        select(ArtifactVersion)
        .where(
            ArtifactVersion.artifact_id == version.artifact_id,
            ArtifactVersion.state == VersionState.READY,
            ArtifactVersion.version < version.version,
        )
        .order_by(ArtifactVersion.version.desc())
        .limit(1)
    )
    if earlier is None:
        raise NotFound(
            "version before", version_ref(version), remedy="Name the other one to compare with"
        )
    return earlier


def _dataset_of(session: Session, run: Run) -> DatasetVersion | None:
    query = (
        select(DatasetVersion)
        .join(LineageEvent, LineageEvent.node_id == DatasetVersion.node_id)
        .where(
            LineageEvent.run_id == run.id,
            LineageEvent.direction == Direction.INPUT,
            LineageEvent.slot == _DATASET,
        )
    )
    return session.scalar(query.limit(1))


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Settings in one level: `{"network": {"rank": 4}}` as `network.rank`."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Difference, ...]:
    names = dict.fromkeys([*one, *other])
    return tuple(
        Difference(name=name, before=one.get(name), after=other.get(name))
        for name in names
        if one.get(name) != other.get(name)
    )
