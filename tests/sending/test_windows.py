"""Hours on the reader's clock: leaps, double hours, the edges of the earth."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpma.localization import zones
from tpma.sending import windows
from tpma.sending.windows import Window, instant

OFFICE = Window(8, 18, "12345")


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "zone", "moment"),
    [
        ("2026-05-12T09:00", "Europe/Berlin", "2026-05-12T07:00"),
        ("2026-05-12T09:00", "Pacific/Kiritimati", "2026-05-11T19:00"),  # +14
        ("2026-05-12T09:00", "Etc/GMT+12", "2026-05-12T21:00"),  # -12
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:00"),  # leapt over: 03:00
        ("2026-03-08T02:00", "America/New_York", "2026-03-08T07:00"),
        ("2026-10-04T02:15", "Australia/Lord_Howe", "2026-10-03T15:30"),  # half an hour's leap
        ("2011-12-30T09:00", "Pacific/Apia", "2011-12-30T10:00"),  # a whole day's
        ("2026-09-06T00:00", "America/Santiago", "2026-09-06T04:00"),  # at midnight
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30"),  # twice: the first
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30"),
    ],
)
def test_the_moment_at_which_a_wall_clock_shows_a_time(wall, zone, moment):
    assert instant(datetime.fromisoformat(wall), zone) == utc(moment)


@pytest.mark.parametrize(
    ("now", "zone", "opens"),
    [
        ("2026-03-02T09:00", "Europe/Berlin", "2026-03-02T09:00"),  # open
        ("2026-03-02T06:59", "Europe/Berlin", "2026-03-02T07:00"),
        ("2026-03-02T17:00", "Europe/Berlin", "2026-03-03T07:00"),  # 18:00 there: closed
        ("2026-03-06T17:30", "Europe/Berlin", "2026-03-09T07:00"),  # Friday evening: Monday
        ("2026-03-27T18:00", "Europe/Berlin", "2026-03-30T06:00"),  # over the change of clocks
        ("2026-10-23T18:00", "Europe/Berlin", "2026-10-26T07:00"),
        ("2026-03-01T22:00", "Pacific/Kiritimati", "2026-03-01T22:00"),  # Monday noon there
        ("2026-03-02T09:00", "Pacific/Pago_Pago", "2026-03-02T19:00"),  # Sunday night there
    ],
)
def test_when_office_hours_open(now, zone, opens):
    assert OFFICE.opens(utc(now), zone) == utc(opens)


@given(
    st.integers(0, 6 * 366 * 24 * 60),
    st.sampled_from(sorted(set(zones.main_zones().values()))),
    st.integers(0, 22),
    st.integers(1, 8),
    st.sets(st.sampled_from("1234567"), min_size=1),
)
def test_it_opens_at_the_first_moment_at_which_it_is_open(minute, zone, start, length, days):
    window = Window(start, min(start + length, 24), "".join(sorted(days)))
    now = utc("2024-01-01T00:00") + timedelta(minutes=minute)
    opens = window.opens(now, zone)
    assert opens >= now
    assert window.is_open(opens, zone)
    assert opens == now or not window.is_open(opens - timedelta(seconds=1), zone)


@pytest.mark.parametrize(
    ("wall", "now", "zone", "when"),
    [
        ("2026-05-12T09:00", "2026-05-01T00:00", "Asia/Tokyo", "2026-05-12T00:00"),
        ("2026-05-12T09:00", "2026-05-12T06:00", "Asia/Tokyo", "2026-05-12T06:00"),  # has passed
        (
            "2026-05-12T09:00",
            "2026-05-12T12:00",
            "Asia/Tokyo",
            "2026-05-12T23:00",
        ),  # and it is late
        ("2026-05-12T07:00", "2026-05-01T00:00", "Europe/Berlin", "2026-05-12T06:00"),
        ("2026-05-16T09:00", "2026-05-01T00:00", "Europe/Berlin", "2026-05-18T06:00"),  # Saturday
        (None, "2026-05-12T12:00", "Asia/Tokyo", "2026-05-12T23:00"),
    ],
)
def test_from_when_on_a_reader_may_get_it(wall, now, zone, when):
    chosen = datetime.fromisoformat(wall) if wall else None
    assert windows.not_before(chosen, utc(now), zone, OFFICE) == utc(when)


@pytest.mark.parametrize(
    ("country", "zone"),
    [("JP", "Asia/Tokyo"), ("US", "America/New_York"), ("", "Europe/Berlin"),
     ("AQ", "Europe/Berlin"), ("XX", "Europe/Berlin")],
)  # fmt: skip
def test_the_clock_of_a_country_or_else_the_launchs(country, zone):
    assert zones.zone_of(country, "Europe/Berlin") == zone


def test_a_machine_without_the_zones_data_goes_by_the_launchs_clock(monkeypatch):
    monkeypatch.setitem(zones.main_zones(), "JP", "Asia/Not_On_This_Machine")
    assert zones.zone_of("JP", "Europe/Berlin") == "Europe/Berlin"


def test_every_main_zone_is_known_here():
    assert [name for name in zones.main_zones().values() if not zones.is_known(name)] == []


def test_a_launch_begins_with_the_readers_furthest_east():
    found = ["Asia/Tokyo", "America/New_York", "Europe/Berlin"]
    begins = windows.first_start(datetime.fromisoformat("2026-05-12T09:00"), found, "UTC")
    assert begins == utc("2026-05-12T00:00")
