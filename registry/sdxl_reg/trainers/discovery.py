"""Finding trainers: ours and strangers' come through the same door, the entry points."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from sdxl_reg.errors import UnknownName, UsageError
from sdxl_reg.trainers.interface import Trainer

GROUP = "sdxl_reg.trainers"


@dataclass(frozen=True, kw_only=True)
class BrokenTrainer:
    """A registered trainer that could not be loaded.

    Attributes:
        name: Its entry point's name.
        reason: What its import said.
    """

    name: str
    reason: str


def trainer_names() -> list[str]:
    """The names of the registered trainers; nothing is imported."""
    return sorted(entry_points(group=GROUP).names)


def find_trainer(name: str) -> Trainer:
    """The trainer of a name.

    Raises:
        UnknownName: No such trainer is registered.
        UsageError: It is registered and cannot be loaded.
    """
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise UnknownName("trainer", name, trainer_names())
    return _load(found[0])


def all_trainers() -> tuple[list[Trainer], list[BrokenTrainer]]:
    """Every trainer that loads, and those that do not with their reasons."""
    working: list[Trainer] = []
    broken: list[BrokenTrainer] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            working.append(_load(entry))
        except UsageError as error:
            broken.append(BrokenTrainer(name=entry.name, reason=str(error)))
    return working, broken


def _load(entry: EntryPoint) -> Trainer:
    try:
        trainer: Trainer = entry.load()
    except Exception as error:  # a stranger's import may raise anything
        raise UsageError(
            f"trainer {entry.name!r} ({entry.value}) cannot be loaded: {error!r}",
            remedy="Repair or uninstall the package that registers it",
        ) from error
    return trainer
