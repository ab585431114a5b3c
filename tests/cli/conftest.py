"""An empty home for every command that a test types, and things to compare in it."""

from pathlib import Path

import pytest

from sdxl_reg.catalog.artifacts import NewVersion, add_version, ensure_artifact
from sdxl_reg.catalog.bases import find_base
from sdxl_reg.store.database import transaction
from sdxl_reg.vocabulary import ArtifactKind
from sdxl_reg_cli.installation import opened


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home for every test."""
    for name in ("SDXL_REG_DATABASE_URL", "SDXL_REG_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDXL_REG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def imported(tiny_base: Path, tiny_loras: list[Path]) -> None:
    """Two versions of x-lora that came from elsewhere: with a base, without a run or a dataset."""
    with opened() as registry, transaction(registry.engine) as session:
        base = find_base(session, registry.store, str(tiny_base))
        artifact = ensure_artifact(session, "x-lora", ArtifactKind.LORA)
        for path in tiny_loras:
            files = {path.name: registry.store.put_file(path)}
            new = NewVersion(files=files, base_version_id=base.id, trainer="lora")
            add_version(session, artifact, new)
