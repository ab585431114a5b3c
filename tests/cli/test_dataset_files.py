"""`sdxl-reg dataset export`."""

import json
from pathlib import Path

import pytest

from sdxl_reg_cli.main import main
from tests.registry.catalog.pictures import products


@pytest.fixture(autouse=True)
def frozen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen dataset in a home of its own."""
    for name in ("SDXL_REG_DATABASE_URL", "SDXL_REG_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDXL_REG_HOME", str(tmp_path / "home"))
    assert _run("ingest", products(tmp_path / "products")) == 0
    assert _run("dataset", "freeze", "weipin") == 0


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_an_export_for_kohya_says_where_it_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    to = tmp_path / "out"
    assert _run("dataset", "export", "weipin@1", "--to", to, "--repeats", 10, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "folder": str(to),
        "folders": {"image/10_lsbr": 6, "image/10_qzy": 6},
        "images": 12,
        "converted": 0,
        "without_caption": [],
    }
    assert (to / "dataset.toml").is_file()


def test_an_export_as_a_folder_has_the_tree_of_the_tags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("dataset", "export", "weipin", "--format", "folder", "--to", tmp_path / "out") == 0
    assert (tmp_path / "out" / "qzy" / "flawed" / "spot" / "xxx1.txt").is_file()
    assert "qzy/flawed/spot" in capsys.readouterr().out


def test_options_of_the_other_format_are_refused(tmp_path: Path) -> None:
    arguments = ("dataset", "export", "weipin", "--format", "folder", "--to", tmp_path / "out")
    assert _run(*arguments, "--repeats", 2) == 2
    assert not (tmp_path / "out").exists()


def test_exporting_over_something_else_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "dataset.toml").write_text("mine")
    assert _run("dataset", "export", "weipin", "--to", tmp_path) == 4
    assert _run("dataset", "export", "none", "--to", tmp_path) == 3
