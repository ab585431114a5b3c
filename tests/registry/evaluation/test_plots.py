"""Plots: well-formed, told in words, coloured so that they can be told apart, inert."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sdxl_reg.errors import UnknownName
from sdxl_reg.evaluation.plot_frame import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, round_numbers
from sdxl_reg.evaluation.plots import PALETTE, save_plot, score_plot
from sdxl_reg.evaluation.view import Axis, Panel
from sdxl_reg.vocabulary import Better
from tests.registry.evaluation.example_view import cells, example_view

SVG = "{http://www.w3.org/2000/svg}"


def _parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 # our own output


def _texts(root: ElementTree.Element) -> list[str]:
    return [found.text or "" for found in root.iter(f"{SVG}text")]


def test_a_plot_says_in_words_what_it_shows(tmp_path: Path) -> None:
    root = _parsed(score_plot(example_view(tmp_path)))
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{SVG}title") == "fidelity against strength, by version"
    described = root.findtext(f"{SVG}desc") or ""
    assert "bands span the 2 pictures" in described
    assert "@2: best 0.310 at 1" in described


def test_a_metric_without_a_good_end_is_told_by_its_range(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    metrics = [replace(metric, better=Better.NEITHER) for metric in view.metrics]
    described = _parsed(score_plot(replace(view, metrics=metrics))).findtext(f"{SVG}desc") or ""
    assert "best" not in described
    assert re.search(r"@2: 0\.\d{3} to 0\.310", described)


def test_there_is_a_line_a_dot_a_band_and_a_label_for_each_curve(tmp_path: Path) -> None:
    root = _parsed(score_plot(example_view(tmp_path)))
    assert len(list(root.iter(f"{SVG}polyline"))) == 2
    assert len(list(root.iter(f"{SVG}polygon"))) == 2
    assert len(list(root.iter(f"{SVG}circle"))) == 2 * 3 + 1  # and the ring of the pick
    assert {"@1", "@2", "pick", "strength"} <= set(_texts(root))


def test_no_line_runs_between_values_that_are_no_numbers(tmp_path: Path) -> None:
    x = Axis(field="sampler", label="sampler", values=["Euler", "DDIM", "DPM++ 2M"])
    root = _parsed(score_plot(example_view(tmp_path, x=x)))
    assert list(root.iter(f"{SVG}polyline")) == []
    dots = [float(dot.attrib["cx"]) for dot in root.iter(f"{SVG}circle")]
    assert len(set(dots)) == 6  # side by side; the ring lies on one of them


def test_everything_lies_inside_the_drawing(tmp_path: Path) -> None:
    root = _parsed(score_plot(example_view(tmp_path)))
    for dot in root.iter(f"{SVG}circle"):
        assert LEFT <= float(dot.attrib["cx"]) <= RIGHT
        assert TOP <= float(dot.attrib["cy"]) <= BOTTOM
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.attrib["x"]) <= WIDTH
        assert 0 <= float(text.attrib["y"]) <= HEIGHT


def test_labels_of_many_curves_do_not_overlap_and_the_rest_is_grey(tmp_path: Path) -> None:
    y = Axis(field="version", label="version", values=[f"@{n}" for n in range(12)])
    view = example_view(tmp_path, y=y, cells=cells(tmp_path, (3, 12, 1, 1)), pick=None)
    root = _parsed(score_plot(view))
    labels = [text for text in root.iter(f"{SVG}text") if "label" in text.attrib["class"]]
    assert len(labels) == len(PALETTE)
    places = sorted(float(label.attrib["y"]) for label in labels)
    assert all(other - one >= 14.9 for one, other in pairwise(places))
    assert "grey: 4 others" in _texts(root)
    assert "@11" in {label.text for label in labels}  # the best one


def test_a_point_with_fewer_pictures_is_hollow(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    assert "hollow" not in score_plot(view)
    assert score_plot(replace(view, cells=view.cells[1:])).count("hollow") == 1


def test_what_users_wrote_stays_text(tmp_path: Path) -> None:
    evil = "</text><script>alert(1)</script>\x07&"
    y = Axis(field="version", label=evil, values=[evil, "@2"])
    x = Axis(field="prompt", label=evil, values=[evil, "b", "c"])
    text = score_plot(example_view(tmp_path, x=x, y=y, panels=[Panel(prompt=evil, seed=1)] * 2))
    assert not list(_parsed(text).iter(f"{SVG}script"))
    assert "<script" not in text


def test_a_plot_needs_no_style_sheet_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    text = score_plot(example_view(tmp_path))
    assert not re.search(r"<style|style=|href|url\(", text)


def test_without_scores_there_is_no_plot(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    assert score_plot(replace(view, metrics=[])) == ""
    assert score_plot(replace(view, cells=[])) == ""
    with pytest.raises(UnknownName):
        score_plot(view, metric="beauty")


def test_a_plot_becomes_a_file(tmp_path: Path) -> None:
    view = example_view(tmp_path)
    path = save_plot(view, tmp_path / "deep" / "plot.svg", metric="nearest")
    assert path.read_text("utf-8") == score_plot(view, metric="nearest")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.517, 0.687), (-3.0, 12345.0), (0.5, 0.5), (0.0, 0.0)]
)
def test_round_numbers_enclose_what_is_shown(low: float, high: float) -> None:
    found = round_numbers(low, high)
    assert found[0] <= low + 1e-9
    assert found[-1] >= high - 1e-9
    assert 2 <= len(found) <= 8
