"""Layouts: as JSON and back, and in words."""

import json

import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.axes import Axis, Fields, Value, axis_of, parse_axis
from sdxl_reg.evaluation.layout import Layout, Panel, cell_count, described, read_layout
from sdxl_reg.evaluation.plan import plan_cells
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec
from sdxl_reg.vocabulary import Sampler

DIGESTS = {"b@1": "b" * 64, "x@1": "1" * 64, "x@2": "2" * 64, "y@1": "3" * 64}


def _layout(*texts: str) -> Layout:
    x, y, *z = (parse_axis(text, Fields()) for text in texts)
    panel = Panel(prompt="a spot", seed=2**60, adapters=(AdapterUse(ref="y@1", text_strength=0.5),))
    return Layout(
        common=PictureSpec(base="b@1", width=64, height=96, sampler=Sampler.DDIM),
        panels=[panel, Panel(prompt="a spot", seed=0)],
        x=x,
        y=y,
        z=z[0] if z else None,
        version="x@1",
        strength=0.5,
    )


@pytest.mark.parametrize(
    "texts",
    [
        ("strength=0:1:0.5", "steps=4,8"),
        ("sampler=Euler a,DPM++ 2M Karras", "replace:spot=fold,crease", "size=64x64,96x64"),
        ('prompt="a spot, red",a spot', "seed=1,9007199254740993", "cfg=3"),
    ],
)
def test_a_layout_reads_back_from_its_json(texts: tuple[str, ...]) -> None:
    layout = _layout(*texts)
    document = json.loads(json.dumps(layout.as_document()))
    again = read_layout(document)
    assert json.loads(json.dumps(again.as_document())) == document
    assert plan_cells(again, DIGESTS) == plan_cells(layout, DIGESTS)
    assert again.common == layout.common


def test_versions_and_their_notes_read_back() -> None:
    values = [Value(label="@2", changes={"version": "x@2"}, notes=("epoch 2, step 8",))]
    layout = _layout("steps=1", "cfg=3")
    changed = Layout(**{**vars(layout), "y": Axis(field="version", values=values)})
    (value,) = read_layout(json.loads(json.dumps(changed.as_document()))).y.values
    assert (value.label, dict(value.changes), list(value.notes)) == (
        "@2",
        {"version": "x@2"},
        ["epoch 2, step 8"],
    )


def test_the_words_of_a_layout_name_rows_first() -> None:
    assert described(_layout("strength=0,1", "steps=4,8,9")) == "3 steps x 2 strengths"
    assert described(_layout("strength=1", "steps=4", "cfg=3,5")) == "1 steps x 1 strength x 2 cfg"


def test_cells_are_counted_and_too_many_are_refused() -> None:
    assert cell_count(_layout("strength=0,1", "steps=4,8,9", "cfg=3,5")) == 2 * 3 * 2 * 2
    wide = _layout("strength=0,1", "steps=4")
    layout = Layout(
        **{**vars(wide), "x": axis_of("seed", range(101)), "y": axis_of("cfg", [5] * 99)}
    )
    assert cell_count(layout) == 19_998
    more = Layout(**{**vars(layout), "y": axis_of("cfg", [5] * 100)})
    with pytest.raises(InvalidValue, match="101 x 100 x 1 x 2 = 20,200"):
        cell_count(more)


def test_a_document_without_rows_is_refused() -> None:
    document = _layout("strength=0,1", "steps=4").as_document()
    document["axes"]["y"] = None
    with pytest.raises(InvalidValue, match="columns or rows"):
        read_layout(document)
