"""Values, lists of words and pieces of command lines as kohya's files write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.formats.kohya.words import command_line, pairs, plain, says_nothing, written_pairs

_names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
_values = st.one_of(
    st.integers(-1000, 1000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0.0001", 1e-4),
        ("5e-05", 5e-5),
        ("8", 8),
        (8.0, 8),
        (" 1.0 ", 1),
        ("True", True),
        ("false", False),
        ("", None),
        ("None", None),
        ("constant", "constant"),
        ("1024,1024", "1024,1024"),
        ("infinity", "infinity"),
        ([], []),
    ],
)
def test_text_that_is_a_number_or_a_switch_is_read_as_one(written: object, meant: object) -> None:
    assert plain(written) == meant
    assert type(plain(written)) is type(meant)


@pytest.mark.parametrize("value", ["", None, 0, "0", 0.0, "0.0", False, "False", [], {}])
def test_empty_zero_and_off_say_nothing(value: object) -> None:
    assert says_nothing(value)


@pytest.mark.parametrize("value", [1, "1", True, "True", "no", [0], -1])
def test_anything_else_says_something(value: object) -> None:
    assert not says_nothing(value)


@pytest.mark.parametrize(
    "text",
    [
        "weight_decay=0.1 betas=0.9,0.99 decouple=True",
        '"weight_decay=0.1" "betas=0.9,0.99" "decouple=True"',
        ["weight_decay=0.1", "betas=(0.9,0.99)", "decouple=True"],
    ],
)
def test_arguments_are_read_however_they_are_quoted(text: object) -> None:
    assert pairs(text) == ({"weight_decay": 0.1, "betas": (0.9, 0.99), "decouple": True}, [])


def test_a_word_without_an_equals_sign_is_told_apart() -> None:
    assert pairs("eps=1e-8 fused") == ({"eps": 1e-8}, ["fused"])


@given(st.dictionaries(_names, _values, max_size=4))
def test_written_arguments_are_read_back(values: dict[str, object]) -> None:
    assert pairs(written_pairs(values)) == (values, [])


def test_a_command_line_gives_switches_words_and_lists() -> None:
    text = '--network_train_unet_only --keep_tokens_separator "||| " --network_args "a=1" "b=2"'
    assert command_line(text) == (
        {
            "network_train_unet_only": True,
            "keep_tokens_separator": "||| ",
            "network_args": ["a=1", "b=2"],
        },
        [],
    )


def test_an_option_may_carry_its_value_with_an_equals_sign() -> None:
    assert command_line("--max_grad_norm=0 --seed 7") == ({"max_grad_norm": "0", "seed": "7"}, [])


def test_what_is_no_option_is_returned() -> None:
    assert command_line("stray --seed 7") == ({"seed": "7"}, ["stray"])
    assert command_line('--a "unclosed') == ({}, ['--a "unclosed'])
