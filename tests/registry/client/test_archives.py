"""Folders from a server that sends what it should not."""

import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sdxl_reg.client import Client
from sdxl_reg.client.archives import fetch_folder
from sdxl_reg.errors import Corrupt
from tests.registry.catalog.dataset_exports.exported import files


def packed(*members: tarfile.TarInfo) -> bytes:
    """A tar of members; files hold as many x as they are long."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return stream.getvalue()


def member(name: str, size: int = 0, *, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """One of them."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, "/etc/passwd"
    return info


@contextmanager
def answering(data: bytes) -> Iterator[Client]:
    """A client of a server that answers everything with some bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with Client(f"http://127.0.0.1:{server.server_port}") as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_folder_is_unpacked_with_its_empty_folders(tmp_path: Path) -> None:
    told: list[tuple[int, str]] = []
    data = packed(
        member("log", kind=tarfile.DIRTYPE), member("a/1.txt", 3), member("2.bin", 9_000_000)
    )
    with answering(data) as client:
        count = fetch_folder(
            client, "/x", tmp_path, query={}, advance=lambda n, name: told.append((n, name))
        )
    assert (count, told[-1]) == (2, (2, "2.bin"))
    assert (tmp_path / "log").is_dir()
    assert {name: len(found) for name, found in files(tmp_path).items()} == {
        "a/1.txt": 3,
        "2.bin": 9_000_000,
    }


@pytest.mark.parametrize(
    "bad",
    [
        member("../out.txt", 3),
        member("/out.txt", 3),
        member("a/../../out.txt", 3),
        member("link", kind=tarfile.SYMTYPE),
        member("pipe", kind=tarfile.FIFOTYPE),
    ],
)
def test_nothing_leads_out_of_the_folder(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    (tmp_path / "in").mkdir()
    with answering(packed(member("1.txt", 3), bad)) as client, pytest.raises(Corrupt):
        fetch_folder(client, "/x", tmp_path / "in", query={})
    assert list(files(tmp_path)) == ["in/1.txt"]


@pytest.mark.parametrize("kept", [512, 1024, 1200, 1536])
def test_an_end_that_is_missing_is_noticed(tmp_path: Path, kept: int) -> None:
    data = packed(member("1.txt", 300), member("2.txt", 300))
    with answering(data[:kept]) as client, pytest.raises(Corrupt):
        fetch_folder(client, "/x", tmp_path, query={})


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with answering(b"<html>" * 1000) as client, pytest.raises(Corrupt, match="no whole archive"):
        fetch_folder(client, "/x", tmp_path, query={})
