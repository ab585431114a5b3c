import copy
import inspect
import json
import pickle
import re
from pathlib import Path

import pytest

from sdxl_reg import errors
from sdxl_reg.errors import (
    Changed,
    Conflict,
    Corrupt,
    InvalidSettings,
    InvalidValue,
    ItemsRefused,
    NotAllowed,
    NotFound,
    NotReady,
    NotSignedIn,
    OutOfSpace,
    RegistryError,
    RunFailed,
    UnknownName,
    UsageError,
    WorkFailed,
    as_facts,
    from_facts,
    suggestion,
)

EVERY = [
    RegistryError("it broke", remedy="Mend it"),
    UsageError("no input", remedy="Give one"),
    InvalidValue("strength out of range", 1.5, remedy="Give 0 … 1"),
    InvalidSettings("trainer 'lora'", {"rank": "too low (got 0)", "alpah": "no such setting"}),
    ItemsRefused(3, {"items.1": "no such picture"}),
    UnknownName("trainer", "lara", ["lora", "embedding"]),
    NotFound("dataset", "weipni", ["weipin"]),
    Conflict("the name is taken", remedy="Choose another"),
    Changed("it has changed since", remedy="Read it again"),
    Corrupt(Path("a.safetensors"), "its header is cut off", remedy="Download it again"),
    NotReady("the database does not answer", remedy="Start it"),
    NotSignedIn("the token has expired", remedy="Make another"),
    NotAllowed("anna is reader in project 'main'", remedy="Ask an admin"),
    WorkFailed("no worker answered", remedy="Start one"),
    RunFailed(7, "the loss is not a number", remedy="Lower the learning rate"),
    OutOfSpace(Path("store")),
]


def test_the_tree_at_the_top_is_the_tree_of_the_classes() -> None:
    drawn = re.findall(r"^ {4}[│ ]*(?:[├└]── )?([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)
    classes = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, RegistryError)
    ]
    assert sorted(drawn) == sorted(classes)
    assert sorted(type(error).__name__ for error in EVERY) == sorted(classes)


def test_the_tree_tells_the_exit_codes_and_statuses_that_the_classes_have() -> None:
    for line in (errors.__doc__ or "").splitlines():
        if (found := re.search(r"── (\w+)\s+exit (\d)\s+HTTP (\d+)", line)) is not None:
            kind = getattr(errors, found[1])
            assert (kind.exit_code, kind.http_status) == (int(found[2]), int(found[3]))


def test_codes_are_unique() -> None:
    codes = [type(error).code for error in EVERY]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_an_error_survives_the_way_between_processes(error: RegistryError) -> None:
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert vars(other) == vars(error)


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_an_error_can_be_told_in_json(error: RegistryError) -> None:
    other = from_facts(json.loads(json.dumps(as_facts(error))))
    assert type(other) is type(error)
    assert str(other) == str(error)
    assert vars(other) == vars(error)


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_an_error_says_what_to_do_or_which_values_are_wrong(error: RegistryError) -> None:
    assert error.remedy or isinstance(error, InvalidSettings)
    assert error.message in str(error)


def test_an_error_of_a_code_that_is_not_known_is_told_all_the_same() -> None:
    other = from_facts({"code": "odd", "text": "It is odd", "facts": {"message": "It is odd"}})
    assert (type(other), str(other)) == (RegistryError, "It is odd")


def test_every_fault_of_the_settings_is_told_at_once() -> None:
    error = InvalidSettings("trainer 'lora'", {"rank": "too low", "alpha": "not a number"})
    assert "rank: too low" in str(error)
    assert "alpha: not a number" in str(error)


@pytest.mark.parametrize(
    ("name", "known", "told"),
    [
        ("weipni", ["weipin", "other"], "Did you mean 'weipin'?"),
        ("WEIPIN", ["weipin"], "Did you mean 'weipin'?"),
        ("zzz", ["weipin"], "There is: weipin"),
        ("zzz", [], ""),
        ("zzz", [f"set{n}" for n in range(10)], "and 2 more"),
    ],
)
def test_a_near_name_is_suggested(name: str, known: list[str], told: str) -> None:
    assert told in suggestion(name, known)
    assert bool(suggestion(name, known)) == bool(known)


def test_a_name_looked_for_among_none_is_told_so() -> None:
    assert "There is no image set yet" in str(NotFound("image set", "weipn", iter(())))
    assert "yet" not in str(NotFound("file", "weipn"))
