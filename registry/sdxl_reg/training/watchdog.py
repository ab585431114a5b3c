"""Keeping an eye on a training: how long a step takes, how much memory there is in use."""

import resource
import statistics

import torch

SPILL = 3.0
"""So many times slower than before is worth a word: memory is being swapped, or others came."""
WINDOW = 10


class Pace:
    """Notices when steps become much slower than they were."""

    def __init__(self) -> None:
        self._recent: list[float] = []
        self._best: float | None = None

    def noticed(self, seconds: float) -> str:
        """What there is to say after a step that took so long; mostly nothing."""
        self._recent.append(seconds)
        if len(self._recent) < WINDOW:
            return ""
        median, before = statistics.median(self._recent), self._best
        self._recent.clear()
        self._best = min(median, before or median)
        if before is None or median < SPILL * before:
            return ""
        return (
            f"steps take {median:.2f} s, {median / before:.1f} times as long as before: the "
            f"machine is short of memory ({memory_gb():.1f} GB in use here) or busy with others"
        )


def memory_gb() -> float:
    """The process' largest memory so far, in GB: of the GPU where there is one."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
