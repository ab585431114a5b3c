import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tracked import ROOT, tracked_files

PACKAGES = ("registry", "plugins", "cli", "migrations")
TORCH_FREE = ("web", "catalog", "tables", "store", "trainers", "jobs", "imaging", "formats")


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    folders = [str(root / folder) for folder in PACKAGES]
    program = "import sys; from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-logo", "--no-cache"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The packages and the contracts, somewhere else, to be spoilt."""
    for folder in PACKAGES:
        shutil.copytree(
            ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("__pycache__", "micro_base"),
        )
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def test_the_tree_keeps_every_contract(copied: Path) -> None:
    found = lint_imports(copied)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("module", "planted", "told"),
    [
        ("registry/sdxl_reg/tables/tags.py", "import sdxl_reg.web", "sdxl_reg.tables.tags"),
        ("registry/sdxl_reg/store/blobs.py", "import sdxl_reg.jobs", "sdxl_reg.store.blobs"),
        ("registry/sdxl_reg/catalog/runs.py", "import torch", "sdxl_reg.catalog.runs -> torch"),
        (
            "registry/sdxl_reg/catalog/runs.py",
            "def late():\n    import sdxl_reg.evaluation.render",
            "sdxl_reg.evaluation.render",
        ),
        ("plugins/sdxl_reg_lora/config.py", "import sqlalchemy", "sdxl_reg_lora.config"),
        ("registry/sdxl_reg/jobs/spec.py", "import ray", "sdxl_reg.jobs.spec -> ray"),
        ("registry/sdxl_reg/store/database.py", "import sdxl_reg_migrations", "migrations"),
    ],
)
def test_a_planted_import_breaks_a_contract_that_names_it(
    copied: Path, module: str, planted: str, told: str
) -> None:
    with (copied / module).open("a") as file:
        file.write(f"\n{planted}\n")
    found = lint_imports(copied)
    assert found.returncode == 1
    assert told in found.stdout


def test_a_module_that_no_layer_names_breaks_the_contract(copied: Path) -> None:
    (copied / "registry/sdxl_reg/helpers.py").write_text('"""Nobody drew me."""\n')
    found = lint_imports(copied)
    assert found.returncode == 1
    assert "helpers" in found.stdout


def test_every_plugin_and_package_stands_under_the_contracts() -> None:
    contracts = (ROOT / "pyproject.toml").read_text("utf-8").partition("[tool.importlinter]")[2]
    roots = {path.parts[1] for path in tracked_files() if path.parts[0] in PACKAGES}
    assert all(f'"{package}"' in contracts or f"{package} |" in contracts for package in roots)


def test_what_is_torch_free_leaves_the_torch_half_of_safetensors_alone() -> None:
    """import-linter sees only that safetensors is imported, not which half."""
    torch_free = ["cli", "migrations", *(f"registry/sdxl_reg/{name}" for name in TORCH_FREE)]
    found = [
        str(path)
        for path in tracked_files()
        if path.suffix == ".py"
        and any(path.is_relative_to(folder) for folder in torch_free)
        and "safetensors.torch" in imported(ROOT / path)
    ]
    assert found == []


def imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names
