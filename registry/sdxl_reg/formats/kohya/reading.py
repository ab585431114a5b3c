"""Keeping account of a configuration that is being read: each of its keys is told once."""

from collections.abc import Collection, Mapping
from typing import Any

from sdxl_reg.formats.kohya.keys import NEUTRAL, REASONS, is_silent
from sdxl_reg.formats.kohya.words import plain, says_nothing


class Reading:
    """A document and what has become of its keys so far.

    Attributes:
        settings: Our name → value.
        taken: Keys whose value went into the settings.
        neutral: Keys that say nothing.
        ignored: Key → why it needs no setting.
        unmapped: Key → value that we have no setting for.
        left: Keys that nothing has been said of yet.

    Args:
        entries: Key → value.
        labels: Key → what it is called in the account, where that is not the key.
        known: Our names that the trainer takes; None takes every name.
    """

    def __init__(
        self,
        entries: Mapping[str, Any],
        *,
        labels: Mapping[str, str],
        known: Collection[str] | None,
    ) -> None:
        self.settings: dict[str, Any] = {}
        self.taken: set[str] = set()
        self.neutral: set[str] = set()
        self.ignored: dict[str, str] = {}
        self.unmapped: dict[str, Any] = {}
        self.left = dict.fromkeys(entries)
        self._entries = dict(entries)
        self._labels = labels
        self._known = known

    def has(self, key: str) -> bool:
        """Whether the document has a key, with a value or without."""
        return key in self._entries

    def raw(self, key: str) -> Any:
        """The value of a key as it is written; None where there is none."""
        return self._entries.get(key)

    def value(self, key: str) -> Any:
        """The value of a key as it is meant (see `plain`); None where there is none."""
        return plain(self._entries.get(key))

    def number(self, key: str) -> Any:
        """The value of a key as it is meant, 0 where there is none or it is off."""
        return self.value(key) or 0

    def text(self, key: str) -> str:
        """The value of a key as text; empty where there is none."""
        value = self._entries.get(key)
        return "" if value is None or isinstance(value, bool) else str(value).strip()

    def set(self, name: str, value: Any, *keys: str) -> None:
        """Give one of our settings a value, unless it has one.

        Args:
            name: Of the setting; where the trainer has none of it, the keys are unmapped.
            value: Its value.
            keys: That say so.
        """
        if self._known is not None and name not in self._known:
            self.leave(*keys)
            return
        self.settings.setdefault(name, value)
        self.take(*keys)

    def take(self, *keys: str) -> None:
        """Say of keys that their value is used."""
        self.taken.update(self._ticked(*keys))

    def silence(self, *keys: str) -> None:
        """Say of keys that they say nothing, whatever their value."""
        self.neutral.update(self._ticked(*keys))

    def explain(self, reason: str, *keys: str) -> None:
        """Say why keys need no setting."""
        self.ignored.update(dict.fromkeys(self._ticked(*keys), reason))

    def ignore(self, reason: str, *keys: str) -> None:
        """Say why keys need no setting; those that say nothing are passed over without a word."""
        for key in keys:
            if self._is_neutral(key):
                self.silence(key)
            else:
                self.explain(reason, key)

    def leave(self, *keys: str) -> None:
        """Say of keys that we have no setting for them; those that say nothing are passed over."""
        for key in keys:
            if self._is_neutral(key):
                self.silence(key)
            else:
                self.unmapped.update(dict.fromkeys(self._ticked(key), self._entries.get(key)))

    def finish(self) -> None:
        """Say of every key that is left what the tables say of it."""
        for key in list(self.left):
            if key in (self._known or ()) and not self._is_neutral(key):
                self.set(key, self.raw(key), key)  # one of ours that kohya has not
            elif is_silent(key):
                self.silence(key)
            elif key in REASONS:
                self.ignore(REASONS[key], key)
            else:
                self.leave(key)

    def _ticked(self, *keys: str) -> list[str]:
        """The labels of those keys that are in the document and were not told before."""
        now = [key for key in keys if key in self.left]
        for key in now:
            del self.left[key]
        return [self._labels.get(key, key) for key in now]

    def _is_neutral(self, key: str) -> bool:
        value = self._entries.get(key)
        return says_nothing(value) or plain(value) in NEUTRAL.get(key, ())
