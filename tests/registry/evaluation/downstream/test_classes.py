"""Classes of pictures by their tags."""

import pytest

from sdxl_reg.errors import InvalidValue, UnknownName, UsageError
from sdxl_reg.evaluation.downstream.classes import (
    class_among,
    class_at,
    level_of,
    require_enough,
)

NAMES = ["brand", "state", "defect"]
PRODUCTS = ["qzy/flawless", "qzy/flawed/spot", "qzy/flawed/fold", "lsbr/flawed/spot"]


@pytest.mark.parametrize(
    ("by", "level"), [("", 2), ("defect", 2), ("State", 1), ("brand", 0), ("1", 0), ("3", 2)]
)
def test_a_level_is_named_numbered_or_the_deepest_that_varies(by: str, level: int) -> None:
    assert level_of(PRODUCTS, by, names=NAMES) == level


def test_a_level_that_does_not_vary_is_passed_over() -> None:
    assert level_of(["qzy/flawed/spot", "lsbr/flawed/spot"], "", names=NAMES) == 0


def test_a_picture_whose_path_is_shorter_is_of_its_last_tag() -> None:
    assert {class_at(path, 2) for path in PRODUCTS} == {"flawless", "spot", "fold"}
    assert {class_at(path, 0) for path in PRODUCTS} == {"qzy", "lsbr"}


@pytest.mark.parametrize("by", ["deffect", "Defekt"])
def test_an_unknown_level_comes_with_those_there_are(by: str) -> None:
    with pytest.raises(UnknownName, match="defect"):
        level_of(PRODUCTS, by, names=NAMES)


@pytest.mark.parametrize("by", ["0", "4"])
def test_a_number_that_no_path_reaches_is_refused(by: str) -> None:
    with pytest.raises(InvalidValue, match="levels 1 to 3"):
        level_of(PRODUCTS, by, names=NAMES)


@pytest.mark.parametrize(
    ("tags", "by"),
    [(["qzy/spot", "qzy/spot"], ""), (["qzy/spot", "qzy/fold"], "brand"), (["", ""], ""), ([], "")],
)
def test_one_class_is_nothing_to_tell_apart(tags: list[str], by: str) -> None:
    with pytest.raises(UsageError, match=r"nothing to tell apart|no such level"):
        level_of(tags, by, names=NAMES)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("qzy/flawed/spot", "spot"),
        ("Spot", "spot"),
        ("spot/batch-2", "spot"),
        ("qzy/flawless", "flawless"),
        ("qzy/flawed", None),
        ("", None),
    ],
)
def test_a_synthetic_picture_is_of_the_class_that_its_folders_name(
    path: str, found: str | None
) -> None:
    assert class_among(path, 2, ["flawless", "fold", "spot"]) == found


def test_classes_with_too_few_pictures_are_all_named() -> None:
    require_enough({"spot": 4, "fold": 9})
    with pytest.raises(UsageError, match=r"fold has 3, spot has 1.*It takes 4 of each"):
        require_enough({"spot": 1, "fold": 3, "flawless": 9})
