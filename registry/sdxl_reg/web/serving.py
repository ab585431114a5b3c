"""A server whose open streams end when it is asked to end.

uvicorn waits for every answer before it tells the application that it ends, and a stream is an
answer that would go on: so it is told first.
"""

import socket

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """uvicorn for our application.

    Args:
        app: With `state.streams` and `state.outflows`.
        config: Made of the same application.
    """

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then as uvicorn does."""
        self._app.state.streams.close()
        self._app.state.outflows.close()
        await super().shutdown(sockets)
