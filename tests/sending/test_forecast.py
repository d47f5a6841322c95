"""When the last mail will have left: cases of caps, rates and hours, counted by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from tpma.sending.forecast import Pace, look_ahead
from tpma.sending.windows import Window

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)  # a Monday
ENDS = NOW + timedelta(days=90)
OFFICE = Window(8, 18, "12345")


def day(number, hour=0, minute=0):
    return datetime(2026, 3, number, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mails", "pace", "finishes"),
    [
        (100_000, Pace(), NOW),  # nothing holds it
        (0, Pace(), NOW),
        (7200, Pace(per_second=1.0), day(2, 11)),
        (50, Pace(left_today=50), NOW),
        (51, Pace(left_today=50), day(3)),  # 50 + 100
        (150, Pace(left_today=50), day(3)),
        (151, Pace(left_today=50), day(4)),
        (400, Pace(left_today=50, ahead=300), day(5)),  # 50 + 100 + 200 + 400
        (100, Pace(left_today=0, fixed_cap=0), None),  # stopped
        (100, Pace(left_today=10, fixed_cap=30), day(5)),
        (1000, Pace(quota=400), day(4)),
        (36_000 * 2, Pace(per_second=1.0, window=OFFICE), day(4, 9)),  # 9 h + 10 h + 1 h
        (9 * 3600, Pace(per_second=1.0, window=OFFICE), day(2, 18)),
        (60, Pace(left_today=50, window=Window(8, 18, "15")), day(6, 8)),  # Friday's cap
    ],
)
def test_when_it_will_be_out(mails, pace, finishes):
    assert look_ahead(mails, NOW, ENDS, pace, NOW).finishes == finishes


def test_what_starts_next_week_meets_the_rung_of_today():
    found = look_ahead(60, day(9, 9), ENDS, Pace(left_today=0, step=1), NOW)
    assert found.finishes == day(9, 9)


def test_the_capacity_is_what_all_days_until_the_end_have_room_for():
    ends = NOW + timedelta(days=2)
    found = look_ahead(10**6, NOW, ends, Pace(left_today=50, ahead=20), NOW)
    assert (found.finishes, found.capacity) == (None, 50 + 100 + 200 - 20)


def test_days_on_which_the_window_stays_closed_add_nothing():
    ends = NOW + timedelta(days=6)
    found = look_ahead(10**6, NOW, ends, Pace(left_today=50, window=Window(8, 18, "13")), NOW)
    assert found.capacity == 50 + 100


def test_without_a_warm_up_there_is_no_capacity_to_fit_into():
    assert look_ahead(10**6, NOW, ENDS, Pace(), NOW).capacity is None


def test_hours_are_counted_over_a_change_of_clocks():
    start = datetime(2026, 3, 28, 23, tzinfo=UTC)  # a day of 23 hours in Berlin
    pace = Pace(per_second=1.0, window=Window(0, 23), zone="Europe/Berlin")
    found = look_ahead(22 * 3600, start, ENDS, pace, start)
    assert found.finishes == start + timedelta(hours=22)
