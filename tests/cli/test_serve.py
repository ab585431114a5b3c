"""`sdxl-reg serve`: starts, says where, refuses a taken port, ends well."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sdxl_reg.errors import Conflict, InvalidValue
from sdxl_reg_cli.serve import address_of, listening
from tests.cli.typing_commands import run

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is refused, and then served
COMMAND = [sys.executable, "-c", "from sdxl_reg_cli.main import main; main()", "serve"]


@contextmanager
def _serving(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """A server in a process of its own, and what it said of itself; interrupted at the end."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--json", *options],
        env={**os.environ, "SDXL_REG_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1] != "}\n":
        lines.append(process.stdout.readline())
    try:
        yield process, json.loads("".join(lines))
    finally:
        process.send_signal(signal.SIGINT)


def test_it_serves_pages_and_api_until_it_is_interrupted(tmp_path: Path) -> None:
    with _serving(tmp_path) as (process, said):
        with urllib.request.urlopen(said["url"], timeout=20) as answer:  # noqa: S310 - our own server
            assert b"sdxl-reg ingest products/" in answer.read()
        with urllib.request.urlopen(f"{said['api']}/runs", timeout=20) as answer:  # noqa: S310
            assert json.load(answer) == {"items": [], "next": None}
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Stopped." in told
    assert "Traceback" not in told
    assert "GET" not in told


def test_asked_to_it_logs_every_request_as_a_line_of_json(tmp_path: Path) -> None:
    with (
        _serving(tmp_path, "--log", "json") as (process, said),
        urllib.request.urlopen(f"{said['url']}health", timeout=20) as answer,  # noqa: S310
    ):
        given = answer.headers["X-Request-Id"]
    _, told = process.communicate(timeout=20)
    (line,) = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/health", 200)
    assert line["request_id"] == given


def test_a_whole_network_is_served_only_once_there_are_users(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("serve", "--host", EVERYWHERE, "--port", "0") == 4
    told = capsys.readouterr().err
    assert "0.0.0.0 can be reached by others" in told
    assert "sdxl-reg user add NAME --admin" in told
    assert run("user", "add", "anna", "--admin", "--no-password") == 0
    with _serving(home, "--host", EVERYWHERE) as (process, said):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{said['api']}/runs", timeout=20)  # noqa: S310
        with urllib.request.urlopen(f"{said['url']}health", timeout=20) as answer:  # noqa: S310
            assert answer.status == 200
    process.communicate(timeout=20)


def test_behind_a_proxy_it_answers_to_the_names_it_is_given(home: Path) -> None:
    with _serving(home, "--name", "pictures.example") as (process, said):
        for name, status in (("pictures.example", 200), ("other.example", 400)):
            asked = urllib.request.Request(said["url"], headers={"Host": name})  # noqa: S310
            try:
                with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310
                    found = answer.status
            except urllib.error.HTTPError as error:
                found = error.code
            assert found == status
    process.communicate(timeout=20)


def test_a_taken_port_is_a_conflict_with_the_next_one_as_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} of 127.0.0.1 is in use") as caught:
            listening("127.0.0.1", port)
    assert caught.value.exit_code == 4
    assert "--port" in caught.value.remedy


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(InvalidValue, match="cannot listen"):
        listening("192.0.2.1", 0)


def test_answers_are_sent_at_once_on_connections_that_stay_open() -> None:
    with listening("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP  # else asyncio leaves Nagle's algorithm on


def test_the_address_can_be_typed_into_a_browser() -> None:
    with listening("127.0.0.1", 0) as bound:
        assert address_of(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}/"


def test_serving_imports_no_torch() -> None:
    code = (
        "import sys, sdxl_reg_cli.serve, sdxl_reg.web.app;"
        "print(sorted({'torch', 'diffusers', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
