"""A process that has imported all that jobs need, and waits to be given one.

Importing torch and diffusers takes about ten seconds, which a person waits who asks for a picture.
A process that lives on, such as a server, has the next one do that beforehand. It is not forked:
a process of its own may use a GPU, and knows nothing of what was done before.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from sdxl_reg.jobs.local import fresh_process


class Standby:
    """At most one waiting process, which ends with this one."""

    def __init__(self) -> None:
        """Nothing is started before `prepare` is called."""
        self._lock = threading.Lock()
        self._waiting: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def prepare(self) -> None:
        """Have a process waiting, from some seconds after this call on."""
        with self._lock:
            if self._waiting is not None and self._waiting.poll() is not None:
                _end(self._waiting)
                self._waiting = None
            if self._waiting is None and not self._is_closed:
                self._waiting = _waiting_process()

    def start(self, folder: Path) -> "subprocess.Popen[bytes]":
        """The process of the job in a folder: the one that waits, else a fresh one.

        Args:
            folder: Holds `job.json`.
        """
        with self._lock:
            process, self._waiting = self._waiting, None
        if process is not None and _is_given(process, folder):
            return process
        return fresh_process(folder)

    def close(self) -> None:
        """End the process that waits, and have none from now on."""
        with self._lock:
            process, self._waiting, self._is_closed = self._waiting, None, True
        if process is not None:
            _end(process)


def _waiting_process() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "sdxl_reg.worker", "--wait", str(os.getpid())],
        stdin=subprocess.PIPE,
        bufsize=0,
        stdout=subprocess.DEVNULL,  # its log is that of its job
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _is_given(process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    """Tell a waiting process its job, unless it has ended."""
    if process.stdin is None:
        return False
    try:
        with process.stdin as pipe:
            pipe.write(json.dumps(str(folder.absolute())).encode() + b"\n")
    except BrokenPipeError:
        _end(process)
        return False
    return True


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()  # it has begun nothing
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
