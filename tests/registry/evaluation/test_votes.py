"""Votes made by hand and by simulated voters, and the rankings they come to."""

from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdxl_reg.errors import InvalidValue
from sdxl_reg.evaluation.bradley_terry import fit
from sdxl_reg.evaluation.places import Draw
from sdxl_reg.evaluation.votes import Ranking, Vote, rank, statement, win_matrix
from sdxl_reg.vocabulary import Outcome

DRAW: Draw = ("a mug", 1)
OTHER_SIDE = {
    Outcome.LEFT: Outcome.RIGHT,
    Outcome.RIGHT: Outcome.LEFT,
    Outcome.TIE: Outcome.TIE,
}


def _vote(left: str, right: str, outcome: Outcome = Outcome.LEFT) -> Vote:
    return Vote(left=left, right=right, draw=DRAW, outcome=outcome)


def _by_name(rankings: list[Ranking]) -> dict[str, Ranking]:
    return {one.candidate: one for one in rankings}


_votes = st.lists(
    st.builds(
        lambda two, outcome: _vote(two[0], two[1], outcome),
        st.permutations(["a", "b", "c", "d"]),
        st.sampled_from(Outcome),
    ),
    max_size=12,
)


def test_wins_losses_and_ties_are_counted_on_both_sides() -> None:
    votes = [_vote("a", "b"), _vote("b", "a", Outcome.RIGHT), _vote("b", "a", Outcome.TIE)]
    found = _by_name(rank(["a", "b"], votes))
    assert (found["a"].wins, found["a"].losses, found["a"].ties) == (2, 0, 1)
    assert (found["b"].wins, found["b"].losses, found["b"].ties) == (0, 2, 1)
    assert win_matrix(["a", "b"], votes).tolist() == [[0, 2.5], [0.5, 0]]


def test_the_strongest_is_first_and_an_unbeaten_one_is_finite() -> None:
    votes = [_vote("a", "b")] * 10 + [_vote("b", "c")] * 10
    rankings = rank(["c", "b", "a"], votes)
    assert [one.candidate for one in rankings] == ["a", "b", "c"]
    assert 1 < rankings[0].strength < 10
    assert rankings[1].strength == pytest.approx(0, abs=1e-9)
    assert [one.is_first for one in rankings] == [True, False, False]
    assert statement(rankings) == "a is preferred to every other candidate"


def test_strengths_are_those_of_the_model() -> None:
    votes = [_vote("a", "b")] * 3 + [_vote("b", "a")]
    found = fit(win_matrix(["a", "b"], votes))
    rankings = rank(["a", "b"], votes)
    assert [one.strength for one in rankings] == found.theta.tolist()
    error = float(found.covariance[0, 0]) ** 0.5
    assert rankings[0].high - rankings[0].low == pytest.approx(2 * 1.6449 * error, rel=1e-4)


def test_a_candidate_without_votes_is_in_the_middle_with_a_wide_interval() -> None:
    votes = [_vote(*two) for two in permutations("abcde", 2)] * 3
    rankings = _by_name(rank([*"abcde", "unseen"], votes))
    unseen = rankings["unseen"]
    assert unseen.strength == pytest.approx(0, abs=1e-9)
    assert unseen.low < -2
    assert unseen.high > 2
    assert unseen.is_first  # nobody knows yet
    assert unseen.high - unseen.low > 1.3 * (rankings["a"].high - rankings["a"].low)


def test_votes_on_others_link_those_that_are_ranked() -> None:
    votes = [_vote("a", "gone")] * 5 + [_vote("gone", "b")] * 5
    rankings = rank(["a", "b"], votes)
    assert [one.candidate for one in rankings] == ["a", "b"]
    assert rankings[0].strength > 0.5 > -0.5 > rankings[1].strength


def test_equal_candidates_stand_in_the_order_of_their_names() -> None:
    rankings = rank(["b", "c", "a"], [_vote("a", "b", Outcome.TIE), _vote("b", "c", Outcome.TIE)])
    assert [one.candidate for one in rankings] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        ([], "nobody has voted yet"),
        ([_vote("a", "b")], "the votes do not tell the candidates apart yet"),
        (
            [_vote("a", "c")] * 20 + [_vote("b", "c")] * 20 + [_vote("a", "b")],
            "a is ahead, but the votes do not tell it from b yet",
        ),
    ],
)
def test_it_is_told_when_votes_do_not_tell_candidates_apart(votes: list[Vote], said: str) -> None:
    assert statement(rank(["a", "b", "c"], votes)) == said


def test_of_many_that_are_as_good_only_some_are_named() -> None:
    names = ["a", "b", "c", "d", "e"]
    votes = [_vote(name, "loser") for name in names] * 20
    assert statement(rank([*names, "loser"], votes)) == (
        "a is ahead, but the votes do not tell it from b, c, d and 1 more yet"
    )


def test_nobody_is_ranked_when_there_are_no_candidates() -> None:
    assert rank([], []) == []
    assert rank([], [_vote("a", "b")]) == []


def test_a_vote_between_a_candidate_and_itself_is_refused() -> None:
    with pytest.raises(InvalidValue, match="itself: a"):
        _vote("a", "a")


@given(_votes, st.randoms(use_true_random=False))
def test_sides_and_the_order_of_votes_do_not_matter(votes: list[Vote], random: Random) -> None:
    turned = [_vote(vote.right, vote.left, OTHER_SIDE[vote.outcome]) for vote in votes]
    random.shuffle(turned)
    assert rank(["a", "b", "c", "d"], turned) == rank(["d", "c", "b", "a"], votes)


@given(_votes)
def test_one_more_win_never_lowers_a_strength(votes: list[Vote]) -> None:
    names = ["a", "b", "c", "d"]
    before = _by_name(rank(names, votes))["a"]
    after = _by_name(rank(names, [*votes, _vote("b", "a", Outcome.RIGHT)]))["a"]
    assert after.strength > before.strength
