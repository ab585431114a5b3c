"""What `sdxl-reg ingest` asks in a terminal, tells a program, and does while it watches."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

from sdxl_reg.catalog.ingest_plan import IngestOptions, plan_ingest
from sdxl_reg_cli.ingest_layout import layout_lines
from tests.registry.catalog.pictures import jpeg, products, write

SDXL_REG = (sys.executable, "-c", "from sdxl_reg_cli.main import main; main()")


def _in_terminal(answer: str, *arguments: object) -> tuple[int, str]:
    """Exit code and screen of a command that is typed into a terminal, with one answer."""
    ours, theirs = pty.openpty()
    command = [*SDXL_REG, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, answer.encode())
    screen = b""
    while True:
        try:
            screen += os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    return process.wait(), screen.decode()


def test_the_table_names_each_level_with_its_folders(tmp_path: Path) -> None:
    root = products(tmp_path / "products")
    write(root, {"weipin/qzy/loose.jpg": jpeg(70)})
    plan = plan_ingest(root, IngestOptions())
    assert layout_lines(plan, list(plan.sets)) == [
        "  set          weipin (13)",
        "  brand        qzy (7), lsbr (6)",
        "  state        flawed (8), flawless (4)",
        "               1 pictures without",
        "  defect       fold (4), spot (4)",
        "               5 pictures without",
    ]


def test_a_new_set_is_asked_about_and_nothing_is_done_without_a_yes(tmp_path: Path) -> None:
    root = products(tmp_path / "products")
    code, screen = _in_terminal("n\n", "ingest", root)
    assert code == 130
    assert "Is that what the folders mean?" in screen
    code, screen = _in_terminal("y\n", "ingest", root)
    assert code == 0
    assert "12 new" in screen
    code, screen = _in_terminal("", "ingest", root)
    assert (code, "Is that what" in screen) == (0, False)


def test_progress_is_told_to_a_program_on_stderr(tmp_path: Path) -> None:
    root = products(tmp_path / "products")
    command = [*SDXL_REG, "ingest", str(root), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["new"] == 12
    events = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [(e["event"], e["done"], e["total"]) for e in events][-1] == ("progress", 12, 12)


def test_watching_takes_what_is_added(tmp_path: Path) -> None:
    root = products(tmp_path / "products")
    command = [*SDXL_REG, "ingest", str(root), "--watch"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert any(line.startswith("Watching") for line in process.stderr)
            time.sleep(1)  # until the watch is on
            write(root, {"weipin/qzy/flawless/new.jpg": jpeg(71)})
            told = next(line for line in process.stderr if " seen · " in line)
        finally:
            process.send_signal(signal.SIGINT)
    assert told.startswith("13 seen · 1 new · 12 unchanged")
