"""Finding plugins of any group: ours and strangers' come through one door, the entry points."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from sdxl_reg.errors import UnknownName, UsageError


@dataclass(frozen=True, kw_only=True)
class BrokenPlugin:
    """A registered plugin that could not be loaded.

    Attributes:
        name: Its entry point's name.
        reason: What its import said.
    """

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Door:
    """A group of entry points.

    Attributes:
        group: Its name: `sdxl_reg.trainers`.
        noun: What people call one of them.
    """

    group: str
    noun: str

    def names(self) -> list[str]:
        """The names of the registered plugins; nothing is imported."""
        return sorted(entry_points(group=self.group).names)

    def find(self, name: str) -> Any:
        """The plugin of a name.

        Raises:
            UnknownName: No such plugin is registered.
            UsageError: It is registered and cannot be loaded.
        """
        found = list(entry_points(group=self.group, name=name))
        if not found:
            raise UnknownName(self.noun, name, self.names())
        return self._load(found[0])

    def all(self, names: Sequence[str] = ()) -> tuple[list[Any], list[BrokenPlugin]]:
        """Every plugin that loads, and those that do not with their reasons; by name.

        Args:
            names: Only these; empty stands for all.

        Raises:
            UnknownName: One of the names is not registered.
        """
        known = self.names()
        for name in names:
            if name not in known:
                raise UnknownName(self.noun, name, known)
        working: list[Any] = []
        broken: list[BrokenPlugin] = []
        for name in sorted(names or known):
            try:
                working.append(self.find(name))
            except UsageError as error:
                broken.append(BrokenPlugin(name=name, reason=str(error)))
        return working, broken

    def _load(self, entry: EntryPoint) -> Any:
        try:
            return entry.load()
        except Exception as error:  # a stranger's import may raise anything
            raise UsageError(
                f"{self.noun} {entry.name!r} ({entry.value}) cannot be loaded: {error!r}",
                remedy="Repair or uninstall the package that registers it",
            ) from error
