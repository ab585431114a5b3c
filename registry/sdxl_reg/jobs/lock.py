"""One process at a time in the folder of a job."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdxl_reg.errors import Conflict

LOCK = "lock"
PATIENCE_S = 15.0
"""Longer than a worker needs to notice that the process that started it is gone, and to end."""
POLL_S = 0.1


@contextmanager
def alone_in(folder: Path, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Be the only process in a folder for as long as the context lasts.

    The kernel ends the claim with the process, however that ends.

    Args:
        folder: Of a job; exists.
        patience_s: How long to wait for another process to end.

    Raises:
        Conflict: Another process is still at work there.
    """
    deadline = time.monotonic() + patience_s
    with (folder / LOCK).open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Conflict(
                        f"another process is at work in {folder}",
                        remedy="Wait until it has ended, or end it",
                    ) from None
                time.sleep(POLL_S)
        yield
