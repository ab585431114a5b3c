"""What people say of a grid: the cell they choose, and votes on pairs of its pictures."""

from http import HTTPStatus

from fastapi import APIRouter
from sqlalchemy.orm import Session

from sdxl_reg.catalog.grid_results import pick_again_by_scores, pick_by_person
from sdxl_reg.catalog.grids import find_grid
from sdxl_reg.catalog.votes import next_vote, ranking_of, record_vote, vote_count
from sdxl_reg.store.database import transaction
from sdxl_reg.tables import GridCell
from sdxl_reg.vocabulary import Role
from sdxl_reg.web.dependencies import RegistryOf, SessionOf
from sdxl_reg.web.roles import needs, of_grid
from sdxl_reg.web.schemas.base import Number, url
from sdxl_reg.web.schemas.picks import (
    GridPick,
    PickRequest,
    RankingDocument,
    VotePair,
    VoteRequest,
    VoteSide,
    best_of,
    pick_of,
)

router = APIRouter(prefix="/grids", tags=["grids"])
_WRITER = needs(Role.WRITER, of_grid)


@router.post(
    "/{grid_id}/pick", summary="Choose a cell, or let the scores choose", dependencies=[_WRITER]
)
def choose(registry: RegistryOf, grid_id: Number, wanted: PickRequest) -> GridPick:
    """`{"cell": 17, "reason": "…"}` or `{"by": "scores"}`; points the alias `best` there too.

    A person's choice overrules the scores until they are asked to choose again.
    """
    with transaction(registry.engine) as session:
        grid = find_grid(session, grid_id)
        if wanted.cell is None:
            pick_again_by_scores(session, grid)
        else:
            pick_by_person(session, grid, wanted.cell, wanted.reason.strip())
        return GridPick(grid=grid.id, best=best_of(grid), pick=pick_of(grid))


@router.get("/{grid_id}/votes", summary="The places of a grid as the votes rank them")
def ranking(session: SessionOf, grid_id: Number) -> RankingDocument:
    """Strength of preference with its interval (Bradley and Terry 1952), and what it tells."""
    return RankingDocument.model_validate(ranking_of(session, grid_id))


@router.get("/{grid_id}/votes/next", summary="The next pair to vote on")
def upcoming(session: SessionOf, grid_id: Number) -> VotePair:
    """The two pictures whose comparison tells most, of one prompt and seed, without names."""
    return pair_of(session, grid_id)


@router.post(
    "/{grid_id}/votes",
    summary="Vote on a pair",
    status_code=HTTPStatus.CREATED,
    dependencies=[_WRITER],
)
def vote(registry: RegistryOf, grid_id: Number, said: VoteRequest) -> VotePair:
    """Keep what was said of a pair; answers with the next one."""
    with transaction(registry.engine) as session:
        record_vote(session, grid_id, left=said.left, right=said.right, outcome=said.outcome)
        return pair_of(session, grid_id)


def pair_of(session: Session, grid_id: int) -> VotePair:
    """The next pair of a grid as a voter sees it.

    Raises:
        NotFound: There is no such grid.
        Conflict: It has no two drawn places to compare.
    """
    left, right = next_vote(session, grid_id)
    return VotePair(
        grid=grid_id,
        left=_side(left),
        right=_side(right),
        prompt=left.prompt,
        seed=left.seed,
        votes=vote_count(session, grid_id),
    )


def _side(cell: GridCell) -> VoteSide:
    return VoteSide(
        position=cell.position, picture=url("blobs", cell.blob.sha256 if cell.blob else "")
    )
