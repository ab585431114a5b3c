"""Finding trainers, see `plugins`."""

from sdxl_reg.plugins import BrokenPlugin, Door
from sdxl_reg.trainers.interface import Trainer

GROUP = "sdxl_reg.trainers"
_DOOR = Door(group=GROUP, noun="trainer")


def trainer_names() -> list[str]:
    """The names of the registered trainers; nothing is imported."""
    return _DOOR.names()


def find_trainer(name: str) -> Trainer:
    """The trainer of a name; raises as `plugins.Door.find` does."""
    trainer: Trainer = _DOOR.find(name)
    return trainer


def all_trainers() -> tuple[list[Trainer], list[BrokenPlugin]]:
    """Every trainer that loads, and those that do not with their reasons."""
    return _DOOR.all()
