"""Rates as arithmetic: nobody gets a place twice, and no worker can go faster than the account."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.sending import rates
from tpma.sending.rules import canary

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("promised", "wanted", "count", "first"),
    [
        (None, 5, 5, NOW),
        (after(-60), 5, 5, NOW),  # an hour of silence saves up no burst
        (after(-0.25), 5, 5, NOW),
        (after(-0.2), 5, 5, after(-0.2)),  # away for a moment: the pace goes on
        (after(0.5), 5, 5, after(0.5)),
        (after(0.5), 20, 6, after(0.5)),  # 0.5 s of the horizon are left, 10 a second
        (after(1), 20, 1, after(1)),
        (after(1.01), 20, 0, after(1.01)),
        (None, 0, 0, NOW),
    ],
)
def test_places_within_the_next_second_at_ten_a_second(promised, wanted, count, first):
    slots, _then = rates.reserve(promised, NOW, 10.0, wanted)
    assert (slots.count, slots.first) == (count, first)


def test_places_that_are_not_needed_are_free_again():
    slots, then = rates.reserve(None, NOW, 10.0, 8)
    assert rates.give_back(then, NOW, 10.0, slots.count) == NOW


@given(
    st.lists(st.tuples(st.integers(1, 50), st.floats(0, 3)), min_size=1, max_size=40),
    st.floats(1, 500),
)
def test_any_workers_together_never_start_more_than_the_rate(asked, per_second):
    """In no span of time do more mails start than the rate allows, whoever asks and when."""
    promised, now, starts = None, NOW, []
    for wanted, pause in asked:
        slots, promised = rates.reserve(promised, now, per_second, wanted)
        first = slots.first.timestamp()
        starts += [first + place * slots.gap for place in range(slots.count)]
        now += timedelta(seconds=pause)
    assert starts == sorted(starts)
    gaps = [later - earlier for earlier, later in zip(starts, starts[1:], strict=False)]
    assert all(gap >= 1 / per_second - 1e-5 for gap in gaps)


@pytest.mark.parametrize(
    ("per_second", "lowered", "slower"),
    [
        (40.0, None, 20.0),
        (40.0, after(-5), 20.0),
        (40.0, after(-1), 40.0),  # the same wave of "not now"
        (1.5, None, 1.0),
        (1.0, None, 1.0),
        (0.5, None, 0.5),  # a rate set below the floor stays
    ],
)
def test_not_now_halves_the_rate_once_a_wave(per_second, lowered, slower):
    assert rates.halved(per_second, lowered, NOW) == slower


@pytest.mark.parametrize(
    ("per_second", "quiet", "now_at"),
    [(20.0, 9, 20.0), (20.0, 10, 22.0), (20.0, 25, 24.0), (39.0, 10, 40.0), (20.0, 3600, 40.0)],
)
def test_a_lowered_rate_climbs_back_a_twentieth_each_ten_seconds(per_second, quiet, now_at):
    assert rates.recovered(per_second, 40.0, after(-quiet), NOW)[0] == now_at


def test_the_rest_of_ten_seconds_is_not_lost_on_the_way_back():
    _rate, raised = rates.recovered(20.0, 40.0, after(-25), NOW)
    assert raised == after(-5)


@pytest.mark.parametrize(
    ("max_24h", "told", "ours", "room"),
    [
        (-1, 500, 500, None),
        (1000, 0, 0, 880),  # 98 % less the tenth kept for mail a person waits for
        (1000, 500, 100, 380),  # other senders count
        (1000, 100, 500, 380),  # the provider's count is late
        (1000, 900, 0, 0),
        (200, 0, 0, 176),
    ],
)
def test_the_room_of_a_day(max_24h, told, ours, room):
    assert rates.daily_room(max_24h, told, ours) == room


def test_mail_a_person_waits_for_has_a_tenth_more():
    assert rates.daily_room(1000, 0, 0, reserved=False) == 980


@pytest.mark.parametrize(
    ("readers", "first"), [(0, 0), (100, 0), (199, 0), (200, 100), (2000, 100), (50_000, 2500)]
)
def test_the_first_hundred_or_a_twentieth_go_first(readers, first):
    assert canary(readers) == first
