"""The commands ingest, images, tags and captions."""

from pathlib import Path

import pytest

from tests.cli.typing_commands import json_of, run
from tests.registry.catalog.pictures import products, write


@pytest.fixture(autouse=True)
def root(tmp_path: Path, home: Path) -> Path:
    """A folder of products; the home is empty."""
    return products(tmp_path / "products")


def test_ingest_answers_with_one_json_document(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"weipin/qzy/flawless/bad.jpg": b"text", "weipin/qzy/flawless/a.svg": b"x"})
    report = json_of(capsys, "ingest", root)
    assert report["image_sets"][0]["name"] == "weipin"
    assert report["image_sets"][0]["images"] == 12
    counts = ("seen", "new", "unchanged", "duplicates", "skipped", "failed")
    assert [report[name] for name in counts] == [14, 12, 0, 0, 1, 1]
    assert [(p["path"], p["stage"], p["code"]) for p in report["problems"]] == [
        ("weipin/qzy/flawless/a.svg", "scan", "unsupported-type"),
        ("weipin/qzy/flawless/bad.jpg", "decode", "not-an-image"),
    ]


def test_ingest_tells_what_it_decided_and_found(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"weipin/a.svg": b"x", "weipin/b.mp4": b"x", "Thumbs.db": b"x"})
    assert run("ingest", root) == 0
    told = capsys.readouterr().err
    assert told.startswith("Each first-level folder is an image set")
    assert "14 seen · 12 new" in told
    assert "2 unsupported-type (1 .svg, 1 .mp4)" in told
    assert "Ignored: 1 Thumbs.db" in told


@pytest.mark.parametrize(("name", "code"), [("nothing", 3), ("empty", 2), ("file.jpg", 2)])
def test_bad_folders_exit_as_the_design_says(
    name: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.jpg").touch()
    assert run("ingest", tmp_path / name) == code
    assert "error:" in capsys.readouterr().err


def test_images_tags_and_captions_show_what_was_ingested(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("ingest", root, "--caption", "{tags}, black background") == 0
    assert [item["name"] for item in json_of(capsys, "images")["items"]] == ["weipin"]
    page = json_of(capsys, "images", "--set", "weipin", "--tag", "qzy/**")
    assert page["total"] == 6
    tree = json_of(capsys, "tags", "weipin")["tags"]
    assert [(node["name"], node["images"]) for node in tree] == [("lsbr", 6), ("qzy", 6)]
    path = "qzy/flawed/spot/xxx1.jpg"
    assert run("captions", "set", "weipin", path, "a spot", "--author", "li") == 0
    history = json_of(capsys, "captions", "history", "weipin", path)["items"]
    assert [(item["text"], item["source"]) for item in history] == [
        ("a spot", "person"),
        ("qzy, flawed, spot, black background", "tags"),
    ]
    listed = json_of(capsys, "captions", "list", "weipin", "--tag", "qzy/**/spot")["items"]
    assert [item["caption"] for item in listed][:1] == ["a spot"]
