"""What a grid consists of: its cells in their order, their keys, words in the place of others."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sdxl_reg.errors import InvalidSettings, InvalidValue
from sdxl_reg.evaluation.axes import Axis, Fields, Value, axis_of, parse_axis
from sdxl_reg.evaluation.layout import Layout, Panel
from sdxl_reg.evaluation.plan import PlannedCell, plan_cells, plan_pictures, replaced
from sdxl_reg.jobs.pictures import AdapterUse, PictureSpec
from sdxl_reg.vocabulary import Sampler, Schedule

COMMON = PictureSpec(base="b@1", width=64, height=64)
DIGESTS = {"b@1": "b" * 64, "c@1": "c" * 64, "x@1": "1" * 64, "x@2": "2" * 64, "y@1": "3" * 64}
VERSIONS = Axis(
    field="version",
    values=[Value(label=f"@{number}", changes={"version": f"x@{number}"}) for number in (1, 2)],
)
STRENGTHS = axis_of("strength", [0.0, 0.5, 1.0])
PANELS = [Panel(prompt=prompt, seed=seed) for prompt in ("a mug", "a shoe") for seed in (1, 2, 3)]


def _axis(text: str) -> Axis:
    return parse_axis(text, Fields(base=lambda word: f"{word}@1"))


def _layout(
    x: Axis = STRENGTHS,
    y: Axis = VERSIONS,
    z: Axis | None = None,
    panels: Sequence[Panel] = PANELS,
    **common: Any,
) -> Layout:
    return Layout(
        common=COMMON.model_copy(update=common),
        panels=panels,
        x=x,
        y=y,
        z=z,
        version="x@2",
        strength=0.75,
    )


def _cells(
    x: Axis = STRENGTHS, y: Axis = VERSIONS, z: Axis | None = None, **more: Any
) -> list[PlannedCell]:
    return plan_cells(_layout(x, y, z, **more), DIGESTS)


def test_a_grid_has_a_cell_for_each_panel_page_row_and_column() -> None:
    cells = _cells(STRENGTHS, VERSIONS, _axis("steps=4,8"))
    assert len(cells) == 6 * 2 * 2 * 3
    places = [(cell.panel, cell.z, cell.y, cell.x) for cell in cells]
    assert places == sorted(set(places))
    facts = [
        (cell.picture.prompt, cell.picture.seed, cell.version, cell.strength) for cell in cells
    ]
    assert facts[:4] == [
        ("a mug", 1, "x@1", 0.0),
        ("a mug", 1, "x@1", 0.5),
        ("a mug", 1, "x@1", 1.0),
        ("a mug", 1, "x@2", 0.0),
    ]
    assert [cell.picture.num_inference_steps for cell in cells[:12]] == [4] * 6 + [8] * 6


def test_what_is_planned_is_what_is_listed_and_nothing_else() -> None:
    pictures = plan_pictures(_layout(panels=PANELS[:1]))
    drawn = [(use.ref, use.strength) for picture in pictures for use in picture.adapters]
    assert drawn == [(f"x@{number}", value) for number in (1, 2) for value in (0, 0.5, 1)]


def test_versions_share_the_base_and_nothing_else() -> None:
    cells = _cells()
    assert len({cell.key for cell in cells}) == 6 * (1 + 2 * 2)
    assert len({cell.key for cell in cells if cell.strength == 0}) == 6


def test_where_no_axis_says_it_version_and_strength_are_those_of_the_grid() -> None:
    cells = _cells(_axis("steps=4,8"), _axis("cfg=3,5"), panels=PANELS[:1])
    assert {(cell.version, cell.strength) for cell in cells} == {("x@2", 0.75)}
    assert {cell.picture.adapters for cell in cells} == {(AdapterUse(ref="x@2", strength=0.75),)}
    assert len({cell.key for cell in cells}) == 4


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("steps=4,8", {"num_inference_steps": 8}),
        ("cfg=3,7.5", {"guidance_scale": 7.5}),
        ("rescale=0,0.7", {"guidance_rescale": 0.7}),
        ("sampler=Euler,DPM++ 2M Karras", {"sampler": Sampler.DPMPP_2M, "schedule": "Karras"}),
        ("schedule=Automatic,Exponential", {"schedule": Schedule.EXPONENTIAL}),
        ("clip-skip=2,1", {"clip_skip": 1}),
        ("size=64x64,64x96", {"width": 64, "height": 96}),
        ("negative=a,ugly", {"negative_prompt": "ugly"}),
        ("prompt=a,a hat", {"prompt": "a hat"}),
        ("seed=1,9", {"seed": 9}),
        ("base=b,c", {"base": "c@1"}),
        ("replace:mug=mug,cup", {"prompt": "a cup"}),
        ("hires-scale=1,2", {"hires_scale": 2}),
    ],
)
def test_a_value_changes_its_field_and_so_the_key(text: str, fields: Mapping[str, Any]) -> None:
    first, second = _cells(_axis(text), axis_of("strength", [1.0]), panels=PANELS[:1])
    plain = _cells(axis_of("strength", [1.0]), axis_of("seed", [1]), panels=PANELS[:1])[0].picture
    assert second.picture == plain.model_copy(
        update={**fields, "adapters": second.picture.adapters}
    )
    assert first.key != second.key


@pytest.mark.parametrize(
    ("text", "having"),
    [
        ("denoising=0.3,0.6", {"init_image": "a" * 64}),
        ("hires-steps=3,5", {"hires_scale": 2.0}),
        ("hires-denoising=0.3,0.6", {"hires_scale": 2.0}),
        ("hires-upscaler=Latent,Lanczos", {"hires_scale": 2.0}),
        ("switch-at=0.3,0.6", {"refiner": "c@1"}),
    ],
)
def test_fields_that_count_only_with_others_change_pictures_that_have_these(
    text: str, having: dict[str, Any]
) -> None:
    idle = _cells(_axis(text), panels=PANELS[:1])
    assert len({cell.key for cell in idle}) == 2
    at_work = _cells(_axis(text), panels=PANELS[:1], **having)
    assert len({cell.key for cell in at_work}) == 4


def test_what_a_prompt_calls_up_is_applied_before_what_is_compared() -> None:
    panel = Panel(prompt="a mug", seed=1, adapters=(AdapterUse(ref="y@1", strength=0.3),))
    cells = _cells(panels=[panel])
    assert [use.ref for use in cells[1].picture.adapters] == ["y@1", "x@1"]
    assert len({cell.key for cell in cells if cell.strength == 0}) == 1
    assert cells[0].key != _cells(panels=PANELS[:1])[0].key


def test_a_prompt_of_an_axis_brings_its_own_adapters() -> None:
    own = AdapterUse(ref="y@1").model_dump()
    changes = {"prompt": "a hat", "adapters": [own]}
    prompts = Axis(field="prompt", values=[Value(label="a hat", changes=changes)])
    (cell,) = _cells(prompts, axis_of("strength", [1.0]), panels=PANELS[:1])
    assert [use.ref for use in cell.picture.adapters] == ["y@1", "x@2"]


@pytest.mark.parametrize(
    ("prompt", "search", "word", "found"),
    [
        ("a spot, spots, Spot", "spot", "fold", "a fold, spots, Spot"),
        ("0.15 and 0.1", "0.1", "0.3", "0.15 and 0.3"),
        ("10.1, 0.1.", "0.1", "0.3", "10.1, 0.3."),
        ("1 of 10, 1.5 (1)", "1", "2", "2 of 10, 1.5 (2)"),
        ("red mug, red", "red mug", r"\1", r"\1, red"),
        ("(spot:1.2)", "(spot:1.2)", "fold", "fold"),
        ("größe", "gr", "k", "größe"),
    ],
)
def test_only_whole_words_are_replaced(prompt: str, search: str, word: str, found: str) -> None:
    assert replaced(prompt, search, word) == found


def test_several_axes_may_replace_words() -> None:
    cells = _cells(_axis("replace:a=one,two"), _axis("replace:mug=cup"), panels=PANELS[:1])
    assert [cell.picture.prompt for cell in cells] == ["one cup", "two cup"]


def test_a_text_that_no_prompt_has_is_refused() -> None:
    with pytest.raises(InvalidValue, match="'hat'"):
        _cells(_axis("replace:hat=cap"), VERSIONS)
    _cells(_axis("replace:mug=cup"), VERSIONS)  # one of the prompts has it
    _cells(_axis("replace:hat=cap"), _axis("prompt=a hat"))


def test_a_million_cells_are_refused_before_any_is_made() -> None:
    hundred = axis_of("seed", range(100))
    with pytest.raises(InvalidValue, match="6,000,000") as refusal:
        _cells(axis_of("strength", [n / 100 for n in range(100)]), hundred, _axis("steps=1:100:1"))
    assert "20,000" in refusal.value.remedy


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("steps=0", "num_inference_steps"),
        ("cfg=-1", "guidance_scale"),
        ("size=64x60", "height"),
        ("clip-skip=13", "clip_skip"),
        ("seed=99999999999999999999", "seed"),
        ("hires-upscaler=Magic", "hires_upscaler"),
        ("switch-at=1.5", "switch_at"),
    ],
)
def test_a_value_out_of_the_range_of_its_field_is_refused(text: str, name: str) -> None:
    with pytest.raises(InvalidSettings, match=name):
        _cells(_axis(text), VERSIONS)
