"""Captioning by a model as a use case: which pictures, the job that looks at them, what is kept.

What a model says of a picture is kept by the picture's digest, in a folder named by the captioner,
its weights and its settings: whatever ended a run, the next one goes on where it stopped, and
another template needs no model at all.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from sdxl_reg.captioners.discovery import find_captioner, require_packages
from sdxl_reg.captioners.interface import Captioner, parsed_settings
from sdxl_reg.captioners.weights import folder_of_weights, identity_of_weights
from sdxl_reg.catalog.caption_places import places_of_members
from sdxl_reg.catalog.caption_rows import (
    CaptionReport,
    CaptionTarget,
    Edit,
    NewCaption,
    Selection,
    rewrite,
    targets_of,
)
from sdxl_reg.catalog.captions import check_template, composed_template, filled
from sdxl_reg.catalog.images import find_image_set
from sdxl_reg.catalog.portions import portions
from sdxl_reg.catalog.stored_pictures import files_of
from sdxl_reg.errors import InvalidValue, WorkFailed
from sdxl_reg.jobs.events import Captioned, CellFailed, Event, Failed, read_events
from sdxl_reg.jobs.local import run_job
from sdxl_reg.jobs.lock import alone_in
from sdxl_reg.jobs.spec import CaptionSpec, write_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import reading, transaction
from sdxl_reg.tables import Blob, Image, Member
from sdxl_reg.vocabulary import CaptionSource

DEFAULT_TEMPLATE = "{caption}"
Listener = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class CaptioningRequest:
    """What a user asks of a captioner.

    Attributes:
        image_set: Name of the set.
        captioner: Name of the plugin.
        weights: Folder or hub name; empty: the captioner's own hub name.
        settings: Name → value, as the captioner takes them.
        select: Which members.
        over: Whose captions may be replaced; members without one are always given one.
        template: What is made of `{caption}` and the places that templates of tags have.
        trigger: The word that an adapter is taught with; first, or at `{trigger}`.
        batch_size: Pictures looked at together.
        device: `auto`, `cpu`, `cuda`, …
        may_download: Whether the hub may be asked for the weights.
    """

    image_set: str
    captioner: str
    weights: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    select: Selection = ""
    over: AbstractSet[CaptionSource] = frozenset()
    template: str = DEFAULT_TEMPLATE
    trigger: str = ""
    batch_size: int = 8
    device: str = "auto"
    may_download: bool = False


@dataclass(frozen=True, kw_only=True)
class PlannedCaptions:
    """What captioning is going to do.

    Attributes:
        request: What was asked.
        template: What is made of a caption, the trigger included.
        author: What the captions are signed with: captioner and weights.
        selected: How many members were meant.
        kept: How many of them keep the caption they have.
        images: Member → digest of its picture, for every member that gets a caption.
        known: Digest → what the model said of the picture earlier.
        unusable: Digest → why a picture cannot be looked at: its linked file was changed.
        folder: Where what it says is kept.
        spec: The job, for the pictures of which it said nothing yet.
    """

    request: CaptioningRequest
    template: str
    author: str
    selected: int
    kept: int
    images: Mapping[int, str]
    known: Mapping[str, str]
    unusable: Mapping[str, str]
    folder: Path
    spec: CaptionSpec


@dataclass(frozen=True, kw_only=True)
class ModelCaptions:
    """What captioning came to.

    Attributes:
        report: The captions that were changed.
        reused: How many pictures had been looked at earlier.
        failed: Digest → why a picture could not be looked at.
    """

    report: CaptionReport
    reused: int
    failed: Mapping[str, str]


def plan_captions(
    engine: Engine, store: BlobStore, settings: Settings, request: CaptioningRequest
) -> PlannedCaptions:
    """Decide which pictures a model has to look at; nothing is written and nothing loaded.

    Args:
        engine: The database.
        store: The pictures.
        settings: Where what models said is kept.
        request: What is asked.

    Raises:
        NotFound: No such set, or no such weights on this machine.
        UnknownName: No such captioner, place of the template or level.
        UsageError: A package of the captioner is not installed.
        InvalidSettings: It cannot take these settings.
        InvalidValue: The batch size, the template or the selector is of the wrong form.
        Corrupt: A file of the weights is missing.
    """
    if request.batch_size < 1:
        raise InvalidValue("not a batch size", request.batch_size, remedy="Give 1 or more")
    captioner = find_captioner(request.captioner)
    said = parsed_settings(captioner, dict(request.settings)).model_dump(mode="json")
    require_packages(captioner)
    weights = request.weights or captioner.weights
    weights_path = folder_of_weights(captioner, weights, may_download=request.may_download)
    template = composed_template(request.template, trigger=request.trigger)
    with reading(engine) as session:
        image_set = find_image_set(session, request.image_set)
        check_template(template, image_set.layout.split("/"), also=("caption",))
        background = image_set.background
        batches = list(targets_of(session, image_set, request.select))
        wanted = [t.member_id for batch in batches for t in batch if _may_write(t, request.over)]
        images = _digests(session, wanted)
    identity = identity_of_weights(weights_path)
    folder = settings.cache_path / "captions" / _key(captioner, identity, said, background)
    known = _remembered(folder)
    selected = sum(map(len, batches))
    paths, unusable = files_of(store, [d for d in images.values() if d not in known])
    return PlannedCaptions(
        request=request,
        template=template,
        author=f"{captioner.name} {identity}",
        selected=selected,
        kept=selected - len(wanted),
        images=images,
        known=known,
        unusable=unusable,
        folder=folder,
        spec=CaptionSpec(
            captioner=captioner.name,
            weights_path=weights_path.absolute(),
            settings=said,
            device=request.device,
            batch_size=request.batch_size,
            background=background,
            images=paths,
        ),
    )


def carry_out(engine: Engine, planned: PlannedCaptions, listen: Listener) -> ModelCaptions:
    """Have the model look at the pictures, and record what it says as one change.

    Args:
        engine: The database.
        planned: What `plan_captions` returned.
        listen: Called with every event of the job.

    Raises:
        WorkFailed: The job ended with an error; what it had said is kept for the next time.
        Conflict: Another process has the same captioner at work.
        KeyboardInterrupt: The user interrupted; likewise.
    """
    failed = dict(planned.unusable)
    if planned.spec.images:
        failed |= _look(planned, listen)
    texts = _remembered(planned.folder)
    with transaction(engine) as session:
        report = _record(session, planned, texts)
    reused = len(set(planned.images.values()) & planned.known.keys())
    return ModelCaptions(report=report, reused=reused, failed=failed)


def _look(planned: PlannedCaptions, listen: Listener) -> dict[str, str]:
    """Run the job; what it says stays in the events of its folder."""
    failed: dict[str, str] = {}
    job = planned.folder / "job"
    job.mkdir(parents=True, exist_ok=True)
    with alone_in(planned.folder, patience_s=1.0):
        write_job(planned.spec, job / "job.json")
        for event in run_job(job):
            listen(event)
            if isinstance(event, CellFailed):
                failed[event.key] = event.reason
            elif isinstance(event, Failed):
                raise WorkFailed(
                    f"captioner {planned.spec.captioner!r} failed: {event.message}",
                    remedy="What it said before is kept; run the same command to go on",
                )
    return failed


def _record(session: Session, planned: PlannedCaptions, texts: Mapping[str, str]) -> CaptionReport:
    request = planned.request
    image_set = find_image_set(session, request.image_set)
    edit = Edit(
        verb="captions.described",
        doing=f"{request.captioner} looked at the pictures",
        author=planned.author,
        over=request.over,
        undo={"captioner": planned.spec.captioner, "settings": planned.spec.settings},
    )

    def rewriter(targets: Sequence[CaptionTarget]) -> list[NewCaption]:
        places = places_of_members(session, image_set, targets)
        return [
            NewCaption(
                target=target,
                text=filled(planned.template, places[target.member_id], caption=text),
                source=CaptionSource.MODEL,
            )
            for target in targets
            if (text := texts.get(planned.images[target.member_id]))
        ]

    return rewrite(session, image_set, edit, rewriter, select=list(planned.images))


def _may_write(target: CaptionTarget, over: AbstractSet[CaptionSource]) -> bool:
    return target.source is None or target.source in over


def _digests(session: Session, member_ids: Sequence[int]) -> dict[int, str]:
    query = (
        select(Member.id, Blob.sha256)
        .join(Image, Image.id == Member.image_id)
        .join(Blob, Blob.id == Image.blob_id)
    )
    found: dict[int, str] = {}
    for batch in portions(member_ids):
        rows = session.execute(query.where(Member.id.in_(batch)).order_by(Member.id))
        found |= {row.id: row.sha256 for row in rows}
    return found


def _key(captioner: Captioner, identity: str, said: Mapping[str, Any], background: str) -> str:
    facts = json.dumps([captioner.name, identity, said, background], sort_keys=True)
    return f"{captioner.name}-{hashlib.sha256(facts.encode()).hexdigest()[:16]}"


def _remembered(folder: Path) -> dict[str, str]:
    """What was said by every run so far: digest → caption."""
    return {
        event.key: event.text
        for path in sorted((folder / "job").glob("events*.jsonl"))
        for event in read_events(path)
        if isinstance(event, Captioned)
    }
