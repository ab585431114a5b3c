"""Files both ways: resumed where they broke off, and compared with their digest."""

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from sdxl_reg.client import Client
from sdxl_reg.client import files as transfers
from sdxl_reg.client.files import fetch_file, send_file
from sdxl_reg.errors import Conflict, Corrupt, NotFound, UsageError
from tests.registry.formats.test_pickles import Harmful, pickled

PIECE = 400_000


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdxl_reg.client.files.time.sleep", lambda _: None)


def test_a_file_goes_there_and_back(client: Client, big: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    key = send_file(client, big, advance=lambda done, total: told.append((done, total)))
    version = client.post("artifacts", "there", "versions", body={"upload": key})
    assert told[-1] == (big.stat().st_size, big.stat().st_size)
    (file,) = version["files"]
    back = tmp_path / "deep" / "back.safetensors"
    fetch_file(client, file["url"], back, sha256=file["sha256"], size_bytes=file["size_bytes"])
    assert back.read_bytes() == big.read_bytes()
    assert [path.name for path in back.parent.iterdir()] == ["back.safetensors"]


def test_what_arrived_before_a_break_is_not_sent_again(
    client: Client, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "PIECE_BYTES", PIECE)
    sent: list[int] = []
    real = Client.request

    def breaking(self: Client, method: str, url: str, **options: Any) -> httpx.Response:
        if method == "PATCH":
            sent.append(int(options["headers"]["Upload-Offset"]))
            if len(sent) == 2:
                raise self.unreachable(OSError("the cable"))
        return real(self, method, url, **options)

    monkeypatch.setattr(Client, "request", breaking)
    send_file(client, big)
    pieces = list(range(0, big.stat().st_size, PIECE))
    assert len(pieces) > 2
    assert sent == [pieces[0], pieces[1], *pieces[1:]]


def test_another_command_goes_on_with_what_was_begun(
    client: Client, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = big.read_bytes()
    body = {
        "name": big.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
    }
    begun = client.post("uploads", body=body)
    headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    client.request("PATCH", begun["url"], content=data[:1000], headers=headers)
    assert send_file(client, big) == begun["key"]


def test_what_could_run_is_told_and_left(client: Client, tmp_path: Path) -> None:
    evil = pickled(tmp_path / "x.pt", Harmful())
    with pytest.raises(UsageError, match="stays in quarantine"):
        send_file(client, evil)


def test_no_file_is_no_upload(client: Client, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        send_file(client, tmp_path / "nothing")


@pytest.fixture
def served(client: Client) -> dict[str, Any]:
    """A file of the micro base: some megabytes."""
    files = client.get("artifacts", "micro", "versions", "1")["files"]
    found: dict[str, Any] = max(files, key=lambda file: file["size_bytes"])
    return found


def fetched(client: Client, file: dict[str, Any], to: Path, **changed: Any) -> None:
    facts = {"sha256": file["sha256"], "size_bytes": file["size_bytes"]} | changed
    fetch_file(client, file["url"], to, **facts)


def test_a_fetch_goes_on_where_it_was_stopped(
    client: Client, served: dict[str, Any], tmp_path: Path
) -> None:
    whole = client.request("GET", served["url"]).content
    part = tmp_path / f".x.{served['sha256'][:12]}.part"
    part.write_bytes(whole[:1000])
    told: list[int] = []
    fetch_file(
        client,
        served["url"],
        tmp_path / "x",
        sha256=served["sha256"],
        size_bytes=served["size_bytes"],
        advance=lambda done, _: told.append(done),
    )
    assert (tmp_path / "x").read_bytes() == whole
    assert not part.exists()
    assert told[0] > 1000


def test_damaged_bytes_are_not_kept(client: Client, served: dict[str, Any], tmp_path: Path) -> None:
    part = tmp_path / f".x.{served['sha256'][:12]}.part"
    part.write_bytes(b"\0" * 1000)
    with pytest.raises(Corrupt):
        fetched(client, served, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    fetched(client, served, tmp_path / "x")


def test_nothing_that_is_there_is_overwritten(
    client: Client, served: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"mine")
    with pytest.raises(Conflict):
        fetched(client, served, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"mine"


def test_what_is_there_already_is_not_fetched(
    client: Client, served: dict[str, Any], tmp_path: Path
) -> None:
    fetched(client, served, tmp_path / "x")
    fetched(client, served | {"url": "/api/v1/blobs/nothing"}, tmp_path / "x")
