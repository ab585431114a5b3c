"""Generations as a use case: pictures asked for by prompt become images with all that made them."""

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, selectinload

from sdxl_reg.catalog.artifacts import find_version
from sdxl_reg.catalog.drawing import bases_in, digests_of, draw_spec, versions_in
from sdxl_reg.catalog.lineage import new_node, record_input, record_output
from sdxl_reg.catalog.list_filters import GENERATION_FIELDS, filtered
from sdxl_reg.catalog.origins import recorded_image
from sdxl_reg.catalog.paging import Page, Slice, page_of
from sdxl_reg.catalog.picture_requests import (
    PictureRequest,
    Prompt,
    checked,
    common_picture,
    read_prompt,
    shared_base,
)
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import AT_WORK, find_run, follow, mark_lost, new_run, requeue
from sdxl_reg.errors import Conflict, InvalidValue, NotFound
from sdxl_reg.evaluation.batches import batch_size as usual_batch
from sdxl_reg.imaging.decode import Limits
from sdxl_reg.imaging.examine import examine
from sdxl_reg.jobs import events
from sdxl_reg.jobs.local import Starter, fresh_process, run_job
from sdxl_reg.jobs.pictures import LARGEST_SEED, PictureSpec, picture_key
from sdxl_reg.jobs.spec import CellSpec, write_job
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import GeneratedPicture, Generation, Image
from sdxl_reg.vocabulary import NodeKind, RunKind

Listener = Callable[[events.Event], None]
MOST_PICTURES = 1000
TITLE_CHARACTERS = 60
_WITH_PICTURES = (
    selectinload(Generation.pictures).joinedload(GeneratedPicture.image).joinedload(Image.blob)
)


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """What a user asks for.

    Attributes:
        prompts: With tags and names of embeddings, see `picture_requests.read_prompt`; or read.
        seeds: Of the noise; every prompt is drawn from each.
        picture: How the pictures are drawn.
        batch_size: Pictures drawn at once; None: what fits.
        project: Whose the pictures are.
    """

    prompts: Sequence[str | Prompt]
    seeds: Sequence[int]
    picture: PictureRequest = field(default_factory=PictureRequest)
    batch_size: int | None = None
    project: str = MAIN


@dataclass(frozen=True, kw_only=True)
class PlannedGeneration:
    """A generation that is recorded and can be carried out.

    Attributes:
        generation_id: Its number.
        run_id: The run that makes it.
        pictures: What is asked for, in order.
        job: What the process is told.
    """

    generation_id: int
    run_id: int
    pictures: Sequence[PictureSpec]
    job: Path


def find_generation(session: Session, generation_id: int) -> Generation:
    """The generation of a number.

    Raises:
        NotFound: There is none.
    """
    found = session.get(Generation, generation_id, options=[_WITH_PICTURES])
    if found is None:
        raise NotFound("generation", str(generation_id), remedy="See: sdxl-reg generations")
    return found


def generations(session: Session) -> Sequence[Generation]:
    """Every generation, newest first."""
    return session.scalars(select(Generation).order_by(Generation.id.desc())).all()


def generations_page(session: Session, part: Slice) -> Page[Generation]:
    """Some of the generations, newest first.

    Args:
        session: The transaction.
        part: Which page; its filter knows `GENERATION_FIELDS`.

    Raises:
        InvalidValue: The cursor or the filter is none of ours.
        UnknownName: The filter asks for another field.
    """
    query = select(Generation).options(_WITH_PICTURES)
    query = query.where(filtered(part.filter, GENERATION_FIELDS, name="prompt"))
    return page_of(session, query, Generation.id, part, newest_first=True)


def plan_generation(
    engine: Engine, store: BlobStore, settings: Settings, request: GenerationRequest
) -> PlannedGeneration:
    """Check everything and record the generation with its run and inputs.

    Raises:
        NotFound: No such adapter, base or file; near names are given.
        InvalidSettings: With every setting that is out of its range.
        InvalidValue: A tag, a seed or the number of pictures is out of range.
    """
    with transaction(engine) as session:
        pictures, names = _pictures(session, store, request)
        refs = [*bases_in(pictures), *versions_in(pictures)]
        digests = digests_of(session, refs)
        keys = [picture_key(picture, digests) for picture in pictures]
        size = request.batch_size or usual_batch(
            len(set(keys)), width=pictures[0].width, height=pictures[0].height
        )
        generation = _recorded(
            session, pictures, keys, batch_size=size, names=names, project=request.project
        )
        return _prepared(session, store, settings, generation)


def resume_generation(
    engine: Engine, store: BlobStore, settings: Settings, generation_id: int
) -> PlannedGeneration:
    """A generation to be gone on with: what is drawn stays.

    Raises:
        NotFound: There is none of that number.
        Conflict: It is being drawn at this moment, or complete.
    """
    with transaction(engine) as session:
        generation = find_generation(session, generation_id)
        mark_lost(session)
        run = find_run(session, generation.run_id)
        if run.state in AT_WORK:
            raise Conflict(
                f"generation {generation_id} is being drawn",
                remedy=f"See: sdxl-reg run show {generation.run_id}",
            )
        if all(picture.image_id for picture in generation.pictures):
            raise Conflict(f"generation {generation_id} is complete", remedy="Nothing is left")
        requeue(session, run)
        return _prepared(session, store, settings, generation)


