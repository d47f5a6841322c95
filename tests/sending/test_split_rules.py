"""Two subjects: who gets which, and what clicks prove."""

import random
from uuid import UUID

import pytest

from tpma.sending import split_rules
from tpma.sending.split_rules import Arm, Outcome

LAUNCH, OTHER = UUID(int=1), UUID(int=2)
KEYS = [number.to_bytes(16, "big") for number in range(1000)]

SIZES = [(1000, 20, 100), (1000, 50, 250), (9, 20, 0), (10, 20, 1), (0, 20, 0)]


@pytest.mark.parametrize(("readers", "share", "arm"), SIZES)
def test_each_subject_gets_half_of_the_sample(readers, share, arm):
    drawn = split_rules.draw(LAUNCH, KEYS[:readers], share)
    assert [list(drawn.values()).count(letter) for letter in "ab"] == [arm, arm]


def test_the_sample_is_the_same_whenever_it_is_drawn_and_another_for_each_launch():
    drawn = split_rules.draw(LAUNCH, KEYS)
    assert split_rules.draw(LAUNCH, reversed_keys()) == drawn
    again = split_rules.draw(OTHER, KEYS)
    assert len(drawn.keys() & again.keys()) < 100  # 40 of 200 by chance


def reversed_keys():
    return list(reversed(KEYS))


DECIDED = [  # a, b: (sent, clicked); outcome; what the rest gets
    ((1000, 100), (1000, 200), Outcome.WINNER, "b"),
    ((1000, 200), (1000, 100), Outcome.WINNER, "a"),
    ((1000, 100), (1000, 110), Outcome.NO_DIFFERENCE, "a"),
    ((1000, 100), (1000, 100), Outcome.NO_DIFFERENCE, "a"),
    ((3000, 0), (3000, 0), Outcome.NO_DIFFERENCE, "a"),
    ((30, 0), (30, 10), Outcome.TOO_SMALL, "a"),
    ((100, 2), (100, 9), Outcome.TOO_SMALL, "a"),
    ((0, 0), (0, 0), Outcome.TOO_SMALL, "a"),
    ((1000, 100), (0, 0), Outcome.TOO_SMALL, "a"),
]


@pytest.mark.parametrize(("a", "b", "outcome", "winner"), DECIDED)
def test_what_the_clicks_of_a_sample_prove(a, b, outcome, winner):
    verdict = split_rules.decide(Arm(*a), Arm(*b))
    assert (verdict.outcome, verdict.winner) == (outcome, winner)


# Readers an arm for p against 2p, 5 % two-sided, power 80 %, by the formula every textbook has.
NEEDED = [(0.02, 1141), (0.05, 435), (0.10, 199), (0.0, 1141), (0.9, 16)]


@pytest.mark.parametrize(("rate", "readers"), NEEDED)
def test_how_many_readers_show_twice_the_clicks(rate, readers):
    assert split_rules.needed(rate) == readers


def test_the_interval_is_newcombes():
    """His example: 56 of 70 against 48 of 80 (Statistics in Medicine 17, 1998, table II, 10)."""
    low, high = split_rules.difference(Arm(80, 48), Arm(70, 56))
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_without_a_difference_a_winner_is_claimed_about_once_in_twenty():
    rng = random.Random(20261130)
    claimed = sum(_decided(rng, 0.10, 0.10) is Outcome.WINNER for _trial in range(1500))
    assert 0.03 < claimed / 1500 < 0.07


def test_twice_the_clicks_are_found_in_four_of_five_trials():
    rng = random.Random(20261130)
    found = sum(_decided(rng, 0.08, 0.16) is Outcome.WINNER for _trial in range(400))
    assert found / 400 > 0.8


def _decided(rng, a_rate, b_rate, sent=300):
    clicks = [sum(rng.random() < rate for _reader in range(sent)) for rate in (a_rate, b_rate)]
    return split_rules.decide(Arm(sent, clicks[0]), Arm(sent, clicks[1])).outcome
