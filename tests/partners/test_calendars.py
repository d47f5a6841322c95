"""Holidays as an admin types them, and where they hold."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tpma.core.errors import Invalid
from tpma.partners import calendars


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", []),
        ("  \n\r\n ", []),
        ("2026-12-25", ["2026-12-25"]),
        ("2026-10-03 DE\n2026-10-03 de\n 2026-01-01 ", ["2026-01-01", "2026-10-03 DE"]),
        ("2026-10-03\tAT", ["2026-10-03 AT"]),
    ],
)
def test_days_are_kept_in_order_and_once(typed, kept):
    assert calendars.holidays(typed) == kept


@pytest.mark.parametrize(
    "line",
    [
        "Christmas",
        "25.12.2026",
        "2026-02-30",
        "2026-13-01",
        "2026-12-25 Germany",
        "2026-12-25 XX",
        "2026-12-25; DROP TABLE programmes",
        "٢٠٢٦-١٢-٢٥ DE X",
    ],
)
def test_what_is_no_day_is_named(line):
    with pytest.raises(Invalid) as refusal:
        calendars.holidays(f"2026-01-01\n{line}")
    assert refusal.value.field == "holidays"
    assert line[:20] in refusal.value.message


def test_a_calendar_has_an_end():
    days = "\n".join(f"{2026 + n // 365}-{n % 12 + 1:02d}-{n % 28 + 1:02d}" for n in range(401))
    with pytest.raises(Invalid):
        calendars.holidays(days)


@pytest.mark.parametrize(
    ("country", "closed"),
    [
        ("DE", {date(2026, 12, 25), date(2026, 10, 3)}),
        ("US", {date(2026, 12, 25)}),
        ("", {date(2026, 12, 25)}),
    ],
)
def test_a_holiday_holds_everywhere_or_in_its_country(country, closed):
    assert calendars.closed(["2026-12-25", "2026-10-03 DE"], country) == closed


@given(some.sets(some.tuples(some.dates(), some.sampled_from(["", "DE", "IL"])), max_size=20))
def test_what_is_kept_reads_back_the_same(days):
    typed = "\n".join(f"{day.isoformat()} {country}" for day, country in days)
    kept = calendars.holidays(typed)
    assert calendars.holidays("\n".join(kept)) == kept
    for country in ("DE", "IL"):
        assert calendars.closed(kept, country) == {d for d, at in days if at in ("", country)}