def carry_out_generation(
    engine: Engine,
    store: BlobStore,
    planned: PlannedGeneration,
    listen: Listener,
    *,
    stop: threading.Event | None = None,
    start: Starter = fresh_process,
) -> None:
    """Draw what a generation lacks; every picture is kept as it is finished.

    Args:
        engine: The database.
        store: Receives the pictures.
        planned: What `plan_generation` or `resume_generation` returned.
        listen: Called with every event of the job.
        stop: Set by another thread, it interrupts as a user would.
        start: Starts the process of the job.

    Raises:
        RunFailed: The job failed; the pictures finished before stay.
        KeyboardInterrupt: The user interrupted; likewise.
    """

    def handle(event: events.Event) -> None:
        if isinstance(event, events.Cell):
            _keep(engine, store, planned.generation_id, event)
        elif isinstance(event, events.CellFailed):
            _keep_failure(engine, planned.generation_id, event)
        elif isinstance(event, events.Finished):
            _complete(engine, planned)
        listen(event)

    follow(engine, planned.run_id, run_job(planned.job.parent, stop=stop, start=start), handle)
    shutil.rmtree(planned.job.parent / "files", ignore_errors=True)  # they are in the store now


def _pictures(
    session: Session, store: BlobStore, request: GenerationRequest
) -> tuple[list[PictureSpec], dict[str, str]]:
    _require_numbers(request)
    prompts = [
        said if isinstance(said, Prompt) else read_prompt(session, said) for said in request.prompts
    ]
    refs = [use.ref for prompt in prompts for use in prompt.adapters]
    base = shared_base(session, store, request.picture, refs)
    common = common_picture(session, store, request.picture, base)
    fields = {name: getattr(common.picture, name) for name in PictureSpec.model_fields}
    pictures = [
        checked({**fields, "prompt": prompt.text, "adapters": prompt.adapters, "seed": seed})
        for prompt in prompts
        for seed in request.seeds
    ]
    return pictures, dict(common.names)


def _require_numbers(request: GenerationRequest) -> None:
    count = len(request.prompts) * len(request.seeds)
    if not 0 < count <= MOST_PICTURES:
        raise InvalidValue(
            "number of pictures", count, remedy=f"Ask for 1 to {MOST_PICTURES} at a time"
        )
    for seed in request.seeds:
        if not 0 <= seed <= LARGEST_SEED:
            raise InvalidValue("seed", seed, remedy="Give whole numbers from 0")


def _recorded(
    session: Session,
    pictures: Sequence[PictureSpec],
    keys: Sequence[str],
    *,
    batch_size: int,
    names: dict[str, str],
    project: str,
) -> Generation:
    prompt = pictures[0].prompt
    shown = prompt if len(prompt) <= TITLE_CHARACTERS else prompt[: TITLE_CHARACTERS - 1] + "…"
    documents = [picture.as_document() for picture in pictures]
    spec = {"pictures": documents[:1], "count": len(pictures), "names": names}
    run = new_run(
        session,
        RunKind.GENERATE,
        f"generate {len(pictures)} of: {shown}",
        spec,
        project=project,
    )
    for slot, refs in (("base", bases_in(pictures)), ("version", versions_in(pictures))):
        for ref in refs:
            record_input(session, run.id, find_version(session, ref).node_id, slot)
    generation = Generation(
        node_id=new_node(session, NodeKind.GENERATION, project).id,
        run_id=run.id,
        batch_size=batch_size,
    )
    session.add(generation)
    session.flush()
    session.add_all(
        GeneratedPicture(
            generation_id=generation.id, position=position, picture_key=key, picture=document
        )
        for position, (key, document) in enumerate(zip(keys, documents, strict=True))
    )
    session.flush()
    return generation


def _prepared(
    session: Session, store: BlobStore, settings: Settings, generation: Generation
) -> PlannedGeneration:
    folder = settings.runs_path / str(generation.run_id)
    pictures = [PictureSpec.model_validate(row.picture) for row in generation.pictures]
    cells = {
        row.picture_key: CellSpec(key=row.picture_key, picture=picture)
        for row, picture in zip(generation.pictures, pictures, strict=True)
        if row.image_id is None
    }
    spec = draw_spec(
        session,
        store,
        folder,
        run_id=generation.run_id,
        cells=list(cells.values()),
        names=find_run(session, generation.run_id).spec["names"],
        batch_size=generation.batch_size,
    )
    write_job(spec, folder / "job.json")
    return PlannedGeneration(
        generation_id=generation.id,
        run_id=generation.run_id,
        pictures=pictures,
        job=folder / "job.json",
    )


def _keep(engine: Engine, store: BlobStore, generation_id: int, event: events.Cell) -> None:
    """Keep a picture: its bytes first, then the rows that point at them."""
    stored = store.put_file(event.path)
    facts = examine(event.path.read_bytes(), Limits())
    with transaction(engine) as session:
        image = recorded_image(session, stored, facts)
        for row in _rows(session, generation_id, event.key):
            row.image_id, row.reason = image.id, ""


def _keep_failure(engine: Engine, generation_id: int, event: events.CellFailed) -> None:
    with transaction(engine) as session:
        for row in _rows(session, generation_id, event.key):
            row.reason = event.reason


def _rows(session: Session, generation_id: int, key: str) -> Sequence[GeneratedPicture]:
    return session.scalars(
        select(GeneratedPicture).where(
            GeneratedPicture.generation_id == generation_id, GeneratedPicture.picture_key == key
        )
    ).all()


def _complete(engine: Engine, planned: PlannedGeneration) -> None:
    with transaction(engine) as session:
        generation = find_generation(session, planned.generation_id)
        record_output(session, planned.run_id, generation.node_id, "generation")
