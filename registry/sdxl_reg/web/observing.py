"""What a server tells of its work: an id for every request, a line in the log, counts and times.

An id that a proxy in front has given a request is kept, so that its log and ours can be read
together. Routes are counted by their template, never by the address: there are endless addresses.
"""

import json
import logging
import re
import time
import uuid
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdxl_reg.store.database import reading
from sdxl_reg.tables import Artifact, ArtifactVersion, Blob, DatasetVersion, Image, ImageSet, Run

REQUEST_ID = "X-Request-Id"
ACCESS = logging.getLogger("sdxl_reg.access")
_USABLE = re.compile(r"[\w.-]{1,64}", re.ASCII)
_PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")
_request_id: ContextVar[str] = ContextVar("request_id", default="")
_HELD = {
    "blobs": Blob,
    "images": Image,
    "image_sets": ImageSet,
    "dataset_versions": DatasetVersion,
    "artifacts": Artifact,
    "artifact_versions": ArtifactVersion,
}


def request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    return _request_id.get()


class Metrics:
    """Counts and times of one application.

    Attributes:
        registry: What Prometheus is told.
    """

    def __init__(self, engine: Engine) -> None:
        """Metrics over a registry.

        Args:
            engine: Its database, which is asked whenever Prometheus asks.
        """
        self.registry = CollectorRegistry()
        self.registry.register(_Holdings(engine))
        labels = ("method", "route")
        self._answers = Counter(
            "sdxl_reg_http_requests",
            "Requests that were answered.",
            (*labels, "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "sdxl_reg_http_request_seconds",
            "Time from a request to the end of its answer.",
            labels,
            registry=self.registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            method: Of HTTP.
            route: Its template.
            status: Of HTTP.
            seconds: Until the answer was sent.
        """
        self._answers.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)


class _Holdings:
    """What the registry holds and how its runs stand, counted when asked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Gauges; without a database only that there is none."""
        up = GaugeMetricFamily("sdxl_reg_database_up", "Whether the database answers.")
        rows = GaugeMetricFamily("sdxl_reg_rows", "What the registry holds.", labels=["kind"])
        runs = GaugeMetricFamily("sdxl_reg_runs", "Runs by state.", labels=["state"])
        stored = GaugeMetricFamily("sdxl_reg_stored_bytes", "Length of all recorded blobs.")
        try:
            with reading(self._engine) as session:
                for kind, table in _HELD.items():
                    count = session.scalar(select(func.count()).select_from(table))
                    rows.add_metric([kind], count or 0)
                for state, count in session.execute(
                    select(Run.state, func.count()).group_by(Run.state)
                ):
                    runs.add_metric([state], count)
                stored.add_metric([], session.scalar(select(func.sum(Blob.size_bytes))) or 0)
        except SQLAlchemyError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield from (up, rows, runs, stored)


class Observed:
    """Gives every request an id, and counts, times and logs it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and tell of it when it is answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(REQUEST_ID, "")
        identity = given if _USABLE.fullmatch(given) else uuid.uuid4().hex
        _request_id.set(identity)  # for this task, which is this request's
        started, status = time.perf_counter(), 500

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = identity
            await send(message)

        try:
            await self.app(scope, receive, with_id)
        finally:
            self._tell(scope, status, time.perf_counter() - started)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = _template(scope)
        self.metrics.answered(scope["method"], route, status, seconds)
        facts = {
            "method": scope["method"],
            "path": scope["path"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "client": (scope.get("client") or ("",))[0],
        }
        ACCESS.info("%(method)s %(path)s %(status)s %(ms)s ms", facts, extra={"facts": facts})


def _template(scope: Scope) -> str:
    """The template of the route that answered: `/api/v1/artifacts/{name}`; else `other`.

    A route knows its template from the router on it was declared with; what routers above it have
    put before is what is left of the address.
    """
    own: str | None = getattr(scope.get("route"), "path", None)
    if own is None:
        return "other"
    values = scope["path_params"]
    answered = _PLACE.sub(lambda place: str(values.get(place[1], "")), own)
    above: str = scope["path"].removesuffix(answered)
    return above + own if above != scope["path"] else own


class JsonLines(logging.Formatter):
    """A line of JSON for every record: time, level, logger, message, request id, facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; a traceback stands in `exception`."""
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id() or None,
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str, ensure_ascii=False)
