"""What voters are shown, and that it leads to the best candidate."""

from itertools import combinations
from math import exp
from random import Random

import numpy as np
import pytest

from sdxl_reg.evaluation.bradley_terry import fit
from sdxl_reg.evaluation.pairing import Pair, expected_gain, next_pair
from sdxl_reg.evaluation.places import Draw
from sdxl_reg.evaluation.votes import Vote, rank
from sdxl_reg.vocabulary import Outcome

DRAWS: list[Draw] = [("a mug", seed) for seed in range(6)]


def _vote(left: str, right: str, draw: int = 0, outcome: Outcome = Outcome.LEFT) -> Vote:
    return Vote(left=left, right=right, draw=DRAWS[draw], outcome=outcome)


def _shown(candidates: dict[str, list[Draw]], votes: list[Vote], *, times: int = 40) -> list[Pair]:
    found = [next_pair(candidates, votes, Random(seed)) for seed in range(times)]
    return [pair for pair in found if pair is not None]


def _twos(pairs: list[Pair]) -> set[frozenset[str]]:
    return {frozenset((pair.left, pair.right)) for pair in pairs}


def test_both_sides_show_either_candidate_and_both_have_the_draw() -> None:
    candidates = {"a": DRAWS[:4], "b": DRAWS[2:]}
    pairs = _shown(candidates, [])
    assert len(pairs) == 40
    assert {(pair.left, pair.right) for pair in pairs} == {("a", "b"), ("b", "a")}
    assert {pair.draw for pair in pairs} == set(DRAWS[2:4])
    lefts = sum(pair.left == "a" for pair in pairs)
    assert 8 <= lefts <= 32  # of 40 throws of a coin: four standard deviations


def test_the_same_randomness_shows_the_same_pair() -> None:
    candidates = dict.fromkeys("abcd", DRAWS)
    one = next_pair(candidates, [_vote("a", "b")], Random(7))
    assert one == next_pair(dict(reversed(candidates.items())), [_vote("b", "a")], Random(7))


@pytest.mark.parametrize("candidates", [{}, {"a": DRAWS}, {"a": DRAWS[:3], "b": DRAWS[3:]}])
def test_without_two_pictures_of_one_draw_nothing_is_shown(
    candidates: dict[str, list[Draw]],
) -> None:
    assert next_pair(candidates, [], Random(1)) is None


def test_candidates_are_linked_first_and_the_unseen_before_all() -> None:
    candidates = dict.fromkeys("abcd", DRAWS)
    assert _twos(_shown(candidates, [_vote("a", "b")])) == {frozenset("cd")}
    votes = [_vote("a", "b"), _vote("c", "d")]
    groups = {frozenset(two) for two in ("ac", "ad", "bc", "bd")}
    assert _twos(_shown(candidates, votes)) == groups
    votes = [_vote("a", "b"), _vote("b", "c"), _vote("b", "c")]
    assert _twos(_shown(candidates, votes)) == {frozenset("ad")}


def test_n_candidates_are_linked_by_n_minus_1_votes() -> None:
    candidates = {f"x@{number}": DRAWS for number in range(9)}
    votes: list[Vote] = []
    groups = {name: {name} for name in candidates}
    for number in range(8):
        pair = next_pair(candidates, votes, Random(number))
        assert pair is not None
        assert groups[pair.left] is not groups[pair.right]
        groups[pair.left] |= groups[pair.right]
        for name in groups[pair.right]:
            groups[name] = groups[pair.left]
        votes.append(Vote(left=pair.left, right=pair.right, draw=pair.draw, outcome=Outcome.LEFT))
    assert groups["x@0"] == set(candidates)


def test_close_candidates_with_few_votes_between_them_come_next() -> None:
    candidates = dict.fromkeys("abc", DRAWS)
    votes = [_vote("a", "c", draw) for draw in range(4)] + [
        _vote("b", "c", draw) for draw in range(4)
    ]
    assert _twos(_shown(candidates, votes)) == {frozenset("ab")}


def test_the_gain_is_the_logarithm_of_how_the_information_grows() -> None:
    wins = np.array([[0, 9.0, 1], [2, 0, 1], [0, 1, 0]])
    theta = fit(wins).theta
    rows, weights = [*np.eye(3)], [1.0, 1.0, 1.0]
    for one, other in combinations(range(3), 2):
        rows.append(np.eye(3)[one] - np.eye(3)[other])
        weights.append(wins[one, other] + wins[other, one])

    def information(extra: int | None) -> float:
        added = [weight + (row == extra) for row, weight in enumerate(weights)]
        x = np.array(rows)
        p = 1 / (1 + np.exp(-x @ theta))
        return float(np.linalg.det((x.T * (np.array(added) * p * (1 - p))) @ x))

    gain = expected_gain(wins)
    assert gain.diagonal().tolist() == [0, 0, 0]
    np.testing.assert_allclose(gain, gain.T)
    for row, (one, other) in enumerate(combinations(range(3), 2), 3):
        expected = np.log(information(row) / information(None))
        assert gain[one, other] == pytest.approx(expected, rel=1e-6)


def test_two_that_have_a_draw_to_show_come_before_two_that_have_shown_all() -> None:
    candidates = {"a": DRAWS, "b": DRAWS, "c": DRAWS[:1]}
    votes = [_vote("a", "b", draw) for draw in range(3)] + [_vote("a", "c"), _vote("c", "b")]
    pairs = _shown(candidates, votes)
    assert _twos(pairs) == {frozenset("ab")}  # though the others have one vote, and these three
    assert {pair.draw for pair in pairs} == set(DRAWS[3:])


def test_of_draws_that_two_have_not_shown_the_one_least_shown_by_others_comes_first() -> None:
    votes = [_vote("a", "c", 0), _vote("a", "c", 1), _vote("c", "b", 1)]
    pairs = _shown({"a": DRAWS[:3], "b": DRAWS[:3]}, votes)
    assert {pair.draw for pair in pairs} == {DRAWS[2]}


def test_when_every_draw_was_shown_they_are_shown_again() -> None:
    votes = [_vote("a", "b", 0), _vote("a", "b", 1), _vote("a", "b", 1)]
    pairs = _shown({"a": DRAWS[:2], "b": DRAWS[:2]}, votes)
    assert {pair.draw for pair in pairs} == {DRAWS[0]}


def test_a_simulated_voter_finds_the_best() -> None:
    truth = {
        f"x@{number}": strength for number, strength in enumerate([-1, 0.5, 1.5, 0, -0.5, 0.2])
    }
    draws: list[Draw] = [("a mug", seed) for seed in range(40)]
    candidates = dict.fromkeys(truth, draws)
    found = 0
    for seed in range(6):
        rng, votes = Random(seed), list[Vote]()
        for _ in range(90):
            pair = next_pair(candidates, votes, rng)
            assert pair is not None
            chance = 1 / (1 + exp(truth[pair.right] - truth[pair.left]))
            outcome = Outcome.LEFT if rng.random() < chance else Outcome.RIGHT
            votes.append(Vote(left=pair.left, right=pair.right, draw=pair.draw, outcome=outcome))
        rankings = rank(list(truth), votes)
        found += rankings[0].candidate == "x@2"
        assert next(one for one in rankings if one.candidate == "x@2").is_first
    assert found >= 5
