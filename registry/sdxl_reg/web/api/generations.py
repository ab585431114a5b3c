"""Generations: pictures by prompt. POST begins one; it is drawn in the background."""

from http import HTTPStatus

from fastapi import APIRouter, Depends, Response

from sdxl_reg.catalog.access.visibility import present_viewer
from sdxl_reg.catalog.generations import find_generation, generations_page
from sdxl_reg.catalog.references import MAIN
from sdxl_reg.catalog.runs import find_run, states_of
from sdxl_reg.store.database import reading
from sdxl_reg.tables import Generation
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.api.runs import notice_lost
from sdxl_reg.web.dependencies import FilteredSliceOf, RegistryOf, SessionOf
from sdxl_reg.web.roles import needs, of_generation
from sdxl_reg.web.schemas.base import Items, Number, items_of
from sdxl_reg.web.schemas.generation_requests import GenerationBody, request_of
from sdxl_reg.web.schemas.generations import (
    GenerationDocument,
    GenerationItem,
    generation_document,
    generation_item,
)
from sdxl_reg.web.working import WorkingOf

router = APIRouter(prefix="/generations", tags=["generations"], dependencies=[Depends(notice_lost)])


@router.get("", summary="List the generations")
def listed(session: SessionOf, part: FilteredSliceOf) -> Items[GenerationItem]:
    """Every generation, newest first, with how far it is.

    `filter` knows prompt, artifact (what it was drawn with or on), state, project and created:
    `*mug* AND artifact:weipin*`.
    """
    page = generations_page(session, part)
    states = states_of(session, [generation.run_id for generation in page.items])

    def item(generation: Generation) -> GenerationItem:
        return generation_item(generation, states[generation.run_id])

    return items_of(page, item)


@router.post(
    "",
    summary="Draw pictures of a prompt",
    status_code=HTTPStatus.ACCEPTED,
    dependencies=[needs(Role.TRAINER)],
)
def begin(
    response: Response, registry: RegistryOf, working: WorkingOf, body: GenerationBody
) -> GenerationDocument:
    """Answers at once with the generation and its `Location`; its pictures come one by one.

    One generation is drawn at a time; the next ones wait. Settings bear the names of a picture's
    fields. Every fault of a request is told at once.
    """
    viewer = present_viewer()
    project = viewer.project_for(body.project, Role.TRAINER) if viewer else body.project or MAIN
    with reading(registry.engine) as session:
        request = request_of(session, body, project)
    number = working.draw(request)
    return _located(response, registry, working, number)


@router.get("/{generation_id}", summary="One generation with its pictures")
def one(session: SessionOf, working: WorkingOf, generation_id: Number) -> GenerationDocument:
    """Every picture with its request, and where it is once it is drawn, or why it is not."""
    generation = find_generation(session, generation_id)
    run = find_run(session, generation.run_id)
    return generation_document(generation, run, is_waiting=working.holds(run.id))


@router.post(
    "/{generation_id}/resume",
    summary="Go on with a generation",
    status_code=HTTPStatus.ACCEPTED,
    dependencies=[needs(Role.TRAINER, of_generation)],
)
def resume(
    response: Response, registry: RegistryOf, working: WorkingOf, generation_id: Number
) -> GenerationDocument:
    """Draws what is missing or failed of one that was interrupted; send `{}`."""
    with reading(registry.engine) as session:
        run_id = find_generation(session, generation_id).run_id
    working.resume(run_id)
    return _located(response, registry, working, generation_id)


def _located(
    response: Response, registry: RegistryOf, working: WorkingOf, number: int
) -> GenerationDocument:
    with reading(registry.engine) as session:
        document = one(session, working, number)
    response.headers["Location"] = document.url
    return document
