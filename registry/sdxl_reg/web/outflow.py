"""Bytes that a thread makes while an answer sends them: a few pieces are in memory at a time.

Where the making fails, or the server ends, the connection breaks off before its end: no reader
takes what came for the whole. A reader that goes away ends the making.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from sdxl_reg.errors import NotReady

MOST = 4
"""Such answers at once: each keeps a core and a thread busy."""
_PIECE_BYTES = 1 << 18
_PIECES = 8
_LOOK_S = 0.5
_FIRST_S = 2.0


class Abandoned(Exception):
    """Nobody wants the bytes any more."""


class Outflow:
    """The file that a maker writes into, and the pieces that come out of it."""

    def __init__(self) -> None:
        self._pieces: queue.Queue[bytes | BaseException | None] = queue.Queue(_PIECES)
        self._held = bytearray()
        self._is_abandoned = threading.Event()
        self._first: bytes | BaseException | None = b""

    def begin(self, maker: "Maker") -> None:
        """Have a thread make the bytes; what fails within a moment is raised here.

        Args:
            maker: Writes them.
        """
        threading.Thread(target=self._make, args=(maker,), name="outflow", daemon=True).start()
        try:
            self._first = self._pieces.get(timeout=_FIRST_S)
        except queue.Empty:
            return
        if isinstance(self._first, BaseException):
            raise self._first

    def pieces(self) -> Iterator[bytes]:
        """The bytes in order; raises what their making failed with."""
        piece = self._first
        while piece is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece
            piece = self._pieces.get()

    def abandon(self) -> None:
        """Have the making end, and with it the pieces."""
        self._is_abandoned.set()

    def flush(self) -> None:
        """Pieces go out when they are long enough, and at the end."""

    def write(self, data: bytes) -> int:
        """Take bytes; waits while the reader is slow.

        Raises:
            Abandoned: Nobody wants them.
        """
        self._held += data
        if len(self._held) >= _PIECE_BYTES:
            self._pass_on()
        return len(data)

    def _make(self, maker: "Maker") -> None:
        try:
            maker(self)
            self._pass_on()
            self._put(None)
        except Abandoned as error:
            self._end_with(error)
        except BaseException as error:
            try:
                self._put(error)
            except Abandoned:
                self._end_with(error)

    def _pass_on(self) -> None:
        self._put(bytes(self._held))
        self._held.clear()

    def _put(self, piece: bytes | BaseException | None) -> None:
        while not self._is_abandoned.is_set():
            try:
                self._pieces.put(piece, timeout=_LOOK_S)
                return
            except queue.Full:
                continue
        raise Abandoned

    def _end_with(self, error: BaseException) -> None:
        """Tell a reader that may still wait; what it has not read is dropped."""
        while True:
            try:
                self._pieces.put_nowait(error)
                return
            except queue.Full:
                self._pieces.get_nowait()


Maker = Callable[[Outflow], None]
"""Writes all there is."""


class Outflows:
    """Those of a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[Outflow] = set()
        self._is_closing = False

    def enter(self) -> Outflow:
        """A new one; `leave` ends it.

        Raises:
            NotReady: As many as may be are open, or the server ends.
        """
        with self._lock:
            if self._is_closing or len(self._open) >= MOST:
                raise NotReady(
                    "the server ends" if self._is_closing else f"{MOST} exports are under way",
                    remedy="Try again later",
                )
            outflow = Outflow()
            self._open.add(outflow)
            return outflow

    def leave(self, outflow: Outflow) -> None:
        """End one, whether it was sent to its end or not."""
        outflow.abandon()
        with self._lock:
            self._open.discard(outflow)

    def close(self) -> None:
        """End all, and let none begin."""
        with self._lock:
            self._is_closing = True
            for outflow in self._open:
                outflow.abandon()


class OutflowResponse(StreamingResponse):
    """An answer with bytes that are made while they are sent.

    Args:
        outflows: Of the server.
        maker: Writes the bytes.
        media_type: What they are.
        headers: More headers.
    """

    def __init__(
        self, outflows: Outflows, maker: Maker, *, media_type: str, headers: Mapping[str, str]
    ) -> None:
        self._outflows = outflows
        self._outflow = outflows.enter()
        try:
            self._outflow.begin(maker)
        except BaseException:
            outflows.leave(self._outflow)
            raise
        super().__init__(self._outflow.pieces(), media_type=media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them; whatever ends it ends their making."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._outflows.leave(self._outflow)
