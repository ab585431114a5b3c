"""How many requests look on while something happens, and that they end with the server."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from sdxl_reg.errors import NotReady

MOST = 200
"""Streams open at once; each looks at the database for a moment, twice a second."""


class Streams:
    """The streams of a server; only its event loop changes anything here."""

    def __init__(self) -> None:
        self.count = 0
        self.is_closing = False

    def close(self) -> None:
        """Have every stream end within a moment, and let none begin."""
        self.is_closing = True

    def enter(self) -> None:
        """Take one of the places; `leave` gives it back.

        Raises:
            NotReady: All are taken, or the server ends.
        """
        if self.is_closing or self.count >= MOST:
            raise NotReady(
                "the server ends" if self.is_closing else f"{MOST} streams are open already",
                remedy="Ask for the run itself every few seconds, or try again later",
            )
        self.count += 1

    def leave(self) -> None:
        """Give a place back."""
        self.count -= 1


async def streams_of(request: Request) -> AsyncIterator[Streams]:
    """The streams of the application, with a place in them until the answer has ended."""
    streams: Streams = request.app.state.streams
    streams.enter()
    try:
        yield streams
    finally:
        streams.leave()


StreamsOf = Annotated[Streams, Depends(streams_of)]
