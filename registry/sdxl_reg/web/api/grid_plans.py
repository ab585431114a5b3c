"""What grids would come to, told before anything is recorded or drawn."""

from fastapi import APIRouter

from sdxl_reg.catalog.grid_outline import outline
from sdxl_reg.store.database import reading
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import RegistryOf
from sdxl_reg.web.roles import needs
from sdxl_reg.web.schemas.grid_requests import GridBody, GridPlan, grid_plan, grid_request

router = APIRouter(prefix="/grid-plans", tags=["grids"])


@router.post("", summary="What a grid would come to", dependencies=[needs(Role.TRAINER)])
def plan(registry: RegistryOf, body: GridBody) -> GridPlan:
    """How many cells a grid would have, and what it would take; nothing is recorded or drawn.

    Takes what a POST to `/grids` takes, and refuses what that would.
    """
    with reading(registry.engine) as session:
        request = grid_request(session, body)
    return grid_plan(outline(registry.engine, registry.store, request))
