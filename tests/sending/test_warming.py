"""The rules of a warm-up, as tables: what a day's results do to the next day's cap."""

from datetime import timedelta

import pytest

from tpma.sending import warming
from tpma.sending.warming import Day, Verdict

A, H, HALF, S = Verdict.ADVANCE, Verdict.HOLD, Verdict.HALVE, Verdict.STOP


def test_the_ladder_is_that_of_the_docs_and_then_grows_by_half():
    caps = [warming.cap(step) for step in range(12)]
    assert caps == [50, 100, 200, 400, 800, 1500, 3000, 6000, 10000, 15000, 22500, 33750]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, (A, "")),
        ({"taken": 600}, (A, "")),  # three fifths
        ({"taken": 599}, (H, "")),  # who sent less has shown less
        ({"told": False}, (H, "")),  # a silent feed proves nothing
        ({"bounced": 19}, (A, "")),
        ({"bounced": 20}, (H, "bounces")),
        ({"bounced": 40}, (HALF, "bounces")),
        ({"bounced": 50}, (S, "bounces")),
        ({"complained": 1}, (H, "complaints")),
        ({"complained": 2}, (HALF, "complaints")),
        ({"complained": 3}, (S, "complaints")),
        ({"deferred": 99}, (A, "")),
        ({"deferred": 100}, (H, "")),
        ({"deferred": 900}, (H, "")),
        ({"bounced": 45, "complained": 1}, (HALF, "bounces")),
        ({"bounced": 25, "complained": 5}, (S, "complaints")),
    ],
)
def test_a_day_of_a_thousand_mails(changes, found):
    day = {"cap": 1000, "taken": 1000, "accepted": 1000} | changes
    assert warming.verdict(Day(**day)) == found


@pytest.mark.parametrize("news", [{"complained": 1}, {"bounced": 30}, {"complained": 5}])
def test_fifty_mails_can_hold_a_domain_and_not_throw_it_back(news):
    assert warming.verdict(Day(cap=50, taken=50, accepted=50, **news))[0] is H


def test_a_day_without_a_mail_moves_nothing():
    assert warming.verdict(Day(cap=50, taken=0, accepted=0)) == (H, "")


@pytest.mark.parametrize(
    ("step", "found", "after"),
    [(0, A, 1), (8, A, 9), (60, A, 60), (3, H, 3), (0, HALF, 0), (1, HALF, 0), (3, HALF, 2),
     (5, HALF, 3), (8, HALF, 6), (10, HALF, 8), (4, S, 4)],
)  # fmt: skip
def test_the_rung_after_a_day(step, found, after):
    assert warming.step_after(step, found) == after


@pytest.mark.parametrize(("days", "after"), [(1, 6), (29, 6), (30, 4), (59, 4), (60, 2), (400, 0)])
def test_every_thirty_idle_days_cost_two_rungs(days, after):
    assert warming.step_after_idle(6, timedelta(days=days)) == after


@pytest.mark.parametrize(("mails", "step"), [(0, 0), (50, 0), (51, 1), (10_000, 8), (10_001, 9)])
def test_a_domain_that_sent_before_starts_at_the_rung_of_its_best_day(mails, step):
    assert warming.rung_for(mails) == step
