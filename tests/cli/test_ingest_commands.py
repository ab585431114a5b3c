"""The commands ingest, images, tags and captions."""

import json
from pathlib import Path
from typing import Any

import pytest

from sdxl_reg_cli.main import main
from tests.registry.catalog.pictures import products, write


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of products, and an empty home."""
    for name in ("SDXL_REG_DATABASE_URL", "SDXL_REG_STORE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDXL_REG_HOME", str(tmp_path / "home"))
    return products(tmp_path / "products")


def _run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def _json(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    assert _run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_ingest_answers_with_one_json_document(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(root, {"weipin/qzy/flawless/bad.jpg": b"text", "weipin/qzy/flawless/a.svg": b"x"})
    report = _json(capsys, "ingest", root)
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
    assert _run("ingest", root) == 0
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
    assert _run("ingest", tmp_path / name) == code
    assert "error:" in capsys.readouterr().err


def test_images_tags_and_captions_show_what_was_ingested(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("ingest", root, "--caption", "{tags}, black background") == 0
    assert [item["name"] for item in _json(capsys, "images")["items"]] == ["weipin"]
    page = _json(capsys, "images", "--set", "weipin", "--tag", "qzy/**")
    assert page["total"] == 6
    tree = _json(capsys, "tags", "weipin")["tags"]
    assert [(node["name"], node["images"]) for node in tree] == [("lsbr", 6), ("qzy", 6)]
    path = "qzy/flawed/spot/xxx1.jpg"
    assert _run("captions", "set", "weipin", path, "a spot", "--author", "li") == 0
    history = _json(capsys, "captions", "history", "weipin", path)["items"]
    assert [(item["text"], item["source"]) for item in history] == [
        ("a spot", "person"),
        ("qzy, flawed, spot, black background", "tags"),
    ]
    listed = _json(capsys, "captions", "list", "weipin", "--tag", "qzy/**/spot")["items"]
    assert [item["caption"] for item in listed][:1] == ["a spot"]
