"""Names of networks, as users write them and as scores call them."""

from pathlib import Path

import pytest

from sdxl_reg.errors import InvalidValue, NotFound
from sdxl_reg.evaluation.networks.names import Networks, family_and_source, folder_of, identity
from sdxl_reg.evaluation.references import SCORER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "network"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def test_a_name_is_a_family_and_a_source() -> None:
    assert family_and_source("dinov2:facebook/dinov2-base") == ("dinov2", "facebook/dinov2-base")
    assert family_and_source("clip:/models/c:1") == ("clip", "/models/c:1")
    assert family_and_source("efficientnet-lite0") == ("efficientnet-lite0", "")


@pytest.mark.parametrize(
    "name", ["", "dinov2", "dinov2:", "clip: ", "vgg:x", "efficientnet-lite0:x"]
)
def test_what_is_no_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"Give efficientnet-lite0 .*, dinov2:PATH"):
        Networks(image=name)


def test_a_network_that_reads_no_words_is_no_text_network() -> None:
    Networks(text="clip:x/y")
    with pytest.raises(InvalidValue, match="reads no words"):
        Networks(text="dinov2:x/y")


def test_a_missing_network_is_told_with_its_name_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotFound, match=r"clip:nobody/nothing.*hf download nobody/nothing"):
        folder_of("clip:nobody/nothing", may_download=False)
    with pytest.raises(NotFound, match=r"dinov2:/not/there.*config\.json"):
        folder_of("dinov2:/not/there", may_download=False)


def test_a_network_in_the_hubs_cache_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    kept = tmp_path / "models--nobody--tiny"
    snapshot = kept / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("a" * 40)
    assert folder_of("clip:nobody/tiny", may_download=False) == snapshot


def test_the_one_that_ships_is_what_the_catalog_calls_it() -> None:
    assert identity("efficientnet-lite0") == SCORER


def test_an_identity_follows_the_files_and_not_the_place(folder: Path, tmp_path: Path) -> None:
    name = identity(f"dinov2:{folder}")
    assert name.startswith("dinov2-")
    assert name.endswith("/1")
    moved = folder.rename(tmp_path / "elsewhere")
    assert identity(f"dinov2:{moved}") == name
    (moved / "notes.md").write_text("not part of it")
    assert identity(f"dinov2:{moved}") == name
    (moved / "model.safetensors").write_bytes(b"other weights")
    assert identity(f"dinov2:{moved}") != name
