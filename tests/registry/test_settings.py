from pathlib import Path

import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.settings import Settings


def test_everything_works_with_nothing_configured() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path.home() / ".sdxl-reg"
    assert settings.database_url == f"sqlite:///{settings.home}/registry.db"
    assert settings.store_path == settings.home / "blobs"
    assert settings.runs_path == settings.home / "runs"


def test_the_home_moves_everything_that_is_not_said_otherwise(tmp_path: Path) -> None:
    settings = Settings.from_environment({"SDXL_REG_HOME": str(tmp_path)})
    assert settings.store_path == tmp_path / "blobs"
    assert settings.database_url == f"sqlite:///{tmp_path}/registry.db"


def test_a_relative_home_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings.from_environment({"SDXL_REG_HOME": "demo"}).home == tmp_path / "demo"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/data/blobs", "/data/blobs"),
        ("file:///data/blobs", "/data/blobs"),
        ("file:/data/blobs", "/data/blobs"),
        ("file://localhost/data/my%20blobs", "/data/my blobs"),
        ("~/blobs", str(Path.home() / "blobs")),
    ],
)
def test_the_store_is_a_path_or_a_file_url(url: str, path: str) -> None:
    assert Settings.from_environment({"SDXL_REG_STORE_URL": url}).store_path == Path(path)


@pytest.mark.parametrize("url", ["s3://bucket/prefix", "https://host/x", "file://host/x"])
def test_a_store_that_is_no_folder_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue, match="SDXL_REG_STORE_URL"):
        Settings.from_environment({"SDXL_REG_STORE_URL": url})


def test_an_empty_variable_counts_as_none() -> None:
    assert Settings.from_environment({"SDXL_REG_HOME": ""}) == Settings.from_environment({})


def test_a_checkout_of_sd_scripts_is_there_only_when_it_is_named(tmp_path: Path) -> None:
    nothing = Settings.from_environment({})
    assert (nothing.sd_scripts_path, nothing.sd_scripts_python) == (None, None)
    named = Settings.from_environment(
        {"SDXL_REG_SD_SCRIPTS": "~/sd-scripts", "SDXL_REG_SD_SCRIPTS_PYTHON": str(tmp_path / "py")}
    )
    assert named.sd_scripts_path == Path.home() / "sd-scripts"
    assert named.sd_scripts_python == tmp_path / "py"
