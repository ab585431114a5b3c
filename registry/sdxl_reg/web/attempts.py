"""Failed attempts to sign in: after some, one has to wait.

Counted for a name from one address, for an address, and for a name from everywhere; the last is
generous, so that a stranger cannot easily lock somebody out. Kept in the memory of the server.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 900.0
_MOST_KEYS = 20_000


class Attempts:
    """The failures of the last quarter of an hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing has failed yet.

        Args:
            clock: Seconds, always rising.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[tuple[str, ...], deque[float]] = {}

    def wait_s(self, name: str, address: str) -> float:
        """Seconds until somebody may try again; 0 where they may now.

        Args:
            name: Whom they say they are.
            address: From where.
        """
        with self._lock:
            return max(self._left(key, most) for key, most in _limits(name, address))

    def failed(self, name: str, address: str) -> None:
        """Note a failure."""
        with self._lock:
            moment = self._clock()
            if len(self._failures) > _MOST_KEYS:
                self._forget(moment)
            for key, most in _limits(name, address):
                kept = self._failures.setdefault(key, deque(maxlen=most))
                kept.append(moment)

    def _left(self, key: tuple[str, ...], most: int) -> float:
        kept = self._failures.get(key)
        return max(0.0, kept[0] + WINDOW_S - self._clock()) if kept and len(kept) == most else 0.0

    def _forget(self, moment: float) -> None:
        old = moment - WINDOW_S
        self._failures = {key: kept for key, kept in self._failures.items() if kept[-1] > old}


def _limits(name: str, address: str) -> list[tuple[tuple[str, ...], int]]:
    key = name.casefold()[:64]
    return [(("both", key, address), 5), (("address", address), 30), (("name", key), 100)]
