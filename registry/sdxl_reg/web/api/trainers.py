"""Trainers: which there are, and what they can be told."""

from fastapi import APIRouter

from sdxl_reg.trainers.discovery import all_trainers, find_trainer
from sdxl_reg.web.schemas.base import Items
from sdxl_reg.web.schemas.trainers import TrainerItem, broken_item, trainer_item

router = APIRouter(prefix="/trainers", tags=["trainers"])


@router.get("", summary="List the trainers")
def listed() -> Items[TrainerItem]:
    """Every registered trainer with the JSON schema of its settings; broken ones say why."""
    working, broken = all_trainers()
    items = [trainer_item(trainer) for trainer in working]
    return Items(items=items + [broken_item(trainer) for trainer in broken], next=None)


@router.get("/{name}", summary="One trainer")
def one(name: str) -> TrainerItem:
    """A trainer with the JSON schema of its settings: units, ranges, defaults."""
    return trainer_item(find_trainer(name))
