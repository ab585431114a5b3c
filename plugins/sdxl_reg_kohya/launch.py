"""Runs a program of sd-scripts, and ends it when the process that started it is gone.

It is run by sd-scripts' own interpreter, so it uses nothing of ours: `launch.py PARENT PROGRAM …`.
"""

import os
import runpy
import signal
import sys
import threading
import time

WATCH_S = 0.5


def watch(parent: int) -> None:
    """End this process as soon as its parent is another one than it was: the old one is gone.

    Args:
        parent: Number of the process that started this one.
    """
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=watch, args=(int(sys.argv[1]),), daemon=True).start()
    sys.argv = sys.argv[2:]
    sys.path[0] = os.path.dirname(sys.argv[0])  # noqa: PTH120
    runpy.run_path(sys.argv[0], run_name="__main__")
