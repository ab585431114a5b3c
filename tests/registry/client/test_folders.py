"""Folders to a real server: only what it lacks, in few requests, resumed where a break was."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sdxl_reg.catalog.ingest import ingest
from sdxl_reg.catalog.ingest_report import report_document
from sdxl_reg.client import Client
from sdxl_reg.client import folders as sending
from sdxl_reg.client.folders import announce_folder, commit_folder, send_files, send_folder
from sdxl_reg.errors import Conflict, InvalidValue, NotFound, NotReady, UsageError
from sdxl_reg.settings import Settings
from sdxl_reg.store.blobs import BlobStore
from sdxl_reg.store.database import connect, upgrade
from sdxl_reg.web.dependencies import Registry
from tests.registry.catalog.pictures import jpeg, products, write
from tests.registry.web.browser import serving


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    settings = Settings.from_environment({"SDXL_REG_HOME": str(tmp_path / "home")})
    engine = connect(f"sqlite:///{tmp_path}/registry.db")
    upgrade(engine)
    yield Registry(engine=engine, store=BlobStore(tmp_path / "blobs"), settings=settings)
    engine.dispose()


@pytest.fixture
def client(registry: Registry) -> Iterator[Client]:
    with serving(registry) as address, Client(address) as client:
        yield client


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = products(tmp_path / "products")
    write(
        root,
        {
            "weipin/qzy/flawless/metadata.jsonl": b'{"file_name": "xxx1.jpg", "text": "a shirt"}\n',
            "weipin/qzy/flawed/spot/broken.jpg": jpeg(71)[:300],
            "weipin/qzy/flawed/spot/drawing.svg": b"<svg/>",
            "weipin/.sdxlregignore": b"*.gif\n",
            "weipin/qzy/x.gif": b"GIF",
            "weipin/qzy/Thumbs.db": b"junk",
            "weipin/qzy/" + "ü" * 80 + "/" + "long" * 30 + ".jpg": jpeg(99),
        },
    )
    (root / "weipin" / "outside.jpg").symlink_to("/etc/passwd")
    return root


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the server."""
    asked: list[str] = []
    real = Client.request

    def counted(self: Client, method: str, url: str, **options: Any) -> httpx.Response:
        asked.append(f"{method} {url.rpartition('/')[2]}")
        return real(self, method, url, **options)

    monkeypatch.setattr(Client, "request", counted)
    return asked


def test_a_folder_is_ingested_there_as_it_is_here(
    client: Client, root: Path, tmp_path: Path, requests: list[str]
) -> None:
    engine = connect(f"sqlite:///{tmp_path}/other.db")
    upgrade(engine)
    here = report_document(ingest(engine, BlobStore(tmp_path / "other"), root))
    engine.dispose()
    told: list[str] = []
    there = send_folder(client, root, advance=lambda _done, _total, what: told.append(what))
    assert there == json.loads(json.dumps(here))
    assert {"hashing", "sending"} <= set(told)
    assert requests.count("PATCH content") == 1
    assert len([asked for asked in requests if not asked.startswith("GET")]) == 5
    requests.clear()
    again = send_folder(client, root)
    assert (again["new"], again["unchanged"]) == (0, 13)
    assert "PATCH content" not in requests


def test_after_a_break_only_the_rest_is_sent(
    client: Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdxl_reg.client.folders.time.sleep", lambda _: None)
    monkeypatch.setattr(sending, "_TOGETHER", 4)
    sent = announce_folder(client, root, {})
    batches: list[list[str]] = []
    real = sending._tar

    def breaking(files: Any, told: Any) -> Iterator[bytes]:
        batches.append([file.name for file in files])
        for number, some in enumerate(real(files, told)):
            if len(batches) == 2 and number == 7:  # in the middle of the third file
                raise httpx.WriteError("the cable")
            yield some

    monkeypatch.setattr(sending, "_tar", breaking)
    send_files(client, sent)
    assert batches[2][0] in batches[1]  # what broke, and what came after it
    names = [name for batch in batches for name in batch]
    assert len(names) < 2 * len(set(names))
    assert commit_folder(client, sent)["new"] == 13


def test_a_file_that_cannot_be_read_is_told_and_not_taken_for_gone(
    client: Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_folder(client, root)
    closed = root / "weipin/lsbr/flawless/xxx1.jpg"
    real = Path.open

    def refusing(self: Path, *words: Any, **more: Any) -> Any:
        if self == closed:
            raise PermissionError(13, "Permission denied")
        return real(self, *words, **more)

    monkeypatch.setattr(Path, "open", refusing)
    report = send_folder(client, root)
    assert (report["missing"], report["failed"]) == (0, 2)
    assert "permission-denied" in [problem["code"] for problem in report["problems"]]


def test_a_file_that_shrinks_while_it_is_sent_stops_it(client: Client, root: Path) -> None:
    sent = announce_folder(client, root, {})
    os.truncate(root / "weipin/qzy/flawless/xxx1.jpg", 10)
    with pytest.raises(UsageError, match="has changed while the folder was sent"):
        send_files(client, sent)


@pytest.mark.parametrize(
    ("name", "kind"), [("nothing", NotFound), ("file.jpg", InvalidValue), ("empty", InvalidValue)]
)
def test_what_is_no_folder_of_pictures_is_refused(
    client: Client, tmp_path: Path, name: str, kind: type[Exception]
) -> None:
    (tmp_path / "file.jpg").write_bytes(jpeg(1))
    (tmp_path / "empty").mkdir()
    with pytest.raises(kind):
        announce_folder(client, tmp_path / name, {})


def test_another_folder_under_the_name_of_a_set_is_a_conflict(
    client: Client, root: Path, tmp_path: Path
) -> None:
    send_folder(client, root)
    other = write(tmp_path / "b" / "products", {"weipin/qzy/flawless/1.jpg": jpeg(500)})
    with pytest.raises(Conflict, match="--as NAME"):
        send_folder(client, other)
    assert send_folder(client, other, as_name="other")["new"] == 1


def test_a_server_that_wants_the_same_again_and_again_is_given_up(
    client: Client, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = announce_folder(client, root, {})
    real = Client.get

    def forgetful(self: Client, *parts: Any, **query: Any) -> Any:
        if parts[-1] == "missing":
            return {"missing": [next(iter(sent.files))]}
        return real(self, *parts, **query)

    monkeypatch.setattr(Client, "get", forgetful)
    with pytest.raises(NotReady, match="asks for the same files again"):
        send_files(client, sent)
