"""Runs that are at work while a test looks on: waiting for them, their processes, other servers."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect
from sdxl_reg.web.dependencies import Registry
from tests.registry.web.conftest import ADDRESS

PATIENCE_S = 180.0
_SERVER = f"""
import json, sys
from pathlib import Path
from starlette.testclient import TestClient
from sdxl_reg.web.app import create_app
from tests.registry.web.at_work import opened

with TestClient(create_app(opened(Path(sys.argv[1]))), base_url={ADDRESS!r}) as client:
    answers = [client.post(sys.argv[2], json=body).json() for body in json.loads(sys.argv[3])]
    print(json.dumps(answers), flush=True)
    sys.stdin.read()
"""


def opened(home: Path) -> Registry:
    """The registry of a home, for a server in another process too."""
    settings = Settings.from_environment({"SDXL_REG_HOME": str(home)})
    return Registry(
        engine=connect(settings.database_url),
        store=BlobStore(settings.store_path),
        settings=settings,
    )


def until(
    client: TestClient, address: str, is_enough: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The document at an address, once it is as it has to be."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        document: dict[str, Any] = client.get(address).json()
        if is_enough(document):
            return document
        time.sleep(0.1)
    pytest.fail(f"not within {PATIENCE_S:g} s, but {document['state']}: {address}")


def has_ended(run: dict[str, Any]) -> bool:
    """Whether a run has ended, or that of a grid or a generation."""
    return run["state"] in ("succeeded", "failed", "cancelled", "lost")


def is_halfway(progress: dict[str, Any]) -> bool:
    """Whether some pictures are drawn, and others are not."""
    return bool(0 < progress["drawn"] < progress["total"])


def processes_of(registry: Registry, run_id: int) -> list[int]:
    """The processes that write the log of a run."""
    log = registry.settings.runs_path / str(run_id) / "log.txt"
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "fd" / "1").readlink() == log:
                found.append(int(folder.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


@contextmanager
def asked_elsewhere(
    registry: Registry, path: str, *bodies: dict[str, Any]
) -> Iterator[tuple["subprocess.Popen[str]", list[dict[str, Any]]]]:
    """A server over the same registry in a process of its own, with its answers to some requests.

    Args:
        registry: Whose home it serves.
        path: Where they are posted.
        *bodies: What is posted.
    """
    home = str(registry.settings.home)
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, home, path, json.dumps(bodies)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
