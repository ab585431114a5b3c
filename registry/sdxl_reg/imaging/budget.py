"""A budget of pixels: many small pictures are decoded at once, huge ones by themselves."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class PixelBudget:
    """So many pixels may be in memory at once, over all threads.

    A picture that is larger than the whole budget is decoded alone.
    """

    def __init__(self, pixels: int) -> None:
        self._all = pixels
        self._free = pixels
        self._changed = threading.Condition()

    @contextmanager
    def spent(self, pixels: int) -> Iterator[None]:
        """Hold some pixels for as long as the context lasts; waits until they are free.

        Args:
            pixels: Width × height of what is about to be decoded, ≥ 0.
        """
        cost = min(pixels, self._all)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= cost)
            self._free -= cost
        try:
            yield
        finally:
            with self._changed:
                self._free += cost
                self._changed.notify_all()
