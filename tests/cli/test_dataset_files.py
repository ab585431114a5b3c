"""`sdxl-reg dataset export` and `sdxl-reg dataset import`."""

import json
from pathlib import Path

import pytest
from PIL import Image

from sdxl_reg.formats.dataset_formats import EXPORTS, IMPORTS
from tests.cli.typing_commands import run
from tests.registry.catalog.pictures import jpeg, products, write


@pytest.fixture(autouse=True)
def frozen(tmp_path: Path, home: Path) -> None:
    """A frozen dataset in a home of its own."""
    assert run("ingest", products(tmp_path / "products")) == 0
    assert run("dataset", "freeze", "weipin") == 0


def test_an_export_for_kohya_says_where_it_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    to = tmp_path / "out"
    assert run("dataset", "export", "weipin@1", "--to", to, "--repeats", 10, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "format": "kohya",
        "folder": str(to),
        "folders": {"image/10_lsbr": 6, "image/10_qzy": 6},
        "images": 12,
        "converted": 0,
        "left_out": 0,
        "without_caption": [],
    }
    assert (to / "dataset.toml").is_file()


def test_an_export_as_a_folder_has_the_tree_of_the_tags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("dataset", "export", "weipin", "--format", "folder", "--to", tmp_path / "out") == 0
    assert (tmp_path / "out" / "qzy" / "flawed" / "spot" / "xxx1.txt").is_file()
    assert "qzy/flawed/spot" in capsys.readouterr().out


def test_options_of_the_other_format_are_refused(tmp_path: Path) -> None:
    arguments = ("dataset", "export", "weipin", "--format", "folder", "--to", tmp_path / "out")
    assert run(*arguments, "--repeats", 2) == 2
    assert not (tmp_path / "out").exists()


def test_options_reach_the_pictures(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--format", "hypernetwork", "--resolution", "64x48", "--crop", "edges")
    more = ("--caption-suffix", ", black background", "--image-format", "webp", "--quality", 80)
    assert run("dataset", "export", "weipin", "--to", out, *arguments, *more) == 0
    text = (out / "qzy_flawed_spot_02.txt").read_text()
    assert text == "qzy, flawed, spot, black background"
    with Image.open(out / "qzy_flawed_spot_02.webp") as picture:
        assert picture.size == (64, 48)


def test_a_wrong_option_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = ("--to", tmp_path / "out")
    assert run("dataset", "export", "weipin", *to, "--resolution", "huge") == 2
    assert "832x1216" in capsys.readouterr().err
    assert run("dataset", "export", "weipin", *to, "--crop", "edge") == 2
    assert "'edges'" in capsys.readouterr().err


def test_help_lists_the_formats_and_what_reads_them(capsys: pytest.CaptureFixture[str]) -> None:
    for verb, formats in (("export", EXPORTS), ("import", IMPORTS)):
        assert run("dataset", verb, "--help") == 0
        said = capsys.readouterr().out
        assert all(f"{name:<13}{text}" in said for name, text in formats.items())


def test_what_was_exported_can_be_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("dataset", "export", "weipin", "--format", "coco", "--to", tmp_path / "out") == 0
    capsys.readouterr()
    assert run("dataset", "import", tmp_path / "out", "--as", "again", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["format"], document["pictures"], document["captions"]) == ("coco", 12, 12)
    assert document["image_set"] == "again"
    assert run("dataset", "freeze", "again") == 0


def test_an_import_tells_what_it_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = '{"file_name": "../x.jpg"}\n{"file_name": "a.jpg", "text": "one"}\n'
    write(tmp_path / "set", {"metadata.jsonl": rows.encode(), "a.jpg": jpeg(1)})
    assert run("dataset", "import", tmp_path / "set", "--as", "small") == 0
    said = capsys.readouterr()
    assert "Not taken: ../x.jpg: It lies outside of the data set" in said.err
    assert "imagefolder" in said.out
    assert run("dataset", "import", tmp_path / "nowhere", "--as", "small") == 3


def test_exporting_over_something_else_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "dataset.toml").write_text("mine")
    assert run("dataset", "export", "weipin", "--to", tmp_path) == 4
    assert run("dataset", "export", "none", "--to", tmp_path) == 3
