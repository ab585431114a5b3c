"""The examples of docs/api.md, run."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from sdxl_reg.catalog.artifacts import find_version
from sdxl_reg.catalog.images import find_image_set, summary_of
from sdxl_reg.store.database import reading
from sdxl_reg.web.dependencies import Registry
from tests.registry.catalog.pictures import jpeg, write
from tests.registry.formats.shaped_files import TO_K, shaped_file
from tests.registry.web.browser import serving

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
SCRIPTS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
COMMANDS = re.findall(r"^curl .*$", SCRIPTS.sub("", PAGE.read_text(encoding="utf-8")), re.MULTILINE)
WRITING = [command for command in COMMANDS if "-X POST" in command]
READING = [command for command in COMMANDS if command not in WRITING]


def _asked(command: str) -> tuple[str, dict[str, str]]:
    """Path with query, and what `--data-urlencode` adds to it."""
    words = shlex.split(command)
    address = urlsplit(next(word for word in words if word.startswith("http://127.0.0.1:8000/")))
    path = f"{address.path}?{address.query}" if address.query else address.path
    extra = words[words.index("--data-urlencode") + 1] if "--data-urlencode" in words else ""
    return path, dict([extra.split("=", 1)]) if extra else {}


@pytest.mark.parametrize("command", READING)
def test_an_example_answers(client: TestClient, command: str) -> None:
    path, query = _asked(command)
    response = client.get(path, params=query) if query else client.get(path)
    is_the_problem = path.endswith("weipin-lara")
    assert response.status_code == (404 if is_the_problem else 200), response.text
    if response.headers["content-type"] == "application/json" and "items" in response.json():
        assert response.json()["items"]


def test_the_examples_that_write_are_carried_out_one_after_the_other(writer: TestClient) -> None:
    for command in WRITING:
        words = shlex.split(command)
        said = json.loads(words[words.index("--json") + 1])
        response = writer.post(_asked(command)[0], json=said)
        assert response.status_code in (200, 201, 202), f"{command}: {response.text}"


def test_the_script_that_sends_a_file_sends_it(own_registry: Registry, tmp_path: Path) -> None:
    file = shaped_file(tmp_path / "weipin.safetensors", {TO_K: (4, 2048)}, {})
    said = _carried_out(
        SCRIPTS.findall(PAGE.read_text(encoding="utf-8"))[0], own_registry, tmp_path
    )
    assert '"ref":"sent@1"' in said
    with reading(own_registry.engine) as session:
        version = find_version(session, "sent@1")
    assert own_registry.store.read(version.digest) == file.read_bytes()


def test_the_script_that_sends_a_folder_has_it_ingested(
    own_registry: Registry, tmp_path: Path
) -> None:
    write(tmp_path, {f"products/mugs/white/good/{n}.jpg": jpeg(800 + n) for n in range(3)})
    said = _carried_out(
        SCRIPTS.findall(PAGE.read_text(encoding="utf-8"))[1], own_registry, tmp_path
    )
    assert '"state":"done"' in said
    assert '"new":3' in said
    with reading(own_registry.engine) as session:
        assert summary_of(session, find_image_set(session, "mugs")).images == 3


def _carried_out(script: str, registry: Registry, folder: Path) -> str:
    """What a script of the page prints, asking a server over a registry."""
    with serving(registry) as address:
        done = subprocess.run(
            [
                "/bin/bash",
                "-euo",
                "pipefail",
                "-c",
                script.replace("http://127.0.0.1:8000", address),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_problem_is_the_one_that_is_shown(client: TestClient) -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert client.get("/api/v1/artifacts/weipin-lara").json() == json.loads(shown)
