"""The layout rule: which folder is the image set."""

import pytest

from sdxl_reg.errors import InvalidValue
from sdxl_reg.imaging.layout import Layout, decide, parse_levels


def _decide(*paths: str, as_name: str | None = None, layout: str | None = None) -> Layout:
    folders = [tuple(path.split("/")) if path else () for path in paths]
    return decide(folders, root_name="root", as_name=as_name, layout=layout)


DEFECTS = ("qzy/flawless", "qzy/flawed/spot", "lsbr/flawless", "lsbr/flawed/fold")


def test_states_in_the_third_level_make_first_level_folders_sets() -> None:
    layout = _decide(*(f"weipin/{path}" for path in DEFECTS))
    assert (layout.set_name, layout.levels) == (None, ("brand", "state", "defect"))


def test_states_in_the_second_level_make_the_folder_itself_the_set() -> None:
    layout = _decide(*DEFECTS)
    assert (layout.set_name, layout.levels) == ("root", ("brand", "state", "defect"))


def test_states_in_the_first_level_make_the_folder_the_set_of_one_brand() -> None:
    layout = _decide("flawless", "flawed/spot", "flawed/fold")
    assert (layout.set_name, layout.levels) == ("root", ("state", "defect"))


def test_deeper_states_get_levels_above_the_brand() -> None:
    layout = _decide("weipin/2026/qzy/flawed/spot", "weipin/2026/qzy/flawless")
    assert layout.set_name is None
    assert layout.levels == ("level1", "brand", "state", "defect")


def test_states_decide_even_where_the_depth_says_otherwise() -> None:
    # As deep as a folder of sets, yet brands lie right under it.
    assert _decide("qzy/flawed/spot/macro/left", "qzy/flawless").set_name == "root"


def test_only_flawless_pictures_without_defects_are_enough_of_a_hint() -> None:
    assert _decide("weipin/qzy/flawless").set_name is None
    assert _decide("qzy/Flawless").set_name == "root"


def test_most_pictures_decide_between_states_at_two_depths() -> None:
    assert _decide("a/b/flawed", "a/b/flawless", "b/flawed").set_name is None
    assert _decide("a/b/flawed", "a/flawless", "b/flawed").set_name == "root"


def test_without_states_the_depth_decides() -> None:
    assert _decide("animals/birds/small", "food").set_name is None
    assert _decide("animals/birds", "food").set_name == "root"
    assert _decide("cat", "dog").set_name == "root"
    assert _decide("").set_name == "root"


def test_a_given_name_makes_the_folder_the_set() -> None:
    layout = _decide("a/b/c/d", as_name="weipin")
    assert layout.set_name == "weipin"


def test_a_given_layout_settles_everything() -> None:
    layout = _decide("a/flawed", layout="set/line/state")
    assert (layout.set_name, layout.levels) == (None, ("line", "state"))
    layout = _decide("a/b/flawed", layout="{brand}/{state}/{defect?}", as_name="mine")
    assert (layout.set_name, layout.levels) == ("mine", ("brand", "state", "defect"))


def test_levels_past_the_layout_are_numbered() -> None:
    layout = _decide("a/flawed", layout="brand/state")
    assert [layout.level(depth) for depth in range(4)] == ["brand", "state", "level3", "level4"]


def test_what_was_decided_is_a_sentence() -> None:
    assert _decide(*DEFECTS).sentence() == (
        "The folder is the image set 'root', its folders are brand/state/defect: "
        "its states lie in the second level"
    )


@pytest.mark.parametrize("layout", ["", "a//b", "a/a", "brand/set"])
def test_a_layout_of_the_wrong_form_is_refused(layout: str) -> None:
    with pytest.raises(InvalidValue, match="layout is not of the right form"):
        parse_levels(layout)


def test_a_layout_with_sets_contradicts_a_name() -> None:
    with pytest.raises(InvalidValue, match="contradicts --as"):
        _decide("a/b", layout="set/brand", as_name="mine")


@pytest.mark.parametrize("name", ["", " ", "a@1", "a/b"])
def test_a_name_that_references_could_not_hold_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        _decide("a", as_name=name)
