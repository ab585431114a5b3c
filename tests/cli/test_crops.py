"""The commands about crops."""

from pathlib import Path

import pytest
from PIL import Image

from tests.cli.typing_commands import json_of, run
from tests.registry.catalog.pictures import products

PATH = "qzy/flawless/xxx1.jpg"


@pytest.fixture(autouse=True)
def weipin(tmp_path: Path, home: Path) -> None:
    """Twelve ingested pictures of 48 × 32 pixels."""
    assert run("ingest", products(tmp_path / "products")) == 0


def test_show_lists_buckets_and_writes_a_sheet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bucket,) = json_of(capsys, "crops", "show", "weipin")["buckets"]
    assert (bucket["size"], bucket["images"], bucket["enlarged"]) == ([1216, 832], 12, 12)
    assert run("crops", "show", "weipin", "--to", tmp_path / "b.png", "--most", 2) == 0
    said = capsys.readouterr()
    assert "1216x832" in said.out
    assert "12 pictures, buckets: 1; 0 with a crop; 12 are enlarged" in said.err
    with Image.open(tmp_path / "b.png") as sheet:
        assert sheet.width > 1000
    assert run("crops", "show", "weipin", "--bucket", "1216x832") == 0
    assert PATH in capsys.readouterr().out
    assert run("crops", "show", "weipin", "--bucket", "512x512") == 3
    assert run("crops", "show", "weipin", "--to", tmp_path / "b.doc") == 2


def test_show_says_which_are_too_small(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("crops", "show", "weipin", "--no-upscale") == 0
    assert "12 are too small" in capsys.readouterr().err
    (bucket,) = json_of(capsys, "crops", "show", "weipin", "--no-buckets", "--resolution", "64")[
        "buckets"
    ]
    assert bucket["size"] == [64, 64]


def test_buckets_of_small_bases_have_finer_steps_unless_it_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for step, size in ((), [160, 96]), (("--step", 64), [128, 128]):
        shown = json_of(capsys, "crops", "show", "weipin", "--resolution", 128, *step)
        assert [bucket["size"] for bucket in shown["buckets"]] == [size]


def test_a_crop_is_set_by_box_or_focus_and_cleared_and_undone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("crops", "set", "weipin", PATH, "--box", "0.25,0,0.75,1", "--author", "mei") == 0
    assert run("crops", "set", "weipin", PATH, "--focus", "1,0.5") == 0
    buckets = json_of(capsys, "crops", "show", "weipin")["buckets"]
    (seen,) = [p for b in buckets for p in b["pictures"] if p["path"] == PATH]
    assert seen["crop"] == pytest.approx([1 / 3, 0, 1, 1], abs=1e-6)
    assert run("crops", "clear", "weipin", "--select", "qzy/**") == 0
    assert json_of(capsys, "crops", "undo", "weipin")["undone"]["summary"].startswith("no crops")
    assert run("crops", "undo", "weipin") == 0
    buckets = json_of(capsys, "crops", "show", "weipin")["buckets"]
    assert [p["crop"] for b in buckets for p in b["pictures"] if p["crop"]] == [[0.25, 0, 0.75, 1]]


def test_proposals_are_shown_and_stored_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("crops", "propose", "weipin", "--to", tmp_path / "p.png") == 0
    assert "Nothing is stored" in capsys.readouterr().err
    assert (tmp_path / "p.png").is_file()
    first = json_of(capsys, "crops", "propose", "weipin", "--method", "entropy", "--aspect", "3:4")
    assert len(first["items"]) == 12
    assert first["change"] is None
    assert run("crops", "propose", "weipin", "--select", "qzy/**", "--apply") == 0
    assert "crops of 6 pictures" in capsys.readouterr().err
    assert run("crops", "propose", "weipin", "--method", "centre", "--apply") == 0
    assert "6 had one" in capsys.readouterr().err
    assert run("crops", "propose", "weipin", "--method", "centre", "--apply") == 0
    assert "Nothing differs" in capsys.readouterr().err


def test_the_background_is_shown_and_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    assert json_of(capsys, "crops", "background", "weipin")["background"] == "#ffffff"
    assert json_of(capsys, "crops", "background", "weipin", "#000000") == {
        "background": "#000000",
        "changed": True,
    }
    assert run("crops", "background", "weipin", "black") == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("set", "weipin", PATH), 2),
        (("set", "weipin", PATH, "--box", "0,0,1,1", "--focus", "0,0"), 2),
        (("set", "weipin", PATH, "--box", "0,0,1"), 2),
        (("set", "weipin", PATH, "--box", "0,0,1,2"), 2),
        (("set", "weipin", PATH, "--focus", "a,b"), 2),
        (("set", "weipin", "nothing.jpg", "--focus", "0,0"), 3),
        (("set", "weipin", PATH, "--focus", "0,0", "--aspect", "0:1"), 2),
        (("propose", "weipin", "--method", "edge"), 2),
        (("propose", "weipn"), 3),
        (("show", "weipin", "--resolution", "wide"), 2),
        (("clear", "weipin", PATH, "--select", "qzy"), 2),
        (("undo", "weipin"), 3),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_before_anything_changes(
    arguments: tuple[str, ...], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("crops", *arguments) == code
    assert "error" in capsys.readouterr().err
