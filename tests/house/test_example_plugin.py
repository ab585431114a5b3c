"""The example of docs/trainers.md: it is found, it conforms, and the page quotes it truly."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.tracked import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "sdxl-reg-ia3"
PAGE = ROOT / "docs" / "trainers.md"
GROUP = "sdxl_reg.trainers"


def python(*arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    """A process that finds the example, which is not installed, on its PYTHONPATH."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def quotations(page: str) -> list[tuple[str, str]]:
    """The page's pieces of Python and TOML, each with the target of the last link of `From […]`."""
    found, source = [], ""
    pattern = r"From\s+\[[^\]]*\]\(([^)]+)\)|^```(?:python|toml)\n(.*?)^```$"
    for link, code in re.findall(pattern, page, re.MULTILINE | re.DOTALL):
        source = link or source
        if code:
            found.append((source, code))
    return found


@pytest.mark.slow
def test_the_example_keeps_what_every_trainer_has_to_keep() -> None:
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE / "tests"))
    done = python(*tests, path=str(EXAMPLE))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^13 passed", done.stdout, re.MULTILINE), done.stdout  # as the page says


def test_its_entry_point_makes_it_a_trainer(tmp_path: Path) -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    entries = [f"{name} = {value}" for name, value in project["entry-points"][GROUP].items()]
    installed = tmp_path / "sdxl_reg_ia3-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: sdxl-reg-ia3\nVersion: 0.1.0")
    (installed / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *entries]))
    path = os.pathsep.join([str(tmp_path), str(EXAMPLE)])
    command = "from sdxl_reg_cli.main import main; main(['trainers', '--json'])"
    listed = json.loads(python("-c", command, path=path).stdout)
    assert "ia3" in {trainer["name"] for trainer in listed["items"]}
    assert listed["broken"] == []


def test_the_page_quotes_the_example_word_by_word() -> None:
    quoted = quotations(PAGE.read_text("utf-8"))
    assert len(quoted) >= 8
    for source, code in quoted:
        text = (PAGE.parent / source).read_text("utf-8")
        assert code in text, f"{source} does not say:\n{code}"


def test_quotations_are_found_with_their_source() -> None:
    page = "From\n[a](b.py):\n\n```python\nx = 1\n```\n\n```\nsh\n```\n\n```python\ny\n```\n"
    assert quotations(page) == [("b.py", "x = 1\n"), ("b.py", "y\n")]
