"""A1111's prompt syntax, case by case, and its laws for any text."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import InvalidValue
from sdxl_reg.formats.prompts import BREAK, Piece, escaped, parse_emphasis, split_tags
from sdxl_reg.vocabulary import ArtifactKind

PLAIN = st.text(alphabet="abc ,.-é1", min_size=1)
ANY = st.text(alphabet=st.one_of(st.sampled_from("()[]\\:<>1.2 BREAKlora"), st.characters()))

# The examples of A1111's own docstring, and what its parser gives for the rest.
CASES: list[tuple[str, list[tuple[str, float]]]] = [
    ("normal text", [("normal text", 1.0)]),
    ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
    ("(unbalanced", [("unbalanced", 1.1)]),
    ("unbalanced)", [("unbalanced)", 1.0)]),
    ("unbalanced]", [("unbalanced]", 1.0)]),
    (r"\(literal\]", [("(literal]", 1.0)]),
    ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
    ("", [("", 1.0)]),
    ("((a))", [("a", 1.1 * 1.1)]),
    ("[a]", [("a", 1 / 1.1)]),
    ("[[a", [("a", 1 / 1.1 / 1.1)]),
    ("(a:1.5) b", [("a", 1.5), (" b", 1.0)]),
    ("(a: 0.5 )", [("a", 0.5)]),
    ("(a:-1)", [("a", -1.0)]),
    ("(a:b)", [("a:b", 1.1)]),
    ("a:1.5)", [("a:1.5)", 1.0)]),
    ("a: b", [("a: b", 1.0)]),
    (r"C:\\dir", [(r"C:\dir", 1.0)]),
    (r"a\b", [("ab", 1.0)]),
    (
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        [
            ("a ", 1.0),
            ("house", 1.5730000000000004),
            (" ", 1.1),
            ("on", 1.0),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641000000000006),
            (".", 1.1),
        ],
    ),
]


@pytest.mark.parametrize(("text", "pieces"), CASES, ids=[text for text, _ in CASES])
def test_emphasis_is_read_as_a1111_reads_it(text: str, pieces: list[tuple[str, float]]) -> None:
    found = parse_emphasis(text)
    assert [piece.text for piece in found] == [text for text, _ in pieces]
    assert [piece.weight for piece in found] == pytest.approx([weight for _, weight in pieces])


def test_a_break_stands_between_pieces_whatever_brackets_are_around_it() -> None:
    assert parse_emphasis("a BREAK b") == [Piece("a", 1.0), BREAK, Piece("b", 1.0)]
    first, second, third = parse_emphasis("(a BREAK b:2)")
    assert (first, third) == (Piece("a", 2.0), Piece("b", 2.0))
    assert second is BREAK
    assert parse_emphasis("BREAKS") == [Piece("BREAKS", 1.0)]


def test_a_weight_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"1\.2\.3"):
        parse_emphasis("(a:1.2.3)")


@given(ANY)
def test_escaped_text_is_read_literally(text: str) -> None:
    assert split_tags(escaped(text)) == (escaped(text), [])
    pieces = parse_emphasis(escaped(text))
    assert pieces == [Piece(text, 1.0)]
    assert pieces[0] is not BREAK


@pytest.mark.parametrize(
    "text", ["BREAK", "<lora:x:1>", r"\\(", "(a:1.2)", "<hypernet:y>", "[a|b]"]
)
def test_what_has_a_meaning_loses_it_when_escaped(text: str) -> None:
    assert parse_emphasis(escaped(text)) == [Piece(text, 1.0)]
    assert split_tags(escaped(text))[1] == []
    assert escaped(text) != text


@given(PLAIN, st.lists(st.floats(0.1, 3), max_size=4))
def test_weights_of_nested_brackets_multiply(text: str, weights: list[float]) -> None:
    written, product = text, 1.0
    for weight in weights:
        written, product = f"({written}:{weight:.3f})", product * float(f"{weight:.3f}")
    (piece,) = parse_emphasis(written)
    assert piece.text == text
    assert piece.weight == pytest.approx(product)


@given(ANY)
def test_whatever_is_written_no_two_neighbours_weigh_the_same(text: str) -> None:
    try:
        pieces = parse_emphasis(text)
    except InvalidValue:
        return
    for one, other in pairwise(pieces):
        assert one is BREAK or other is BREAK or one.weight != other.weight


@pytest.mark.parametrize(
    ("text", "kind", "name", "strengths"),
    [
        ("<lora:mug>", ArtifactKind.LORA, "mug", (1.0, 1.0)),
        ("<lora:mug:0.8>", ArtifactKind.LORA, "mug", (0.8, 0.8)),
        ("<lora:mug:0.5:0.8>", ArtifactKind.LORA, "mug", (0.5, 0.8)),
        ("<lora:mug:.5:-1>", ArtifactKind.LORA, "mug", (0.5, -1.0)),
        ("<lora:mug:te=0:unet=0.8>", ArtifactKind.LORA, "mug", (0.0, 0.8)),
        ("<lora:mug:0.3:unet=0.8>", ArtifactKind.LORA, "mug", (0.3, 0.8)),
        ("<lyco:mug:1>", ArtifactKind.LORA, "mug", (1.0, 1.0)),
        ("<lora:my mug-2_v1.5@best:1>", ArtifactKind.LORA, "my mug-2_v1.5@best", (1.0, 1.0)),
        ("<hypernet:anime:0.7>", ArtifactKind.HYPERNETWORK, "anime", (0.7, 0.7)),
    ],
)
def test_a_tag_says_what_it_calls_up_and_how_strongly(
    text: str, kind: ArtifactKind, name: str, strengths: tuple[float, float]
) -> None:
    prompt, [tag] = split_tags(f"a red {text}mug")
    assert prompt == "a red mug"
    assert (tag.kind, tag.name, tag.text) == (kind, name, text)
    assert (tag.text_strength, tag.strength) == strengths


@pytest.mark.parametrize(
    "tag",
    [
        "<lora:mug:much>",
        "<lora:mug:1:2:3>",
        "<lora::1>",
        "<lora:mug:>",
        "<lora:mug:nan>",
        "<lora:mug:1.2.3>",
        "<lora:mug:dyn=4>",
        "<hypernet:mug:1:2>",
    ],
)
def test_a_malformed_tag_is_refused_and_shown(tag: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        split_tags(f"a {tag}")
    assert tag in str(caught.value)


def test_tags_keep_their_order_and_other_angle_brackets_are_text() -> None:
    prompt, tags = split_tags("<lora:b:1> a < b > c <x:y> <hypernet:a:1>")
    assert prompt == " a < b > c <x:y> "
    assert [tag.name for tag in tags] == ["b", "a"]
