"""A user's regular expression on many texts, in a process that is ended when it takes too long.

Python's `re` cannot be interrupted from a thread, and `(a+)+b` may take longer than the sun has.
The process reads one JSON document a line and answers each with one.
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from sdxl_reg.errors import InvalidValue

MODULE = "sdxl_reg.formats.bounded_regex"
TIMEOUT_S = 10.0
"""For some hundreds of texts, which take a millisecond where nothing is wrong."""


class BoundedRegex:
    """A pattern and what replaces its matches; the process ends with the context.

    Args:
        pattern: As Python's `re` takes it.
        replacement: With groups as `\\1` or `\\g<name>`.
        ignore_case: Whether upper and lower case make no difference.
        timeout_s: For each call of `sub`.

    Raises:
        InvalidValue: The pattern is none.
    """

    def __init__(
        self,
        pattern: str,
        replacement: str,
        *,
        ignore_case: bool = False,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise InvalidValue(
                f"not a regular expression ({error})",
                pattern,
                remedy=r"Put \ before signs that stand for themselves, or leave out --regex",
            ) from None
        self.pattern = pattern
        self._timeout_s = timeout_s
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._settings = {
            "pattern": pattern,
            "replacement": replacement,
            "flags": int(re.IGNORECASE) if ignore_case else 0,
        }

    def __enter__(self) -> "BoundedRegex":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def sub(self, texts: Sequence[str]) -> list[str]:
        """The texts with every match replaced.

        Args:
            texts: Some hundreds at once.

        Raises:
            InvalidValue: It takes too long, or the replacement names a group that is not there.
        """
        answer = self._ask({**self._settings, "texts": list(texts)})
        if "error" in answer:
            raise InvalidValue(
                f"the replacement cannot be used ({answer['error']})",
                self._settings["replacement"],
                remedy=r"Write groups of the pattern as \1 or \g<name>, and \\ for one \ ",
            )
        return list(answer["texts"])

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        watch = threading.Timer(self._timeout_s, self._process.kill)
        watch.start()
        try:
            line = self._exchanged(json.dumps(question).encode() + b"\n")
        finally:
            watch.cancel()
        if not line:
            raise InvalidValue(
                f"the regular expression took longer than {self._timeout_s:g} s",
                self.pattern,
                remedy="Write it without repeated groups that can match in many ways: (a+)+",
            )
        return dict(json.loads(line))

    def _exchanged(self, line: bytes) -> bytes:
        """The answer to a line; nothing where the process is gone."""
        if self._process.stdin is None or self._process.stdout is None:
            return b""
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            return b""
        return self._process.stdout.readline()


def main() -> None:
    """Answer until nobody asks any more."""
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(json.dumps(_answer(json.loads(line))).encode() + b"\n")
        sys.stdout.buffer.flush()


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    try:
        pattern = re.compile(question["pattern"], question["flags"])
        return {"texts": [pattern.sub(question["replacement"], t) for t in question["texts"]]}
    except (re.error, IndexError, RecursionError, MemoryError) as error:
        return {"error": str(error) or type(error).__name__}


if __name__ == "__main__":
    main()
