"""Sheets as files: each format by its suffix, within its limits, whole or not at all."""

from pathlib import Path

import pytest
from PIL import Image

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.sheet import draw_sheet
from sdxl_reg.evaluation.sheet_files import save_sheet, save_sheets
from sdxl_reg.evaluation.view import Axis
from tests.registry.evaluation.example_view import cells, example_view


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.JPEG", "JPEG"), ("a.webp", "WEBP")]
)
def test_the_suffix_names_the_format(tmp_path: Path, name: str, kind: str) -> None:
    saved = save_sheet(Image.new("RGB", (30, 20), "red"), tmp_path / "deep" / name)
    with Image.open(saved.path) as opened:
        assert (opened.format, opened.size) == (kind, (30, 20))
    assert saved.remark == ""
    assert [path.name for path in (tmp_path / "deep").iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt"])
def test_another_suffix_is_refused_with_those_that_exist(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidValue, match=r"\.png \.jpg \.jpeg \.webp"):
        save_sheet(Image.new("RGB", (3, 2)), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_out_of_range_is_refused(tmp_path: Path, quality: int) -> None:
    with pytest.raises(InvalidValue, match="1 to 100"):
        save_sheet(Image.new("RGB", (3, 2)), tmp_path / "a.jpg", quality=quality)


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_lower_quality_is_a_smaller_file(tmp_path: Path, suffix: str) -> None:
    noise = Image.effect_noise((200, 200), 90).convert("RGB")
    sizes = [
        save_sheet(noise, tmp_path / f"{quality}{suffix}", quality=quality).path.stat().st_size
        for quality in (20, 95)
    ]
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize(("suffix", "most"), [(".webp", 16_383), (".jpg", 65_500)])
def test_what_a_format_cannot_hold_is_made_smaller_and_said(
    tmp_path: Path, suffix: str, most: int
) -> None:
    saved = save_sheet(Image.new("RGB", (66_000, 40)), tmp_path / f"a{suffix}")
    assert saved.size[0] == most
    assert saved.size[1] == int(40 * most / 66_000)
    assert f"{most} pixels a side" in saved.remark
    with Image.open(saved.path) as opened:
        assert opened.size == saved.size


def test_png_keeps_the_size(tmp_path: Path) -> None:
    saved = save_sheet(Image.new("RGB", (66_000, 4)), tmp_path / "a.png")
    assert saved.size == (66_000, 4)


def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        save_sheet(Image.new("RGB", (3, 2)), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_one_page_keeps_the_name_and_several_are_numbered(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    assert [saved.path.name for saved in save_sheets(view, tmp_path / "s.png")] == ["s.png"]
    z = Axis(field="cfg", label="guidance", values=["3", "7"])
    pages = example_view(tmp_path, z=z, cells=cells(tmp_path, (3, 2, 2, 2)))
    names = [saved.path.name for saved in save_sheets(pages, tmp_path / "t.webp")]
    assert names == ["t-1.webp", "t-2.webp"]
    assert save_sheets(view, tmp_path / "u.png")[0].size == draw_sheet(view).size
