"""What happens in a run, as the server tells it; a stream that breaks off is taken up again."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from sdxl_reg.client.client import Client, address
from sdxl_reg.errors import NotReady

_ATTEMPTS = 8
_MAX_WAIT_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a run.

    Attributes:
        name: `state`, `progress`, `metric`, `sample`, `version`, `message`, …
        data: What is told of it, see the API's reference.
        id: By which the server knows how far one has heard.
    """

    name: str
    data: dict[str, Any]
    id: str


def run_events(client: Client, run_id: int) -> Iterator[Event]:
    """The events of a run from its beginning until it has ended.

    Args:
        client: The server.
        run_id: Number of the run.

    Raises:
        RegistryError: The server refuses.
        NotReady: The server does not answer any more.
    """
    heard, failures = "", 0
    while True:
        try:
            for event in _stream(client, run_id, heard):
                heard, failures = event.id or heard, 0
                yield event
                if event.name == "state" and event.data["is_final"]:
                    return
        except NotReady:
            failures += 1
            if failures == _ATTEMPTS:
                raise
        time.sleep(min(0.25 * 2**failures, _MAX_WAIT_S))


def _stream(client: Client, run_id: int, heard: str) -> Iterator[Event]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": heard} if heard else {})
    timeout = httpx.Timeout(60.0, read=45.0)  # a stream without news sends a word every 15 s
    url = address("runs", run_id, "events")
    with client.stream("GET", url, headers=headers, timeout=timeout) as answer:
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(":")
            if line and name:
                fields[name] = value.removeprefix(" ")
            elif not line and "data" in fields:
                yield Event(
                    name=fields.get("event", "message"),
                    data=json.loads(fields["data"]),
                    id=fields.get("id", ""),
                )
                fields = {}
