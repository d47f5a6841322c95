"""Who may start when: the places of a turn in the provider's rate."""

import pytest

from tpma.sending.handing_over import LATE, Pace
from tpma.sending.limits import Grant


class Watch:
    """A clock that goes on when somebody sleeps, and notes for how long they meant to."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(pytest.approx(seconds))
        self.now += seconds


@pytest.fixture
def watch():
    return Watch()


def _pace(watch, wait=0.5, gap=0.1):
    return Pace(Grant(10, wait, gap), watch.sleep, watch)


def test_mails_wait_for_their_places(watch):
    pace = _pace(watch)
    for place in range(3):
        pace.wait_for(place)
    assert watch.slept == [0.5, 0.1, 0.1]


def test_a_turn_that_is_late_does_not_catch_up(watch):
    pace = _pace(watch)
    watch.now += 0.5 + 3.0
    for place in range(3):
        pace.wait_for(place)
    assert watch.slept == [0.1, 0.1]


def test_lateness_in_the_middle_moves_what_comes_after(watch):
    pace = _pace(watch)
    pace.wait_for(0)
    watch.now += 1.0
    pace.wait_for(1)
    pace.wait_for(2)
    assert watch.slept == [0.5, 0.1]


def test_a_moment_s_lateness_is_made_up_for(watch):
    pace = _pace(watch)
    watch.now += 0.5 + LATE / 2
    pace.wait_for(0)
    pace.wait_for(1)
    pace.wait_for(2)
    assert watch.slept == [2 * 0.1 - LATE / 2]


def test_without_a_rate_nobody_waits(watch):
    pace = _pace(watch, wait=0.0, gap=0.0)
    for place in range(3):
        watch.now += 1.0
        pace.wait_for(place)
    assert watch.slept == []
