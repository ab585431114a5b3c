"""`sdxl-reg duplicates`."""

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.typing_commands import json_of, run
from tests.registry.catalog.likenesses import near_products


@pytest.fixture(autouse=True)
def ingested(tmp_path: Path, home: Path) -> None:
    """A home with pictures of which some are the same or nearly so."""
    assert run("ingest", near_products(tmp_path / "products")) == 0


def test_clusters_are_told_with_the_one_to_keep(capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of(capsys, "duplicates", "weipin")
    assert (found["total"], found["conflicts"]) == (4, 2)
    assert found["items"][0]["keep"] == found["items"][0]["members"][0]["path"]
    assert {item["kind"] for item in found["items"]} == {"near", "same bytes", "same pixels"}


def test_across_labels_gives_only_what_contradicts(capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of(capsys, "duplicates", "weipin", "--across-labels")
    assert [item["conflict"]["tags"] for item in found["items"]] == [
        ["lsbr/flawless", "qzy/flawless"],
        ["qzy/flawed/spot", "qzy/flawless"],
    ]
    assert run("duplicates") == 0
    assert "qzy/flawed/spot" in capsys.readouterr().out


def test_a_sheet_shows_every_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("duplicates", "weipin", "--to", tmp_path / "sheet.png") == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.height > 4 * 192
    assert run("duplicates", "weipin", "--to", tmp_path / "sheet.html") == 0
    page = (tmp_path / "sheet.html").read_text("utf-8")
    assert page.count("<section>") == 4
    assert page.count("data:image/jpeg") == 9
    assert "4 clusters are on" in capsys.readouterr().err


def test_a_sheet_of_another_kind_is_refused(tmp_path: Path) -> None:
    assert run("duplicates", "weipin", "--to", tmp_path / "sheet.gif") == 2
    assert not (tmp_path / "sheet.gif").exists()


def test_a_selector_without_a_set_and_an_unknown_set_are_refused() -> None:
    assert run("duplicates", "--select", "qzy/**") == 2
    assert run("duplicates", "none") == 3
