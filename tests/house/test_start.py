import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "diffusers", "peft", "transformers", "accelerate")
BROWSING = (*HEAVY, "fastapi", "alembic", "numpy", "PIL")


def modules_after(arguments: list[str], home: Path) -> set[str]:
    """The names of the modules that a command line has imported when it exits."""
    program = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n"
        "from sdxl_reg_cli.main import main\n"
        "main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"SDXL_REG_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return set(done.stderr.split())


def test_help_imports_nothing_that_takes_time(tmp_path: Path) -> None:
    loaded = modules_after(["--help"], tmp_path)
    assert "click" in loaded
    assert loaded.isdisjoint({*BROWSING, "sqlalchemy", "pydantic"})


@pytest.mark.parametrize(
    "command",
    [["images"], ["artifacts"], ["runs"], ["trainers"], ["train", "--help"], ["serve", "--help"]],
    ids=" ".join,
)
def test_browsing_imports_no_torch(command: list[str], tmp_path: Path) -> None:
    assert modules_after(command, tmp_path).isdisjoint(HEAVY)


def test_the_web_application_imports_no_torch() -> None:
    program = "import sys, sdxl_reg.web.app; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert set(done.stdout.split()).isdisjoint(HEAVY)
