"""`sdxl-reg artifact scan`."""

import json
from pathlib import Path

import pytest

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_cli.installation import opened
from tests.cli.typing_commands import json_of, run
from tests.registry.formats.test_pickles import Harmful, pickled


@pytest.fixture
def harmful(home: Path, tmp_path: Path) -> None:
    """old@1, a pickle that would run code, from before files were scanned when they came."""
    from sdxl_reg.store.database import transaction

    path = pickled(tmp_path / "old.pt", Harmful())
    with opened() as registry, transaction(registry.engine) as session:
        artifact = ensure_artifact(session, "old", ArtifactKind.HYPERNETWORK)
        files = {path.name: registry.store.put_file(path)}
        add_version(session, artifact, NewVersion(files=files))


def test_files_that_hold_numbers_only_are_safe(
    home: Path, tiny_loras: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("artifact", "import", tiny_loras[0], "--name", "x") == 0
    (item,) = json_of(capsys, "artifact", "scan", "x")["items"]
    assert (item["version"], item["verdict"]) == ("x@1", "safe")


@pytest.mark.usefixtures("harmful")
def test_what_could_run_code_is_named_and_ends_with_5(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("artifact", "scan") == 5
    said = capsys.readouterr()
    assert "old@1" in said.out
    assert "1 are unsafe" in said.err
    assert "sdxl-reg artifact yank old@1" in said.err


@pytest.mark.usefixtures("harmful")
def test_with_json_it_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("artifact", "scan", "--json") == 5
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert (item["version"], item["path"], item["verdict"]) == ("old@1", "old.pt", "unsafe")
    assert item["reason"]
